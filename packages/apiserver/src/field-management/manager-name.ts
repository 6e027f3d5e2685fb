const maxBytes = 128;

/** The manager of a write: what the request says, or the beginning of its User-Agent (handlers/create.go, managerOrUserAgent). */
export function managerName(fieldManager: string, userAgent: string | undefined): string {
  return fieldManager || prefixOf(userAgent ?? "") || "unknown";
}

function prefixOf(userAgent: string): string {
  const slash = userAgent.indexOf("/");
  const product = slash < 0 ? userAgent : userAgent.slice(0, slash);
  if (/^[\x20-\x7e]{0,128}$/.test(product)) return product;
  let prefix = "";
  for (const character of product) {
    if (!/[\p{L}\p{M}\p{N}\p{P}\p{S} ]/u.test(character)) continue;
    if (Buffer.byteLength(prefix) + Buffer.byteLength(character) > maxBytes) break;
    prefix += character;
  }
  return prefix;
}
