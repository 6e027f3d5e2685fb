// An operator in a process of its own: `node operator-process.ts KUBECONFIG PART-LEFT-OUT,…` says "ready".
import { Client, HttpTransport, loadKubeconfig } from "@podwright/client";
import { type PartName, startOperator } from "@podwright/operator";

const [path = "", without = ""] = process.argv.slice(2);
const client = new Client(new HttpTransport(loadKubeconfig({ path })));
await startOperator({ client, without: without.split(",") as PartName[], onError: console.error });
console.log("ready");
