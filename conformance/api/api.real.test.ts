import { openRealApi } from "../differential/real-api.ts";
import { compareWithRecorded } from "../differential/recorded.ts";
import { cases } from "./cases.ts";

compareWithRecorded({ open: openRealApi, cases, file: new URL("recorded.json", import.meta.url) });
