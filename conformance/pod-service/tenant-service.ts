// A tenant service as upstream's programs ask it: `node tenant-service.ts KEY` prints its URL, and takes a line of JSON
// on standard input for how to behave: {"tenants": {id: tenant}, "headers": {…}, "mode": "ok|slow|down|garbage|shape"}.
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { createInterface } from "node:readline";

interface Behaviour {
  tenants: Record<string, unknown>;
  headers?: Record<string, string>;
  mode?: "ok" | "slow" | "error" | "garbage" | "shape" | "reset";
}

const key = process.argv[2];
let behaviour: Behaviour = { tenants: {} };
let asked = 0;

const server = createServer((request, response) => {
  asked++;
  const { headers = {}, mode = "ok", tenants } = behaviour;
  const answer = (status: number, body: string): void => {
    response.writeHead(status, { "content-type": "application/json", "x-asked": String(asked), ...headers }).end(body);
  };
  const id = /^\/service\/v1\/tenants\/([^/?]+)$/.exec(request.url ?? "")?.[1];
  const tenant = id === undefined ? undefined : tenants[decodeURIComponent(id)];
  if (mode === "slow") return;
  if (mode === "reset") request.socket.destroy();
  else if (mode === "error") answer(500, '{"error":"database"}');
  else if (mode === "garbage") answer(200, "{not json");
  else if (mode === "shape") answer(200, '{"id":7,"resources":[]}');
  else if (request.headers["moopkey"] !== key) answer(401, '{"error":"no key"}');
  else if (tenant === undefined) answer(404, '{"error":"no tenant"}');
  else if (headers["etag"] !== undefined && request.headers["if-none-match"] === headers["etag"]) answer(304, "");
  else answer(200, JSON.stringify(tenant));
});
server.listen(0, "127.0.0.1", () => {
  console.log(JSON.stringify({ url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/service/v1/tenants` }));
});
createInterface({ input: process.stdin }).on("line", (line) => {
  behaviour = JSON.parse(line) as Behaviour;
  const before = asked;
  asked = 0;
  console.log(JSON.stringify({ asked: before }));
});
