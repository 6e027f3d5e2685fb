import { isTolerated } from "@podwright/kube/node-selection";
import { describe, expect, test } from "vitest";
import type { Node, Pod, PodSpec } from "../kinds.ts";
import { podOf } from "../testing/objects.ts";
import { demandsOf, refuse } from "./filters.ts";
import { NodeInfo } from "./node-info.ts";
import { best } from "./score.ts";
import { describeRefusals } from "./unschedulable.ts";

function nodeInfo(name = "n1", spec: Node["spec"] = {}, pods: Pod[] = []): NodeInfo {
  const info = new NodeInfo(name);
  info.node = {
    apiVersion: "v1",
    kind: "Node",
    metadata: { name, labels: { "kubernetes.io/hostname": name, zone: "a", cores: "8" } },
    spec,
    status: { allocatable: { cpu: "2", memory: "4Gi", pods: "3" } },
  };
  for (const pod of pods) info.addPod(pod);
  return info;
}

let uids = 0;
function pod(requests: Record<string, string> = {}, spec: Partial<PodSpec> = {}): Pod {
  const made = podOf("p", [{ resources: { requests } }], spec);
  made.metadata.uid = String(++uids);
  return made;
}

const reasonsOf = (wanted: Pod, info: NodeInfo) => refuse(demandsOf(wanted), info)?.reasons;

describe("resources", () => {
  test("what is left counts, not what there is", () => {
    const info = nodeInfo("n1", {}, [pod({ cpu: "1500m" })]);
    expect(reasonsOf(pod({ cpu: "500m", memory: "4Gi" }), info)).toBeUndefined();
    expect(reasonsOf(pod({ cpu: "501m", memory: "5Gi", "example.com/gpu": "1" }), info)).toEqual([
      "Insufficient cpu",
      "Insufficient memory",
      "Insufficient example.com/gpu",
    ]);
  });

  test("a pod that has gone gives back what it took", () => {
    const there = pod({ cpu: "2" });
    const info = nodeInfo("n1", {}, [there]);
    info.removePod(there.metadata.uid as string);
    expect(reasonsOf(pod({ cpu: "2" }), info)).toBeUndefined();
  });

  test("so many pods and no more", () => {
    expect(reasonsOf(pod(), nodeInfo("n1", {}, [pod(), pod(), pod()]))).toEqual(["Too many pods"]);
  });

  test("init containers count at their hungriest, sidecars beside the others", () => {
    const cpu = (amount: string) => ({ requests: { cpu: amount } });
    const spec = {
      initContainers: [
        { name: "side", restartPolicy: "Always", resources: cpu("500m") },
        { name: "init", resources: cpu("1600m") },
      ],
    };
    expect(reasonsOf(pod({ cpu: "1" }, spec), nodeInfo())).toEqual(["Insufficient cpu"]);
    spec.initContainers[1] = { name: "init", resources: cpu("1500m") };
    expect(reasonsOf(pod({ cpu: "1500m" }, spec), nodeInfo())).toBeUndefined();
  });
});

describe("nodes", () => {
  test.each<[spec: Partial<PodSpec>, fits: boolean]>([
    [{ nodeSelector: { zone: "a" } }, true],
    [{ nodeSelector: { zone: "b" } }, false],
    [affinity({ key: "zone", operator: "In", values: ["b", "a"] }), true],
    [affinity({ key: "zone", operator: "NotIn", values: ["a"] }), false],
    [affinity({ key: "gpu", operator: "NotIn", values: ["x"] }), true],
    [affinity({ key: "gpu", operator: "Exists" }), false],
    [affinity({ key: "gpu", operator: "DoesNotExist" }), true],
    [affinity({ key: "cores", operator: "Gt", values: ["4"] }), true],
    [affinity({ key: "cores", operator: "Lt", values: ["4"] }), false],
    [affinity({ key: "zone", operator: "Lt", values: ["4"] }), false],
    [
      { affinity: { nodeAffinity: { requiredDuringSchedulingIgnoredDuringExecution: { nodeSelectorTerms: [{}] } } } },
      false,
    ],
  ])("%j", (spec, fits) => {
    const expected = fits ? undefined : ["node(s) didn't match Pod's node affinity/selector"];
    expect(reasonsOf(pod({}, spec), nodeInfo())).toEqual(expected);
  });

  function affinity(expression: { key: string; operator: string; values?: string[] }): Partial<PodSpec> {
    const nodeSelectorTerms = [{ matchExpressions: [expression] }];
    return { affinity: { nodeAffinity: { requiredDuringSchedulingIgnoredDuringExecution: { nodeSelectorTerms } } } };
  }

  test("cordoned and tainted ones take only pods that tolerate it", () => {
    const cordoned = nodeInfo("n1", { unschedulable: true });
    expect(reasonsOf(pod(), cordoned)).toEqual(["node(s) were unschedulable"]);
    expect(reasonsOf(pod({}, { tolerations: [{ operator: "Exists" }] }), cordoned)).toBeUndefined();
    const tainted = nodeInfo("n1", { taints: [{ key: "k", value: "v", effect: "NoSchedule" }] });
    expect(reasonsOf(pod(), tainted)).toEqual(["node(s) had untolerated taint(s)"]);
    expect(reasonsOf(pod({}, { tolerations: [{ key: "k", value: "v" }] }), tainted)).toBeUndefined();
  });

  test.each<[toleration: object, tolerated: boolean]>([
    [{ key: "k", operator: "Equal", value: "v", effect: "NoSchedule" }, true],
    [{ key: "k", value: "other" }, false],
    [{ key: "k", operator: "Exists" }, true],
    [{ key: "k", operator: "Exists", effect: "NoExecute" }, false],
    [{ operator: "Exists" }, true],
  ])("the toleration %j", (toleration, tolerated) => {
    expect(isTolerated({ key: "k", value: "v", effect: "NoSchedule" }, [toleration])).toBe(tolerated);
  });

  test("a host port is had once, by protocol and address", () => {
    const withPort = (hostPort: number, rest: object = {}) =>
      podOf("p", [{ ports: [{ containerPort: 1, hostPort, ...rest }] }]);
    const info = nodeInfo("n1", {}, [{ ...withPort(80, { hostIP: "10.0.0.1" }), metadata: { uid: "taken" } }]);
    const taken = ["node(s) didn't have free ports for the requested pod ports"];
    expect(reasonsOf(withPort(80), info)).toEqual(taken);
    expect(reasonsOf(withPort(80, { hostIP: "10.0.0.1" }), info)).toEqual(taken);
    expect(reasonsOf(withPort(80, { hostIP: "10.0.0.2" }), info)).toBeUndefined();
    expect(reasonsOf(withPort(80, { protocol: "UDP" }), info)).toBeUndefined();
    expect(reasonsOf(withPort(81), info)).toBeUndefined();
  });
});

test("the node with most to spare is the best; without requests the one with the fewest pods", () => {
  const busy = nodeInfo("busy", {}, [pod({ cpu: "1" })]);
  const idle = nodeInfo("idle");
  expect(best(demandsOf(pod({ cpu: "100m" })), [busy, idle])?.name).toBe("idle");
  expect(best(demandsOf(pod()), [nodeInfo("b"), nodeInfo("a")])?.name).toBe("a");
});

describe("what is said of a pod that no node takes", () => {
  test("without nodes", () => {
    expect(describeRefusals([], undefined)).toBe("no nodes available to schedule pods");
  });

  test("reasons are counted, and preemption has its say", () => {
    const short = { reasons: ["Insufficient cpu", "Insufficient memory"], resolvable: true };
    const other = { reasons: ["node(s) were unschedulable"], resolvable: false };
    expect(describeRefusals([short, short, other], undefined)).toBe(
      "0/3 nodes are available: 1 node(s) were unschedulable, 2 Insufficient cpu, 2 Insufficient memory. " +
        "no new claims to deallocate, preemption: 0/3 nodes are available: " +
        "1 Preemption is not helpful for scheduling, 2 No preemption victims found for incoming pod.",
    );
  });
});
