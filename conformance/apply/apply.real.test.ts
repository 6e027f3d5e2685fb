import { openRealApi } from "../differential/real-api.ts";
import { compareWithRecorded } from "../differential/recorded.ts";
import { cases, withoutControllers } from "./cases.ts";

compareWithRecorded({
  open: openRealApi,
  cases,
  file: new URL("recorded.json", import.meta.url),
  managedFields: true,
  mask: withoutControllers,
});
