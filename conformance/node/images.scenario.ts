/** Images from a registry, with and without credentials. */
import { secrets, serviceAccounts } from "@podwright/client";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { removeFolder, shortFolder } from "../machine/folder.ts";
import { missingFor } from "../machine/programs.ts";
import { pushImage, type Registry, registryUser, startRegistry } from "../machine/registry.ts";
import { nodeLaneMissing } from "../node-lane.ts";
import { first, hasPhase, type NodeScene, openNodeScene, waitsFor } from "./scene.ts";

const missing = nodeLaneMissing ?? missingFor("docker-registry");
const why = missing === undefined ? "" : ` (${missing})`;

describe.skipIf(missing !== undefined)(`Images${why}`, { timeout: 90_000, concurrent: true }, () => {
  let scene: NodeScene;
  let folder: string;
  let open: Registry;
  let guarded: Registry;
  beforeAll(async () => {
    folder = await shortFolder("pwi-");
    scene = await openNodeScene("images");
    open = await startRegistry({ folder });
    guarded = await startRegistry({ folder, password: true });
    for (const name of ["team/app:1", "team/late:latest", "team/other:1"]) {
      await pushImage(open.host, { name, command: ["sh", "-c", `echo ${name}`] });
    }
    await scene.lane.client.resource(secrets).create({
      apiVersion: "v1",
      kind: "Secret",
      metadata: { name: "login", namespace: scene.namespace },
      type: "kubernetes.io/dockerconfigjson",
      stringData: { ".dockerconfigjson": JSON.stringify({ auths: { [guarded.host]: registryUser } }) },
    });
  });
  afterAll(async () => {
    await scene?.lane.close();
    await Promise.all([open?.stop(), guarded?.stop()]);
    await removeFolder(folder);
  });

  const make = (name: string, image: string, spec: object = {}, more: object = {}) =>
    scene.make(name, [{ image, command: undefined, imagePullPolicy: undefined, ...more }], {
      restartPolicy: "Never",
      ...spec,
    });

  test("is pulled once, and then there", async () => {
    const image = `${open.host}/team/app:1`;
    await make("first", image);
    const pod = await scene.reaches("first", hasPhase("Succeeded"));
    expect(first(pod)).toMatchObject({ image, imageID: expect.stringMatching(/team\/app@sha256:[0-9a-f]{64}$/) });
    expect((await scene.kubectl(["logs", "first"])).stdout).toBe("team/app:1\n");
    await scene.tells("first", `Normal Pulling Pulling image "${image}"`);
    await scene.tells(
      "first",
      /^Normal Pulled Successfully pulled image "\S+" in \S+ \(\S+ including waiting\)\. Image size: \d+ bytes\.$/,
    );
    await make("second", image);
    await scene.reaches("second", hasPhase("Succeeded"));
    await scene.tells(
      "second",
      `Normal Pulled Container image "${image}" already present on machine and can be accessed by the pod`,
    );
    await make("digest", first(pod).imageID);
    const again = await scene.reaches("digest", hasPhase("Succeeded"));
    expect(first(again).imageID).toBe(first(pod).imageID);
  });

  test("with :latest it is always asked for", async () => {
    await make("late", `${open.host}/team/late`);
    const pod = await scene.reaches("late", hasPhase("Succeeded"));
    expect(pod["spec"].containers[0].imagePullPolicy).toBe("Always");
    await make("later", `${open.host}/team/late`);
    await scene.reaches("later", hasPhase("Succeeded"));
    await scene.tells("later", /^Normal Pulled Successfully pulled image "\S+team\/late" in /);
  });

  test("that is not there: ErrImagePull, then ImagePullBackOff", async () => {
    await make("none", `${open.host}/team/none:1`);
    await scene.reaches("none", waitsFor("ErrImagePull"));
    const pod = await scene.reaches("none", waitsFor("ImagePullBackOff"));
    expect(pod["status"].phase).toBe("Pending");
    expect(first(pod).state.waiting.message).toMatch(
      /^Back-off pulling image "\S+\/team\/none:1": ErrImagePull: .*not found|manifest unknown/,
    );
    await scene.tells("none", /^Warning Failed Failed to pull image "\S+\/team\/none:1": /);
    await scene.tells("none", "Warning Failed Error: ErrImagePull");
    await scene.tells("none", "Warning Failed Error: ImagePullBackOff");
    await scene.tells("none", /^Normal BackOff Back-off pulling image "\S+\/team\/none:1"$/);
  });

  test("behind a password: by the pod's secret, or by its account's", async () => {
    const image = `${guarded.host}/team/other:1`;
    await make("refused", image);
    await scene.reaches("refused", waitsFor("ImagePullBackOff"));
    await scene.tells(
      "refused",
      /^Warning Failed Failed to pull image "\S+\/team\/other:1": .*(authorization|credentials|401)/,
    );
    await make("let-in", image, { imagePullSecrets: [{ name: "login" }] });
    await scene.reaches("let-in", hasPhase("Succeeded"));
    await scene.lane.client.resource(serviceAccounts).create({
      apiVersion: "v1",
      kind: "ServiceAccount",
      metadata: { name: "puller", namespace: scene.namespace },
      imagePullSecrets: [{ name: "login" }],
    });
    await make("by-account", image, { serviceAccountName: "puller" }, { imagePullPolicy: "Always" });
    const pod = await scene.reaches("by-account", hasPhase("Succeeded"));
    expect(pod["spec"].imagePullSecrets).toEqual([{ name: "login" }]);
  });

  test("a secret that is not there is told, and does not hold up what needs none", async () => {
    await make("no-secret", "busybox:1.36", { imagePullSecrets: [{ name: "gone" }] }, { command: ["true"] });
    await scene.reaches("no-secret", hasPhase("Succeeded"));
    await scene.tells(
      "no-secret",
      "Warning FailedToRetrieveImagePullSecret Unable to retrieve some image pull secrets \\(gone\\); attempting to pull the image may not succeed.",
    );
  });
});
