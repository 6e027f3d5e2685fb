import { describe } from "vitest";
import { openRealApi } from "../differential/real-api.ts";
import { compareWithRecorded } from "../differential/recorded.ts";
import { casesOf, corpora } from "./cases.ts";
import { withoutAllocations } from "./without-allocations.ts";

// What kinds.test.ts compares with is still what a real API server answers; RECORD=1 records it.
describe.each(corpora())("%s", (name) => {
  compareWithRecorded({
    open: () => withoutAllocations(openRealApi()),
    cases: casesOf(name),
    file: new URL(`${name}.json`, import.meta.url),
  });
});
