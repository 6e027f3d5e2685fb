import { createGunzip } from "node:zlib";
import { type ChartContent, type ChartFiles, chartFileNames, readChartContent } from "./chart-content.ts";
import { ChartError } from "./chart-source.ts";

/** As helm's own limits: pkg/chart/loader/archive (MaxDecompressedChartSize, MaxDecompressedFileSize). */
const maxUnpackedBytes = 100 * 1024 * 1024;
const maxFileBytes = 5 * 1024 * 1024;

/** Reads what a packed chart says of itself. Throws ChartError("InvalidChart"). */
export async function readChartArchive(archive: Buffer, where: string): Promise<ChartContent> {
  const { extract } = await import("tar-stream");
  const files: ChartFiles = {};
  const unpacked = extract();
  const gunzip = createGunzip();
  let size = 0;
  gunzip.on("data", (chunk: Buffer) => {
    size += chunk.length;
    if (size > maxUnpackedBytes) gunzip.destroy(new Error(`it is larger than ${maxUnpackedBytes} bytes unpacked`));
  });
  gunzip.on("error", (error) => unpacked.destroy(error));
  gunzip.pipe(unpacked);
  gunzip.end(archive);
  try {
    for await (const entry of unpacked) {
      const path = entry.header.name.replace(/^\.\//, "").split("/");
      const file = path.length === 2 ? chartFileNames.find((name) => name === path[1]) : undefined;
      if (file === undefined || entry.header.type !== "file") {
        entry.resume();
        continue;
      }
      if ((entry.header.size ?? 0) > maxFileBytes) throw new Error(`${file} is larger than ${maxFileBytes} bytes`);
      const chunks: Buffer[] = [];
      for await (const chunk of entry as AsyncIterable<Buffer>) chunks.push(chunk);
      files[file] = Buffer.concat(chunks).toString("utf8");
    }
  } catch (error) {
    throw new ChartError("InvalidChart", `${where} is not a packed chart: ${(error as Error).message}`, false);
  } finally {
    gunzip.destroy();
  }
  return readChartContent(files, where);
}
