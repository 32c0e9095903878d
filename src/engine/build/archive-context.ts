/**
 * Build contexts that are tar archives. The archive is packed anew, so that the engine unpacks exactly the names that were looked at here: what
 * two readers of tar could read differently never reaches it.
 */
import { createReadStream, createWriteStream } from "node:fs";
import { posix } from "node:path";
import { pipeline } from "node:stream/promises";
import type { Extract, Header, Pack } from "tar-stream";
import type { EngineKind } from "../command-line/invocation.ts";
import { companionEndings, defaultNames, type PackedDockerfile, refuseTemplate } from "./local-dockerfile.ts";
import { DockerfileRefused } from "./refused.ts";

const maxDockerfileBytes = 16 * 1024 * 1024;
const maxEntries = 1_000_000;

/**
 * Finds the Dockerfile in an archive, whatever the spelling of its name there.
 *
 * @param wanted value of `-f`
 * @throws UsageError `DOCKERFILE_REFUSED` when it is not there, not a plain file, there twice, or hidden behind links
 */
export async function findPackedDockerfile(
  file: string,
  wanted: string | undefined,
  kind: EngineKind,
): Promise<PackedDockerfile> {
  const names = wanted === undefined ? defaultNames[kind] : [cleanName(wanted)];
  const companionNames = new Set(names.flatMap((name) => companionEndings.map((ending) => name + ending)));
  const found = new Map<string, Buffer>();
  const links = new Set<string>();
  const seen = new Set<string>();
  await eachEntry(file, async (header, content) => {
    const name = cleanName(header.name);
    if (seen.size >= maxEntries) throw new DockerfileRefused("the build context holds too many files");
    seen.add(name);
    if (header.type === "symlink" || header.type === "link") links.add(name);
    const isPlain = header.type === "file" || header.type === "contiguous-file";
    if (companionNames.has(name) && isPlain) found.set(name, await collect(content, name));
    if (!names.includes(name)) return;
    if (found.has(name)) throw new DockerfileRefused(`the build context holds ${name} twice`);
    if (!isPlain) {
      throw new DockerfileRefused(`${name} in the build context is no plain file`);
    }
    found.set(name, await collect(content, name));
  });
  refuseHidden(seen, links);
  const name = names.find((candidate) => found.has(candidate));
  const bytes = name === undefined ? undefined : found.get(name);
  if (name !== undefined && bytes !== undefined) {
    refuseTemplate(name, kind);
    return { name, bytes, companions: companionsOf(name, found) };
  }
  throw new DockerfileRefused(
    `Cannot locate specified Dockerfile: ${names[0] ?? ""}`,
    "name it with -f, as it is called in the archive",
  );
}

function companionsOf(name: string, files: ReadonlyMap<string, Buffer>): ReadonlyMap<string, Uint8Array> {
  return new Map(
    companionEndings.flatMap((ending) => {
      const content = files.get(name + ending);
      return content === undefined ? [] : [[ending, content] as const];
    }),
  );
}

/** A file written through a link could replace the Dockerfile after it was looked at. */
function refuseHidden(names: ReadonlySet<string>, links: ReadonlySet<string>): void {
  if (links.size === 0) return;
  for (const name of names) {
    for (let parent = posix.dirname(name); parent !== "." && parent !== "/"; parent = posix.dirname(parent)) {
      if (!links.has(parent)) continue;
      throw new DockerfileRefused(
        `the build context holds ${name}, and ${parent} is a link`,
        "pack the directory itself",
      );
    }
  }
}

/** Packs the archive anew, with another content of its Dockerfile. */
export async function replacePackedDockerfile(
  file: string,
  target: string,
  dockerfile: PackedDockerfile,
): Promise<void> {
  const { pack: createPack } = await import("tar-stream");
  const pack = createPack();
  const written = pipeline(pack, createWriteStream(target, { mode: 0o600, flags: "wx" }));
  const read = eachEntry(file, async (header, content) => {
    if (cleanName(header.name) !== dockerfile.name) return await copyEntry(pack, header, content);
    await discard(content);
    await addBytes(pack, { ...header, size: dockerfile.bytes.length }, dockerfile.bytes);
  }).then(() => pack.finalize());
  // whichever fails first must stop the other
  await Promise.all([
    written,
    read.catch((error: unknown) => {
      pack.destroy(error instanceof Error ? error : new Error(String(error)));
      throw error;
    }),
  ]);
}

type Content = NodeJS.ReadableStream & AsyncIterable<Uint8Array>;

async function eachEntry(file: string, use: (header: Header, content: Content) => Promise<void>): Promise<void> {
  const { extract } = await import("tar-stream");
  const entries: Extract = extract();
  const read = pipeline(createReadStream(file), entries).catch((error: unknown) => {
    throw new DockerfileRefused(
      `the build context is no tar archive: ${error instanceof Error ? error.message : String(error)}`,
    );
  });
  read.catch(() => undefined); // reported below, once whoever reads the entries has noticed, too
  try {
    for await (const entry of entries) {
      refuseSparse(entry.header);
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

/** Sparse files have a second name, which only some readers know. */
function refuseSparse({ name, pax }: Header): void {
  const isSparse = Object.keys(pax ?? {}).some((key) => key.startsWith("GNU.sparse."));
  if (isSparse)
    throw new DockerfileRefused(`the build context holds a sparse file, ${name}`, "pack it without --sparse");
}

async function copyEntry(pack: Pack, header: Header, content: Content): Promise<void> {
  if (header.type === "file" || header.type === "contiguous-file") {
    const entry = pack.entry({ ...header, type: "file" });
    await pipeline(content, entry);
    return;
  }
  await discard(content);
  await addBytes(pack, { ...header, size: 0 }, undefined);
}

async function addBytes(pack: Pack, header: Header, bytes: Uint8Array | undefined): Promise<void> {
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  const done = (error?: Error | null): void => (error === undefined || error === null ? resolve() : reject(error));
  if (bytes === undefined) pack.entry(header, done);
  else pack.entry(header, Buffer.from(bytes), done);
  await promise;
}

async function discard(content: Content): Promise<void> {
  for await (const chunk of content) void chunk;
}

async function collect(content: Content, name: string): Promise<Buffer> {
  const chunks: Uint8Array[] = [];
  let length = 0;
  for await (const chunk of content) {
    length += chunk.length;
    if (length > maxDockerfileBytes) throw new DockerfileRefused(`${name} in the build context is too large`);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}

/** A name in one spelling. One that leads out of the archive keeps its `..` and so never meets a file. */
export function cleanName(name: string): string {
  return posix.normalize(name.replace(/^\/+/, "")).replace(/\/$/, "");
}
