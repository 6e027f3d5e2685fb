import { openEmbeddedApi } from "../differential/embedded-api.ts";
import { compareWithRecorded } from "../differential/recorded.ts";
import { cases, withoutControllers } from "./cases.ts";

compareWithRecorded({
  open: openEmbeddedApi,
  cases,
  file: new URL("recorded.json", import.meta.url),
  managedFields: true,
  mask: withoutControllers,
});
