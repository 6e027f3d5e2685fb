import { gzipSync } from "node:zlib";
import { pack } from "tar-stream";

/** A packed chart of files by their path in it. */
export async function packChart(name: string, version: string, files: Record<string, string> = {}): Promise<Buffer> {
  const archive = pack();
  const all = {
    "Chart.yaml": `apiVersion: v2\nname: ${name}\nversion: ${version}\nappVersion: "9"\n`,
    "templates/c.yaml": "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: '{{ .Release.Name }}'}\n",
    ...files,
  };
  for (const [path, content] of Object.entries(all)) archive.entry({ name: `${name}/${path}` }, content);
  archive.finalize();
  const chunks: Buffer[] = [];
  for await (const chunk of archive as AsyncIterable<Buffer>) chunks.push(chunk);
  return gzipSync(Buffer.concat(chunks));
}
