import { describe } from "vitest";
import { openEmbeddedApi } from "../differential/embedded-api.ts";
import { compareWithRecorded } from "../differential/recorded.ts";
import { casesOf, corpora } from "./cases.ts";
import { withoutAllocations } from "./without-allocations.ts";

describe.each(corpora())("%s", (name) => {
  compareWithRecorded({
    open: async () => withoutAllocations(await openEmbeddedApi()),
    cases: casesOf(name),
    file: new URL(`${name}.json`, import.meta.url),
  });
});
