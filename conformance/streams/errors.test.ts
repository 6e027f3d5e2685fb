import { openEmbeddedApi } from "../differential/embedded-api.ts";
import { compareWithRecorded } from "../differential/recorded.ts";
import { cases } from "./cases.ts";

const open = () => openEmbeddedApi({ rbac: true });
compareWithRecorded({ open, cases, file: new URL("recorded.json", import.meta.url) });
