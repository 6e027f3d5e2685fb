import { openEmbeddedApi } from "../differential/embedded-api.ts";
import { compareWithRecorded } from "../differential/recorded.ts";
import { cases } from "./cases.ts";
import { withWebhooks } from "./with-webhooks.ts";

compareWithRecorded({ ...withWebhooks(openEmbeddedApi), cases, file: new URL("recorded.json", import.meta.url) });
