export { connectExec } from "./client/exec.ts";
export { type PortForwardOptions, servePortForward } from "./port-forward/serve.ts";
export { type RemoteCommandOptions, serveRemoteCommand } from "./remote-command/serve.ts";
export type { ExecSession, ExecSessionOptions } from "./session.ts";
export {
  guardConnection,
  isUpgradeRequest,
  isWebSocketRequest,
  offeredProtocols,
  refuseUpgrade,
  StreamRefusal,
  type Upgrade,
} from "./upgrade.ts";
export { serveWebSocketChunks } from "./websocket/chunks.ts";
