import type { Duplex } from "node:stream";
import { connectSpdy } from "../client/connect.ts";

/** Connections to the ports of a pod over one connection to a streaming server. */
export interface PortForwardConnection {
  /** Rejects with what the server says when there is no connection to the port. */
  dial(port: number): Promise<Duplex>;
  close(): void;
}

/** Connects to the URL that a CRI runtime has answered to PortForward. */
export async function connectPortForward(url: string): Promise<PortForwardConnection> {
  const connection = await connectSpdy(url, "portforward.k8s.io");
  let requests = 0;
  return {
    async dial(port) {
      const headers = { port: String(port), requestid: String(requests++) };
      const errors = await connection.open({ ...headers, streamtype: "error" });
      errors.end();
      const data = await connection.open({ ...headers, streamtype: "data" });
      let text = "";
      errors.on("data", (chunk: Buffer) => {
        text += chunk.toString("utf8");
      });
      errors.on("end", () => {
        if (text !== "") data.destroy(new Error(text));
      });
      return data;
    },
    close: () => connection.close(),
  };
}
