import { readFileSync } from "node:fs";
import { openEmbeddedApi } from "../differential/embedded-api.ts";
import { normalize } from "../differential/normalize.ts";
import { casesOf, corpora } from "./cases.ts";
import { withoutAllocations } from "./without-allocations.ts";

const only = process.argv.slice(2);
for (const name of corpora()) {
  if (only.length && !only.includes(name)) continue;
  const api = withoutAllocations(await openEmbeddedApi());
  const rec = JSON.parse(readFileSync(new URL(`${name}.json`, import.meta.url), "utf8"));
  for (const c of casesOf(name))
    for (const x of c.exchanges) {
      const a = normalize(await api.send(x));
      if (x.silent) {
        if (x.title === "create" && a.status !== 201) console.log("CREATE FAILED", JSON.stringify(a));
        continue;
      }
      const r = rec[c.name][x.title];
      if (JSON.stringify(a) === JSON.stringify(r)) continue;
      console.log(`## ${name} / ${c.name} / ${x.title}`);
      diff("", a, r);
    }
  await api.close();
}
function diff(path: string, a: any, b: any) {
  if (JSON.stringify(a) === JSON.stringify(b)) return;
  if (typeof a !== "object" || typeof b !== "object" || !a || !b || Array.isArray(a) !== Array.isArray(b)) {
    console.log(
      "  ",
      path,
      "\n      ours",
      JSON.stringify(a)?.slice(0, 1500),
      "\n      real",
      JSON.stringify(b)?.slice(0, 1500),
    );
    return;
  }
  if (path === "/body" && a.message && b.message && a.message !== b.message) {
    console.log(
      "   message\n      ours",
      a.status === "Failure" ? a.code : "",
      a.message.slice(0, 1200),
      "\n      real",
      b.code,
      b.message.slice(0, 1200),
    );
    return;
  }
  for (const k of new Set([...Object.keys(a), ...Object.keys(b)])) diff(path + "/" + k, a[k], b[k]);
}
