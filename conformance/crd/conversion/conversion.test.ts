import { withWebhooks } from "../../admission/with-webhooks.ts";
import { openEmbeddedApi } from "../../differential/embedded-api.ts";
import { compareWithRecorded } from "../../differential/recorded.ts";
import { cases } from "./cases.ts";
import { startConversionServer } from "./webhook-server.ts";

compareWithRecorded({
  ...withWebhooks(openEmbeddedApi, startConversionServer),
  cases,
  file: new URL("recorded.json", import.meta.url),
  managedFields: true,
});
