import { describe, expect, test } from "vitest";
import { type Decision, decide, type Situation } from "./decide.ts";
import type { Candidate } from "./image.ts";
import { PolicyError, parsePolicy } from "./policy.ts";
import { parseReference } from "./reference.ts";

const id = (letter: string) => `sha256:${letter.repeat(64)}`;

function image(name: string, content: string, appearedAt: number, more: Partial<Candidate> = {}): Candidate {
  const reference = parseReference(name);
  return {
    name: `${reference.registry}/${reference.repository}:${reference.tag}`,
    reference,
    ids: [id(content)],
    appearedAt,
    source: "docker",
    ...more,
  };
}

function situation(
  candidates: Candidate[],
  more: Partial<Omit<Situation, "policy" | "container">> & { policy?: string; container?: object } = {},
): Situation {
  const { policy = "newest", container, ...rest } = more;
  return {
    container: { name: "c", image: "app:test", pullPolicy: "IfNotPresent", ...container },
    policy: parsePolicy(policy),
    allowDowngrade: false,
    candidates,
    running: [{ id: id("a"), fromRepository: false, startedAt: 10 }],
    baselineAt: 10,
    refusedIds: new Set(),
    retriedIds: new Set(),
    nodes: ["n1"],
    claimed: () => false,
    ...rest,
  };
}

const to = (decision: Decision) => (decision.do === "roll" ? decision.image : decision.do);
const old = image("app:test", "a", 5, { builtAt: 5 });

describe("newest", () => {
  test("the image that appeared last is rolled out", () => {
    const decision = decide(situation([old, image("app:1", "b", 20), image("app:fixed", "c", 30)]));
    expect(decision).toMatchObject({ do: "roll", image: "app:fixed", why: "newest" });
  });
  test("what was there when the template was set is left", () => {
    expect(to(decide(situation([old, image("app:fixed", "b", 9)])))).toBe("nothing");
  });
  test("identical content under a new tag is nothing, and hides nothing", () => {
    expect(to(decide(situation([old, image("app:copy", "a", 30)])))).toBe("nothing");
    expect(to(decide(situation([old, image("app:fixed", "b", 20), image("app:copy", "a", 30)])))).toBe("app:fixed");
  });
  test("what the pods tell counts when the tag is gone from the machine", () => {
    expect(to(decide(situation([image("app:copy", "a", 30)])))).toBe("nothing");
    expect(to(decide(situation([image("app:fixed", "b", 30)])))).toBe("app:fixed");
  });
  test("a lower version or an earlier build is skipped, unless it is wished", () => {
    const lower = situation([image("app:1.9.0", "b", 30)], { container: { image: "app:1.10.0" } });
    expect(decide(lower)).toMatchObject({ do: "nothing", skipped: [{ why: "1.9.0 is lower than 1.10.0" }] });
    const earlier = situation([old, image("app:older", "b", 30, { builtAt: 1 })]);
    expect(decide(earlier)).toMatchObject({
      do: "nothing",
      skipped: [{ why: expect.stringContaining("was built at") }],
    });
    expect(to(decide({ ...earlier, allowDowngrade: true }))).toBe("app:older");
  });
  test("of two that appeared together the one that was built last", () => {
    const candidates = [old, image("app:1", "b", 30, { builtAt: 28 }), image("app:2", "c", 30, { builtAt: 27 })];
    expect(to(decide(situation(candidates)))).toBe("app:1");
    expect(to(decide(situation(candidates.toReversed())))).toBe("app:1");
  });
  test("a skipped one does not hide the one before it", () => {
    const decision = decide(
      situation([old, image("app:good", "b", 20, { builtAt: 20 }), image("app:o", "c", 30, { builtAt: 1 })]),
    );
    expect(to(decision)).toBe("app:good");
  });
  test("refused content is not tried again, under no tag", () => {
    const refusedIds = new Set([id("b")]);
    expect(to(decide(situation([old, image("app:x", "b", 30), image("app:y", "b", 40)], { refusedIds })))).toBe(
      "nothing",
    );
  });
  test("an image that was pulled for somebody else's pod is not ours", () => {
    expect(to(decide(situation([old, image("app:2", "b", 30)], { claimed: () => true })))).toBe("nothing");
  });
  test("what a person asks for again may have been there before", () => {
    expect(to(decide(situation([old, image("app:x", "b", 3)], { retriedIds: new Set([id("b")]) })))).toBe("app:x");
  });
  test("a digest in the template, or a malformed one, is left alone", () => {
    const candidates = [image("app:fixed", "b", 30)];
    expect(to(decide(situation(candidates, { container: { image: `app@${id("a")}` } })))).toBe("nothing");
    expect(to(decide(situation(candidates, { container: { image: "APP::" } })))).toBe("nothing");
  });
  test("the registry, its port and the way the name is written stay", () => {
    const candidates = [image("registry:5000/app:2", "b", 30)];
    expect(to(decide(situation(candidates, { container: { image: "registry:5000/app:1" } })))).toBe(
      "registry:5000/app:2",
    );
    expect(to(decide(situation([image("app:2", "b", 30)], { container: { image: "docker.io/library/app" } })))).toBe(
      "docker.io/library/app:2",
    );
  });
});

describe("new content under the same tag", () => {
  const rebuilt = image("app:test", "b", 30, { replacedIds: [id("a")] });
  test("restarts pods that run the old one", () => {
    expect(decide(situation([rebuilt]))).toMatchObject({
      do: "roll",
      image: "app:test",
      why: "new content under its tag",
    });
    expect(to(decide(situation([rebuilt], { policy: "same-tag" })))).toBe("app:test");
    expect(to(decide(situation([rebuilt], { policy: "off" })))).toBe("nothing");
  });
  test("restarts nothing when the pods run it, do not tell yet, or were restarted for it", () => {
    const run = (running: Situation["running"]) => to(decide(situation([rebuilt], { running })));
    expect(run([{ id: id("b"), fromRepository: false, startedAt: 40 }])).toBe("nothing");
    expect(run([{ fromRepository: false, startedAt: 40 }])).toBe("nothing");
    expect(run([])).toBe("nothing");
    expect(to(decide(situation([rebuilt], { container: { pinnedId: id("b") } })))).toBe("nothing");
  });
  test("an image that is pulled for its own pod is no change", () => {
    const first = image("app:test", "b", 30);
    const running = [{ id: id("f"), fromRepository: true, startedAt: 20 }];
    expect(to(decide(situation([first], { running })))).toBe("nothing");
  });
  test("wins over a tag that appeared before it", () => {
    expect(to(decide(situation([rebuilt, image("app:fixed", "c", 20)])))).toBe("app:test");
  });
  test("from a registry is compared with the digest that the pods pulled, and needs Always", () => {
    const there = image("app:test", "b", 0, { source: "registry" });
    const pulled = [{ id: id("a"), fromRepository: true, startedAt: 10 }];
    const always = { container: { pullPolicy: "Always" } };
    expect(to(decide(situation([there], { running: pulled, ...always })))).toBe("app:test");
    expect(decide(situation([there], { running: pulled }))).toMatchObject({ do: "wait" });
    const local = [{ id: id("a"), fromRepository: false, startedAt: 10 }];
    expect(to(decide(situation([there], { running: local, ...always })))).toBe("nothing");
  });
});

describe("other policies", () => {
  const versions = [
    image("app:1.2.0", "a", 5),
    image("app:v1.9.1", "b", 3),
    image("app:1.10.0", "c", 4),
    image("app:1.11.0-rc.1", "d", 40),
    image("app:2.0.0", "e", 50),
    image("app:latest", "f", 60),
  ];
  const at = (policy: string, tag: string, more = {}) =>
    to(decide(situation(versions, { policy, container: { image: `app:${tag}` }, ...more })));
  test("semver takes the highest in its range, whenever it came, and never a lower one", () => {
    expect(at("semver:^1.2", "1.2.0")).toBe("app:1.10.0");
    expect(at("semver:>=1.0.0 <1.10", "1.2.0")).toBe("app:v1.9.1");
    expect(at("semver:*", "1.2.0")).toBe("app:2.0.0");
    expect(at("semver:^1.2", "1.12.0")).toBe("nothing");
    expect(at("semver:^1.2", "1.12.0", { allowDowngrade: true })).toBe("app:1.10.0");
    expect(at("semver:^1.2", "dev")).toBe("app:1.10.0");
  });
  test("glob and regex take the last that fits the whole tag", () => {
    expect(at("glob:1.1*", "1.2.0")).toBe("app:1.11.0-rc.1");
    expect(at("regex:[0-9.]+", "1.2.0")).toBe("app:2.0.0");
    expect(at("regex:1", "1.2.0")).toBe("nothing");
  });
  test("same-tag takes no other tag", () => {
    expect(at("same-tag", "1.2.0")).toBe("nothing");
  });
  test.each(["", "newer", "semver:", "semver:x y z", "glob:", "regex:(", "regex:", "off:"])("%j is refused", (text) => {
    expect(() => parsePolicy(text)).toThrow(PolicyError);
  });
});

describe("nodes", () => {
  const fixed = (nodes: string[], more = {}) => image("app:fixed", "b", 30, { nodes: new Set(nodes), ...more });
  test("all that the pods may come to must have it", () => {
    const both = { nodes: ["n1", "n2"] };
    expect(to(decide(situation([old, fixed(["n1", "n2"])], both)))).toBe("app:fixed");
    expect(decide(situation([old, fixed(["n1"])], both))).toMatchObject({
      do: "wait",
      why: "app:fixed (sha256:bbbbbbbbbbbb) is not on the node n2",
    });
    expect(to(decide(situation([old, fixed(["n1"])], { ...both, container: { pullPolicy: "Always" } })))).toBe(
      "app:fixed",
    );
    expect(to(decide(situation([old, fixed(["n1"], { pullable: true })], both)))).toBe("app:fixed");
    const never = { ...both, container: { pullPolicy: "Never" } };
    expect(to(decide(situation([old, fixed(["n1"], { pullable: true })], never)))).toBe("wait");
  });
});
