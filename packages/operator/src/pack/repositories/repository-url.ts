import { isAbsolute, normalize } from "node:path";
import { fileURLToPath } from "node:url";

/** Where a repository is, by protocol. */
export type RepositoryLocation = { type: "http" | "oci"; url: string } | { type: "folder"; folder: string };

/** Reads spec.url. Throws Error with what is wrong with it, never quoting credentials. */
export function parseRepositoryUrl(text: string): RepositoryLocation {
  if (isAbsolute(text)) return { type: "folder", folder: normalize(text) };
  let url: URL;
  try {
    url = new URL(text);
  } catch {
    throw new Error('is no URL: "https://HOST/PATH", "oci://HOST/PATH" or "file:///PATH" is expected');
  }
  if (url.username !== "" || url.password !== "") {
    throw new Error("holds credentials; put them into a Secret and name it in secretRef");
  }
  switch (url.protocol) {
    case "https:":
    case "http:":
      if (url.hash !== "") throw new Error("has a fragment");
      return { type: "http", url: text };
    case "oci:":
      if (url.host === "") throw new Error("names no host");
      if (url.search !== "" || url.hash !== "") throw new Error("has a query or a fragment");
      return { type: "oci", url: text };
    case "file:":
      if (url.host !== "") throw new Error('names a host: "file:///PATH" has three slashes');
      return { type: "folder", folder: fileURLToPath(url) };
    default:
      throw new Error(`has the protocol ${url.protocol}//; there are https://, http://, oci:// and file://`);
  }
}
