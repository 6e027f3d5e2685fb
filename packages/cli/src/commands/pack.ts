import { Client, HttpTransport, packs } from "@podwright/client";
import { isCode } from "@podwright/kube";
import type { Pack } from "@podwright/operator";
import { type ClusterFlags, connectionOf } from "../connection.ts";
import { CommandError } from "../error.ts";
import { textTable } from "../text-table.ts";

export type PackAction = "list" | "history" | "plan" | "diff" | "approve";

export interface PackOptions extends ClusterFlags {
  namespace?: string;
  allNamespaces?: boolean;
}

/** `podwright pack ACTION [NAME]`. */
export async function pack(action: PackAction, name: string | undefined, options: PackOptions): Promise<void> {
  const config = connectionOf(options);
  const namespace = options.namespace ?? config.namespace ?? "default";
  const client = new Client(new HttpTransport(config), { userAgent: "podwright" });
  try {
    const resource = client.resource<Pack>(packs);
    if (action === "list") {
      const { items } = await resource.listAll(options.allNamespaces === true ? {} : { namespace });
      console.log(
        textTable(["NAMESPACE", "NAME", "CHART", "VERSION", "REVISION", "READY", "STATUS"], items.map(listRow)),
      );
      return;
    }
    if (name === undefined) throw new CommandError(`podwright pack ${action}: name a Pack`, 2);
    const found = await resource.get(name, namespace).catch((error: unknown) => {
      if (isCode(error, 404)) {
        throw new CommandError(`there is no Pack ${name} in the namespace ${namespace} (${error.message})`);
      }
      throw error;
    });
    if (action === "history") return console.log(historyText(found));
    const plan = found.status?.plan;
    if (plan === undefined) {
      throw new CommandError(
        `Pack ${name} has no plan: one is made before an upgrade, and with spec.approval: manual before everything`,
      );
    }
    if (action === "plan") {
      const changes = plan.changes.map(
        (change) => `  ${change.op} ${change.kind} ${change.namespace ?? ""}/${change.name}`,
      );
      const done = plan.revision === undefined ? "" : ` (carried out as revision ${plan.revision})`;
      console.log([`Plan ${plan.digest}: ${plan.summary}${done}`, ...changes].join("\n"));
    } else if (action === "diff") {
      for (const change of plan.changes) {
        console.log(`${change.op} ${change.apiVersion} ${change.kind} ${change.namespace ?? ""}/${change.name}`);
        if (change.diff) console.log(change.diff);
      }
    } else {
      if (plan.revision !== undefined) {
        throw new CommandError(
          `plan ${plan.digest} of Pack ${name} was carried out already, as revision ${plan.revision}`,
        );
      }
      const annotations = { "podwright.dev/approve": plan.digest };
      // Of this very state: what is approved is what was looked at.
      const { resourceVersion } = found.metadata;
      await resource.patch(name, namespace, { metadata: { annotations, resourceVersion } }, { type: "merge" });
      console.log(`Approved plan ${plan.digest}: ${plan.summary}`);
    }
  } finally {
    await client.close();
  }
}

function listRow(pack: Pack): string[] {
  const { chart, lastApplied } = pack.status ?? {};
  const ready = pack.status?.conditions?.find((condition) => condition.type === "Ready");
  return [
    pack.metadata.namespace ?? "",
    pack.metadata.name ?? "",
    chart?.name ?? pack.spec.chart.name,
    chart?.version ?? "",
    String(lastApplied?.revision ?? ""),
    ready?.status ?? "Unknown",
    (ready?.message ?? "").split("\n")[0] ?? "",
  ];
}

function historyText(pack: Pack): string {
  const rows = (pack.status?.history ?? []).map((each) => [
    String(each.revision),
    each.time ?? "",
    each.action ?? "",
    each.chartVersion,
    each.status,
  ]);
  return textTable(["REVISION", "TIME", "ACTION", "CHART VERSION", "STATUS"], rows);
}
