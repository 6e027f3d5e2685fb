import { posix } from "node:path";
import { parseJson, status } from "@podwright/kube";

/** Where the next page of a list begins (k8s.io/apiserver/pkg/storage/continue.go). */
export interface ContinueToken {
  /** The revision all pages are read at; -1: whatever is newest. */
  revision: number;
  /** The first key that may follow, without the list's prefix. */
  start: string;
}

/** `lastKey` is the last key of this page, without the prefix. */
export function encodeContinue(revision: number, lastKey: string): string {
  const token = JSON.stringify({ v: "meta.k8s.io/v1", rv: revision, start: `${lastKey}\u0000` });
  return Buffer.from(token).toString("base64url");
}

/** Throws 400 for what is not a token. */
export function decodeContinue(text: string): ContinueToken {
  if (!/^[\w-]*=*$/.test(text)) throw invalid("continue key is not valid: illegal base64 data at input byte 0");
  let token: { v?: unknown; rv?: unknown; start?: unknown };
  try {
    token = parseJson(Buffer.from(text, "base64url")).value as typeof token;
  } catch (error) {
    throw invalid(`continue key is not valid: ${(error as Error).message}`);
  }
  if (token?.v !== "meta.k8s.io/v1") {
    throw invalid(
      `continue key is not valid: server does not recognize this encoded version ${JSON.stringify(token?.v ?? "")}`,
    );
  }
  if (token.rv !== undefined && !Number.isSafeInteger(token.rv)) {
    throw invalid(
      `continue key is not valid: json: cannot unmarshal number ${token.rv} into Go struct field continueToken.rv of type int64`,
    );
  }
  if (typeof token.rv !== "number" || token.rv === 0) {
    throw invalid("continue key is not valid: incorrect encoded start resourceVersion (version meta.k8s.io/v1)");
  }
  if (typeof token.start !== "string" || token.start === "") {
    throw invalid("continue key is not valid: encoded start key empty (version meta.k8s.io/v1)");
  }
  // A key that climbs out of its prefix.
  if (posix.normalize(`/${token.start}`) !== `/${token.start}`) {
    throw invalid(`continue key is not valid: ${token.start}`);
  }
  return { revision: token.rv, start: token.start };
}

function invalid(detail: string): Error {
  return status.badRequest(`invalid continue token: ${detail}`);
}
