/** What this machine remembers of all collections: the role files of docker's directory, whichever tool wrote them. Nothing is verified here. */
import { readdir } from "node:fs/promises";
import { join, relative, sep } from "node:path";
import { MetadataError } from "../../errors.ts";
import type { MetadataFile, RoleName } from "../../tuf/metadata.ts";
import { parseMetadata } from "../../tuf/notary-v1/parse.ts";
import { isBaseRole, isDelegation } from "../../tuf/role-name.ts";
import { readRoleFile } from "./role-file.ts";

/** Names of repositories have at most a handful of segments, and roles too. */
const maxDepth = 12;

/** One role file of one collection. */
export interface RememberedFile {
  readonly gun: string;
  readonly role: RoleName;
  readonly path: string;
}

/** Every role file below `tuf`, in order of their paths; empty where nothing was trusted yet. */
export async function rememberedFiles(trustDirectory: string): Promise<readonly RememberedFile[]> {
  const root = join(trustDirectory, "tuf");
  const paths = await jsonFilesBelow(root, maxDepth);
  return paths.flatMap((path) => rememberedFile(path, relative(root, path).split(sep)) ?? []);
}

/** The collections that this machine has trusted, in order. */
export async function rememberedGuns(trustDirectory: string): Promise<readonly string[]> {
  return [...new Set((await rememberedFiles(trustDirectory)).map(({ gun }) => gun))].toSorted();
}

/**
 * Parses a remembered file.
 *
 * @throws MetadataError `METADATA_CACHE_CORRUPT` for a link or anything other than a file, `METADATA_MISSING` when it has just been removed;
 *   and as {@link parseMetadata}
 * @throws UsageError `FILE_UNREADABLE`
 */
export function readRemembered({ role, path }: RememberedFile): MetadataFile {
  const found = readRoleFile(path);
  if (found === undefined) throw new MetadataError("METADATA_MISSING", `${path} has just been removed`);
  return parseMetadata(role, found.bytes);
}

/** `<gun>/metadata/<role>.json`. A segment of a GUN may be `metadata`, too: what follows the right one is the name of a role. */
function rememberedFile(path: string, parts: readonly string[]): RememberedFile | undefined {
  for (const [at, part] of parts.entries()) {
    if (part !== "metadata" || at === 0) continue;
    const role = parts
      .slice(at + 1)
      .join("/")
      .replace(/\.json$/u, "");
    if (isBaseRole(role) || isDelegation(role)) return { gun: parts.slice(0, at).join("/"), role, path };
  }
  return undefined;
}

async function jsonFilesBelow(directory: string, depth: number): Promise<string[]> {
  if (depth === 0) return [];
  const found: string[] = [];
  for (const entry of await entriesOf(directory)) {
    const path = join(directory, entry.name);
    if (entry.isDirectory()) found.push(...(await jsonFilesBelow(path, depth - 1)));
    else if (entry.isFile() && entry.name.endsWith(".json")) found.push(path);
  }
  return found.toSorted();
}

async function entriesOf(directory: string) {
  try {
    return await readdir(directory, { withFileTypes: true });
  } catch {
    return []; // no trust data here yet
  }
}
