/** The messages of the Container Runtime Interface that are needed here (k8s.io/cri-api/pkg/apis/runtime/v1/api.proto). */
import {
  bool,
  bytes,
  int32,
  int64,
  message,
  nested,
  repeated,
  repeatedMessages,
  string,
  stringMap,
  uint32,
  uint64,
  type ValueOfMessage,
} from "../message.ts";

export const namespaceModes = { pod: 0, container: 1, node: 2, target: 3 } as const;
export const containerStates = { created: 0, running: 1, exited: 2, unknown: 3 } as const;
export const sandboxStates = { ready: 0, notReady: 1 } as const;
export const seccompTypes = { runtime: 0, unconfined: 1, localhost: 2 } as const;
export const mountPropagations = { None: 0, HostToContainer: 1, Bidirectional: 2 } as const;
export const protocols = { TCP: 0, UDP: 1, SCTP: 2 } as const;

/** A message to send: what is not given is not sent, at any depth. */
type Given<T> = T extends (infer E)[] ? Given<E>[] : T extends object ? { [Name in keyof T]?: Given<T[Name]> } : T;

const int64Value = message({ value: int64(1) });
const securityProfile = message({ type: int32(1), localhostRef: string(2) });
const namespaceOption = message({ network: int32(1), pid: int32(2), ipc: int32(3), targetId: string(4) });

const sandboxMetadata = message({ name: string(1), uid: string(2), namespace: string(3), attempt: uint32(4) });

const sandboxSecurity = message({
  namespaces: nested(1, namespaceOption),
  runAsUser: nested(3, int64Value),
  runAsGroup: nested(8, int64Value),
  readonlyRootfs: bool(4),
  supplementalGroups: repeated(5, "int64"),
  privileged: bool(6),
  seccomp: nested(9, securityProfile),
});

export const sandboxConfig = message({
  metadata: nested(1, sandboxMetadata),
  hostname: string(2),
  logDirectory: string(3),
  dns: nested(
    4,
    message({ servers: repeated(1, "string"), searches: repeated(2, "string"), options: repeated(3, "string") }),
  ),
  portMappings: repeatedMessages(
    5,
    message({ protocol: int32(1), containerPort: int32(2), hostPort: int32(3), hostIp: string(4) }),
  ),
  labels: stringMap(6),
  annotations: stringMap(7),
  linux: nested(8, message({ cgroupParent: string(1), security: nested(2, sandboxSecurity), sysctls: stringMap(3) })),
});
export type SandboxConfigMessage = Given<ValueOfMessage<typeof sandboxConfig>>;

export const sandboxStatus = message({
  id: string(1),
  metadata: nested(2, sandboxMetadata),
  state: int32(3),
  /** Nanoseconds. */
  createdAt: int64(4),
  network: nested(5, message({ ip: string(1) })),
  labels: stringMap(7),
});

export const sandboxSummary = message({
  id: string(1),
  metadata: nested(2, sandboxMetadata),
  state: int32(3),
  createdAt: int64(4),
  labels: stringMap(5),
});
export type SandboxSummary = ValueOfMessage<typeof sandboxSummary>;

export const imageSpec = message({ image: string(1) });

export const linuxResources = message({
  cpuPeriod: int64(1),
  cpuQuota: int64(2),
  cpuShares: int64(3),
  memoryLimit: int64(4),
  oomScoreAdj: int64(5),
  memorySwapLimit: int64(10),
});

const containerSecurity = message({
  capabilities: nested(1, message({ add: repeated(1, "string"), drop: repeated(2, "string") })),
  privileged: bool(2),
  namespaces: nested(3, namespaceOption),
  runAsUser: nested(5, int64Value),
  runAsGroup: nested(12, int64Value),
  readonlyRootfs: bool(7),
  supplementalGroups: repeated(8, "int64"),
  noNewPrivs: bool(11),
  maskedPaths: repeated(13, "string"),
  readonlyPaths: repeated(14, "string"),
  seccomp: nested(15, securityProfile),
});

const containerMetadata = message({ name: string(1), attempt: uint32(2) });

export const containerConfig = message({
  metadata: nested(1, containerMetadata),
  image: nested(2, imageSpec),
  command: repeated(3, "string"),
  args: repeated(4, "string"),
  workingDir: string(5),
  envs: repeatedMessages(6, message({ key: string(1), value: string(2) })),
  mounts: repeatedMessages(
    7,
    message({
      containerPath: string(1),
      hostPath: string(2),
      readonly: bool(3),
      propagation: int32(5),
      recursiveReadOnly: bool(8),
    }),
  ),
  labels: stringMap(9),
  annotations: stringMap(10),
  logPath: string(11),
  stdin: bool(12),
  stdinOnce: bool(13),
  tty: bool(14),
  linux: nested(15, message({ resources: nested(1, linuxResources), security: nested(2, containerSecurity) })),
});
export type ContainerConfigMessage = Given<ValueOfMessage<typeof containerConfig>>;

export const containerSummary = message({
  id: string(1),
  sandboxId: string(2),
  metadata: nested(3, containerMetadata),
  state: int32(6),
  createdAt: int64(7),
  labels: stringMap(8),
});
export type ContainerSummary = ValueOfMessage<typeof containerSummary>;

export const containerStatus = message({
  id: string(1),
  metadata: nested(2, containerMetadata),
  state: int32(3),
  createdAt: int64(4),
  startedAt: int64(5),
  finishedAt: int64(6),
  exitCode: int32(7),
  imageRef: string(9),
  reason: string(10),
  message: string(11),
  labels: stringMap(12),
  logPath: string(15),
});
export type ContainerStatus = ValueOfMessage<typeof containerStatus>;

export const image = message({
  id: string(1),
  repoTags: repeated(2, "string"),
  repoDigests: repeated(3, "string"),
  size: uint64(4),
  uid: nested(5, int64Value),
  username: string(6),
});
export type CriImage = ValueOfMessage<typeof image>;

export const auth = message({ username: string(1), password: string(2), serverAddress: string(4) });

export const runtimeStatus = message({
  conditions: repeatedMessages(1, message({ type: string(1), status: bool(2), reason: string(3), message: string(4) })),
});

export const execSyncResponse = message({ stdout: bytes(1), stderr: bytes(2), exitCode: int32(3) });
