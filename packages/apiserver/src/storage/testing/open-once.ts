import { openStorage } from "../open-storage.ts";

// Opens the store in the directory given and closes it. Writes what came of it: "opened", or the error's code.
try {
  const storage = await openStorage({ type: "lmdb", path: process.argv[2] as string });
  await storage.close();
  process.stdout.write("opened");
} catch (error) {
  process.stdout.write(String((error as { code?: string }).code ?? error));
}
