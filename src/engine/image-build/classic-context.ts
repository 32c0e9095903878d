/**
 * The context for docker's classic builder, packed here when that keeps its cache. docker adds a Dockerfile from elsewhere under a random name
 * and writes that name into the context's `.dockerignore`, so that a later `COPY . .` never finds its cache again. Here the name is always the
 * same.
 */
import { createReadStream, createWriteStream, type Dirent, type Stats } from "node:fs";
import { lstat, readdir, readFile, readlink } from "node:fs/promises";
import { join } from "node:path";
import { pipeline } from "node:stream/promises";
import type { Pack } from "tar-stream";
import { addEntry } from "./archive-entries.ts";
import { ignoring, type IgnoredPath, parseIgnoreFile } from "./ignore-patterns.ts";
import { ignoreFile, packedName } from "./packed-name.ts";

interface PackedFile {
  /** relative to the context */
  readonly name: string;
  readonly stats: Stats;
}

/** A context that can be packed here. */
export interface PackableContext {
  readonly directory: string;
  readonly files: readonly PackedFile[];
  readonly ignoreText: Buffer;
}

/**
 * Examines a context directory.
 *
 * @returns undefined when docker should pack it itself: without a `.dockerignore` its way is harmless, and it handles patterns and files that
 *   are not understood here
 */
export async function findPackableContext(directory: string): Promise<PackableContext | undefined> {
  const ignoreText = await readIfPresent(join(directory, ignoreFile));
  if (ignoreText === undefined) return undefined;
  const patterns = parseIgnoreFile(ignoreText.toString("utf8"));
  if (patterns === undefined) return undefined;
  const files = await list(directory, ignoring([...patterns, `!${ignoreFile}`]), {
    mayReinclude: patterns.some((pattern) => pattern.startsWith("!")),
  });
  const isUnderstood = files.every(({ stats, name }) => isPackable(stats) && name !== packedName);
  return isUnderstood ? { directory, files, ignoreText } : undefined;
}

async function readIfPresent(path: string): Promise<Buffer | undefined> {
  try {
    return (await lstat(path)).isFile() ? await readFile(path) : undefined;
  } catch (error) {
    if (error instanceof Error && "code" in error && error.code === "ENOENT") return undefined;
    throw error;
  }
}

async function list(
  directory: string,
  isIgnored: IgnoredPath,
  how: { readonly mayReinclude: boolean },
  prefix = "",
): Promise<PackedFile[]> {
  const entries: Dirent[] = await readdir(join(directory, prefix), { withFileTypes: true });
  const files: PackedFile[] = [];
  for (const entry of entries.toSorted((one, other) => (one.name < other.name ? -1 : 1))) {
    const name = prefix === "" ? entry.name : `${prefix}/${entry.name}`;
    const ignored = isIgnored(name);
    // sockets cannot be packed, and docker leaves them out as well
    if (!ignored && !entry.isSocket()) files.push({ name, stats: await lstat(join(directory, name)) });
    if (entry.isDirectory() && (!ignored || how.mayReinclude))
      files.push(...(await list(directory, isIgnored, how, name)));
  }
  return files;
}

function isPackable(stats: Stats): boolean {
  return stats.isFile() || stats.isDirectory() || stats.isSymbolicLink();
}

/** Packs a context with the rewritten Dockerfile in it, which the engine removes again before any instruction sees the files. */
export async function packContext(context: PackableContext, dockerfile: Uint8Array, target: string): Promise<void> {
  const { pack: createPack } = await import("tar-stream");
  const pack = createPack();
  const written = pipeline(pack, createWriteStream(target, { mode: 0o600, flags: "wx" }));
  const read = addAll(pack, context, dockerfile).then(
    () => pack.finalize(),
    (error: unknown) => {
      pack.destroy(error instanceof Error ? error : new Error(String(error)));
      throw error;
    },
  );
  await Promise.all([read, written]);
}

async function addAll(
  pack: Pack,
  { directory, files, ignoreText }: PackableContext,
  dockerfile: Uint8Array,
): Promise<void> {
  for (const file of files) {
    const ignored = Buffer.concat([ignoreText, Buffer.from(`\n${packedName}\n`)]);
    if (file.name === ignoreFile) await addEntry(pack, headerOf(file), ignored);
    else await addFile(pack, directory, file);
  }
  await addEntry(pack, { name: packedName, mode: 0o600, mtime: new Date(0) }, Buffer.from(dockerfile));
}

interface Header {
  readonly name: string;
  readonly mode: number;
  readonly mtime: Date;
  readonly size?: number;
}

/** As docker packs it: owned by root for any user. */
function headerOf({ name, stats }: PackedFile): Header & { readonly uid: number; readonly gid: number } {
  return { name, mode: stats.mode & 0o7777, mtime: stats.mtime, uid: 0, gid: 0 };
}

async function addFile(pack: Pack, directory: string, file: PackedFile): Promise<void> {
  const path = join(directory, file.name);
  const header = headerOf(file);
  const { stats } = file;
  if (stats.isFile()) await pipeline(createReadStream(path), pack.entry({ ...header, type: "file", size: stats.size }));
  else if (stats.isDirectory()) await addEntry(pack, { ...header, type: "directory" }, undefined);
  else await addEntry(pack, { ...header, type: "symlink", linkname: await readlink(path) }, undefined);
}
