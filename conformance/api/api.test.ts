import { openEmbeddedApi } from "../differential/embedded-api.ts";
import { compareWithRecorded } from "../differential/recorded.ts";
import { cases } from "./cases.ts";

compareWithRecorded({ open: openEmbeddedApi, cases, file: new URL("recorded.json", import.meta.url) });
