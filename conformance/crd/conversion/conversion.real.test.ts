import { withWebhooks } from "../../admission/with-webhooks.ts";
import { openRealApi } from "../../differential/real-api.ts";
import { compareWithRecorded } from "../../differential/recorded.ts";
import { cases } from "./cases.ts";
import { startConversionServer } from "./webhook-server.ts";

compareWithRecorded({
  ...withWebhooks(openRealApi, startConversionServer),
  cases,
  file: new URL("recorded.json", import.meta.url),
  managedFields: true,
  together: true,
});
