/** Archives of the tar kind, with the entries that a test wants. */
import { createWriteStream } from "node:fs";
import { join } from "node:path";
import { pipeline } from "node:stream/promises";
import type { TestContext } from "node:test";
import { pack } from "tar-stream";
import { temporaryDirectory } from "./temporary-directory.ts";

/** One entry; a file unless it says otherwise. */
export interface TarFile {
  readonly name: string;
  readonly content?: string | Uint8Array;
  readonly type?: "directory" | "symlink" | "link";
  readonly linkname?: string;
}

/** Writes an archive that is removed after the test. @returns its path */
export async function tarOf(t: Pick<TestContext, "after">, files: readonly TarFile[]): Promise<string> {
  const path = join(temporaryDirectory(t), "image.tar");
  const tar = pack();
  for (const { content, ...header } of files)
    tar.entry({ mtime: new Date(0), ...header }, content === undefined ? "" : Buffer.from(content));
  tar.finalize();
  await pipeline(tar, createWriteStream(path));
  return path;
}
