/** Changes what a machine remembers of a collection, and is killed as soon as a file or directory has got its place. */
import fs from "node:fs/promises";
import { syncBuiltinESMExports } from "node:module";

const { rename } = fs;
fs.rename = async (from, to) => {
  await rename(from, to);
  process.kill(process.pid, "SIGKILL");
  await new Promise(() => undefined);
};
syncBuiltinESMExports();
const { FileMetadataCache } = await import("../../src/trust/trust-directory/metadata-cache.ts");

const [trustDirectory = "", gun = "", how, root = ""] = process.argv.slice(2);
const cache = new FileMetadataCache({ trustDirectory, gun });
await (how === "remove" ? cache.remove() : cache.rememberOnly(Buffer.from(root)));
