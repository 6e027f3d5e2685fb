import { parseJson } from "@podwright/kube/json";

/**
 * Parses what a server sent. Servers send no duplicate fields, so the engine's parser does; only where a number
 * might not fit a double the exact reader is asked, which makes bigints of those.
 */
export function parseWire(text: string): unknown {
  return /\d{16}/.test(text) ? parseJson(text).value : JSON.parse(text);
}
