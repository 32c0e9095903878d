/** Reads a tar archive entry by entry. */
import { createReadStream } from "node:fs";
import { posix } from "node:path";
import { pipeline } from "node:stream/promises";
import type { Extract, Header, Pack } from "tar-stream";
import { DockerfileRefused } from "./refused.ts";

/** The bytes of an entry. */
export type Content = NodeJS.ReadableStream & AsyncIterable<Uint8Array>;

/**
 * Calls `use` with every entry, in their order. Content that is not read is skipped.
 *
 * @throws UsageError `DOCKERFILE_REFUSED` when it is not a tar archive, and for entries that readers understand differently
 */
export async function eachEntry(file: string, use: (header: Header, content: Content) => Promise<void>): Promise<void> {
  const { extract } = await import("tar-stream");
  const entries: Extract = extract();
  const read = pipeline(createReadStream(file), entries).catch((error: unknown) => {
    throw new DockerfileRefused(
      `the build context is not a tar archive: ${error instanceof Error ? error.message : String(error)}`,
    );
  });
  read.catch(() => undefined); // reported below, after the reader of the entries has also failed
  try {
    for await (const entry of entries) {
      refuseUnclear(entry.header);
      await use(entry.header, entry as unknown as Content);
      entry.resume();
    }
  } catch (error) {
    entries.destroy();
    if (error instanceof DockerfileRefused) throw error;
    await read;
    throw error;
  }
  await read;
}

/** Sparse files have a second name, which only some readers know; a zero byte ends a name for some of them. */
function refuseUnclear({ name, linkname, type, pax }: Header): void {
  const printed = JSON.stringify(name.slice(0, 200));
  const isSparse = Object.keys(pax ?? {}).some((key) => key.startsWith("GNU.sparse."));
  if (isSparse)
    throw new DockerfileRefused(`the build context holds a sparse file, ${printed}`, "pack it without --sparse");
  if (`${name}${linkname ?? ""}`.includes("\0"))
    throw new DockerfileRefused(`the build context holds a name with a zero byte in it, ${printed}`);
  if ((type ?? null) === null)
    throw new DockerfileRefused(`the build context holds ${printed}, an entry of a kind that is not understood`);
}

/** Reads an entry to its end. */
export async function discard(content: Content): Promise<void> {
  for await (const chunk of content) void chunk;
}

/** Packs one entry. Without bytes it has no content: a directory, a link. */
export async function addEntry(
  pack: Pack,
  header: Partial<Header> & { readonly name: string },
  bytes: Uint8Array | undefined,
): Promise<void> {
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  const done = (error?: Error | null): void => (error === undefined || error === null ? resolve() : reject(error));
  if (bytes === undefined) pack.entry({ ...header, size: 0 }, done);
  else pack.entry({ ...header, size: bytes.length }, Buffer.from(bytes), done);
  await promise;
}

/** A name in its canonical spelling. One that leads out of the archive keeps its `..` and so never matches a file. */
export function cleanName(name: string): string {
  return posix.normalize(name.replace(/^\/+/, "")).replace(/\/$/, "");
}
