import { commaSeparated, isUpgradeRequest, refuseUpgrade, type Upgrade } from "../upgrade.ts";

/**
 * Answers a request for SPDY/3.1 with the first protocol the client offers that is supported
 * (k8s.io/apimachinery/pkg/util/httpstream, Handshake). Gives undefined after answering with the refusal.
 */
export function acceptSpdy({ request, socket }: Upgrade, supported: readonly string[]): string | undefined {
  const { headers } = request;
  const header = headers["x-stream-protocol-version"];
  const plain = { "Content-Type": "text/plain; charset=utf-8", "X-Content-Type-Options": "nosniff" };
  if (header === undefined) {
    const text = `unable to upgrade: header X-Stream-Protocol-Version does not exist in request with ${Object.keys(headers).length} headers\n`;
    refuseUpgrade(socket, 400, text, plain);
    return undefined;
  }
  const offered = commaSeparated(header);
  const protocol = offered.find((each) => supported.includes(each));
  if (protocol === undefined) {
    const text = `unable to upgrade: unable to negotiate protocol: client supports [${offered.join(" ")}], server accepts [${supported.join(" ")}]\n`;
    refuseUpgrade(socket, 403, text, { ...plain, "X-Accepted-Stream-Protocol-Versions": supported.join(", ") });
    return undefined;
  }
  if (!isUpgradeRequest(headers) || !/spdy\/3\.1/i.test(headers["upgrade"] ?? "")) {
    refuseUpgrade(socket, 400, "unable to upgrade: missing upgrade headers in request\n", plain);
    return undefined;
  }
  socket.write(
    "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: SPDY/3.1\r\n" +
      `X-Stream-Protocol-Version: ${protocol}\r\n\r\n`,
  );
  return protocol;
}
