// An operator in a process of its own: `node operator-process.ts KUBECONFIG CACHE-DIR PART-LEFT-OUT,…` says "ready".
import { Client, HttpTransport, loadKubeconfig } from "@podwright/client";
import { type ImageChoice, type PartName, startOperator } from "@podwright/operator";
import { findTool, giveBackWhenIdle } from "podwright";

const [path = "", cacheDir = "", without = ""] = process.argv.slice(2);
const client = new Client(new HttpTransport(loadKubeconfig({ path })));
const operator = await startOperator({
  client,
  without: without.split(",") as PartName[],
  pack: { helm: { binary: () => findTool("helm"), kubeconfig: path }, cacheDir },
  fresh: { scope: "all", images: (process.env["BENCH_IMAGES"] ?? "none") as ImageChoice },
  // No controller rolls anything out here: a restart never ends, and would hold up others.
  redeploy: { maxRestarts: 10_000 },
  onError: console.error,
});
giveBackWhenIdle();
console.log("ready");
process.once("SIGTERM", () => {
  void operator.stop().then(() => client.close());
});
