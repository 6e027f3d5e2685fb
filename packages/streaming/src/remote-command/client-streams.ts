import type { Readable, Writable } from "node:stream";
import type { StreamStatus } from "./status.ts";

/** The client's side of exec and attach, on either wire. Streams are there when they were asked for. */
export interface ClientStreams {
  stdin: Readable | undefined;
  stdout: Writable | undefined;
  stderr: Writable | undefined;
  /** Texts of {"Width": 80, "Height": 24}, one after the other. */
  resizes: Readable | undefined;
  /** In the form of the protocol: JSON, or the text of a failure alone. */
  sendStatus(status: StreamStatus): Promise<void>;
  /** Ends the connection, after what was written. */
  close(): void;
  /** Resolves when the client is gone. */
  readonly closed: Promise<void>;
}

/** What older protocols say: nothing of success. */
export function statusText(status: StreamStatus, asJson: boolean): string {
  if (asJson) return JSON.stringify(status);
  return status.status === "Success" ? "" : (status.message ?? "");
}
