/** The links to keys in tokens and with key services. The keys themselves are not asked for: that could cost a try of a PIN. */
import { TagsealError } from "../../errors.ts";
import { openUserLinkedKeys } from "../../keys/user-key-store.ts";
import type { Io } from "../io.ts";
import { trustDirectoryOf } from "../open/directories.ts";
import { type Finding, ok, problem, shellPath } from "./finding.ts";

/** Checks every link; finds nothing where there is none. */
export async function checkLinkedKeys(io: Io): Promise<readonly Finding[]> {
  const trustDirectory = trustDirectoryOf(io);
  const where = shellPath(`${trustDirectory}/tagseal/linked-keys`, io.env["HOME"]);
  const bad = (reason: string): Finding => problem("key", `a link in ${where}: ${reason}`, `ls -l ${where}`);
  const warnings: string[] = [];
  const { links } = openUserLinkedKeys({ trustDirectory, onWarning: (warning) => warnings.push(warning) });
  try {
    const linked = await links.list();
    const uris = linked.map(({ uri }) => uri).join(", ");
    const count = linked.length === 1 ? "1 key" : `${linked.length} keys`;
    const found = linked.length === 0 ? [] : [ok("key", `${count} in a token or with a key service: ${uris}`)];
    return [...found, ...warnings.map(bad)];
  } catch (error) {
    if (error instanceof TagsealError) return [bad(error.message)];
    throw error;
  }
}
