/** The methods of the Container Runtime Interface: `connection.unary(cri.runPodSandbox, { config })`. */
import { method } from "../connection.ts";
import { empty } from "../google.ts";
import { bool, int64, message, nested, repeated, repeatedMessages, string, stringMap } from "../message.ts";
import {
  auth,
  containerConfig,
  containerStatus,
  containerSummary,
  execSyncResponse,
  image,
  imageSpec,
  linuxResources,
  runtimeStatus,
  sandboxConfig,
  sandboxStatus,
  sandboxSummary,
} from "./messages.ts";

const runtime = (name: string) => `/runtime.v1.RuntimeService/${name}`;
const images = (name: string) => `/runtime.v1.ImageService/${name}`;
const sandboxId = message({ id: string(1) });
const containerId = message({ id: string(1) });
const url = message({ url: string(1) });

export const cri = {
  version: method(
    runtime("Version"),
    message({ version: string(1) }),
    message({ runtimeName: string(2), runtimeVersion: string(3) }),
  ),
  status: method(
    runtime("Status"),
    message({ verbose: bool(1) }),
    message({ status: nested(1, runtimeStatus), info: stringMap(2) }),
  ),
  runPodSandbox: method(
    runtime("RunPodSandbox"),
    message({ config: nested(1, sandboxConfig), runtimeHandler: string(2) }),
    sandboxId,
  ),
  stopPodSandbox: method(runtime("StopPodSandbox"), sandboxId, empty),
  removePodSandbox: method(runtime("RemovePodSandbox"), sandboxId, empty),
  podSandboxStatus: method(
    runtime("PodSandboxStatus"),
    message({ id: string(1), verbose: bool(2) }),
    message({ status: nested(1, sandboxStatus), info: stringMap(2) }),
  ),
  listPodSandbox: method(
    runtime("ListPodSandbox"),
    message({ filter: nested(1, message({ labels: stringMap(3) })) }),
    message({ items: repeatedMessages(1, sandboxSummary) }),
  ),
  createContainer: method(
    runtime("CreateContainer"),
    message({ sandboxId: string(1), config: nested(2, containerConfig), sandboxConfig: nested(3, sandboxConfig) }),
    containerId,
  ),
  startContainer: method(runtime("StartContainer"), containerId, empty),
  /** The timeout is in seconds. */
  stopContainer: method(runtime("StopContainer"), message({ id: string(1), timeout: int64(2) }), empty),
  removeContainer: method(runtime("RemoveContainer"), containerId, empty),
  listContainers: method(
    runtime("ListContainers"),
    message({ filter: nested(1, message({ labels: stringMap(4) })) }),
    message({ containers: repeatedMessages(1, containerSummary) }),
  ),
  containerStatus: method(
    runtime("ContainerStatus"),
    message({ id: string(1), verbose: bool(2) }),
    message({ status: nested(1, containerStatus), info: stringMap(2) }),
  ),
  updateContainerResources: method(
    runtime("UpdateContainerResources"),
    message({ id: string(1), linux: nested(2, linuxResources) }),
    empty,
  ),
  reopenContainerLog: method(runtime("ReopenContainerLog"), containerId, empty),
  /** The timeout is in seconds. */
  execSync: method(
    runtime("ExecSync"),
    message({ id: string(1), command: repeated(2, "string"), timeout: int64(3) }),
    execSyncResponse,
  ),
  exec: method(
    runtime("Exec"),
    message({
      id: string(1),
      command: repeated(2, "string"),
      tty: bool(3),
      stdin: bool(4),
      stdout: bool(5),
      stderr: bool(6),
    }),
    url,
  ),
  attach: method(
    runtime("Attach"),
    message({ id: string(1), stdin: bool(2), tty: bool(3), stdout: bool(4), stderr: bool(5) }),
    url,
  ),
  imageStatus: method(
    images("ImageStatus"),
    message({ image: nested(1, imageSpec) }),
    message({ image: nested(1, image) }),
  ),
  listImages: method(images("ListImages"), empty, message({ images: repeatedMessages(1, image) })),
  pullImage: method(
    images("PullImage"),
    message({ image: nested(1, imageSpec), auth: nested(2, auth) }),
    message({ imageRef: string(1) }),
  ),
};
