import { offeredProtocols, refuseUpgrade, type Upgrade } from "../upgrade.ts";
import { acceptWebSocket } from "../websocket/accept.ts";
import type { PortForwardOptions } from "./serve.ts";
import { serveForwards } from "./spdy-forwards.ts";

const tunnelPrefix = "SPDY/3.1+";
const supported = [`${tunnelPrefix}portforward.k8s.io`];

/** Those of the client's subprotocols that carry SPDY. */
export function tunnelProtocols(offered: readonly string[]): string[] {
  return offered.filter((each) => each.startsWith(tunnelPrefix) && each.endsWith(".k8s.io"));
}

/** SPDY in the binary messages of a WebSocket (k8s.io/apiserver/pkg/util/proxy/streamtunnel.go). */
export async function serveTunnel(upgrade: Upgrade, options: PortForwardOptions): Promise<void> {
  const offered = tunnelProtocols(offeredProtocols(upgrade.request.headers));
  if (!offered.some((each) => supported.includes(each))) {
    const wanted = offered.map((each) => each.slice(tunnelPrefix.length)).join(" ");
    const text = `unable to upgrade: unable to negotiate protocol: client supports [${wanted}], server accepts [portforward.k8s.io]\n`;
    refuseUpgrade(upgrade.socket, 403, text);
    return;
  }
  const accepted = await acceptWebSocket(upgrade, supported, options.idleMs);
  if (accepted === undefined) return;
  const { createWebSocketStream } = await import("ws");
  await serveForwards(createWebSocketStream(accepted.webSocket), Buffer.alloc(0), options);
  accepted.webSocket.terminate();
}
