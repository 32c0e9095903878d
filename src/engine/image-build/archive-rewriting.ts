/** Packs an archive again with another Dockerfile in it. */
import { createWriteStream } from "node:fs";
import { pipeline } from "node:stream/promises";
import type { Header, Pack } from "tar-stream";
import { addEntry, cleanName, type Content, discard, eachEntry } from "./archive-entries.ts";
import type { PackedDockerfile } from "./local-dockerfile.ts";
import { ignoreFile, packedName } from "./packed-name.ts";
import { DockerfileRefused } from "./refused.ts";

/** Packs the archive again with another content of its Dockerfile. */
export async function replacePackedDockerfile(
  file: string,
  target: string,
  dockerfile: PackedDockerfile,
): Promise<void> {
  await repack(file, target, async (pack, header, content) => {
    if (cleanName(header.name) !== dockerfile.name) return await copyEntry(pack, header, content);
    await discard(content);
    await addEntry(pack, plainHeader(header), dockerfile.bytes);
  });
}

/**
 * Packs the archive again with one more file: a Dockerfile that is not from the archive. The archive's `.dockerignore` names it, so that
 * docker's classic builder removes it before any instruction sees the files.
 *
 * @returns its name there
 * @throws UsageError `DOCKERFILE_REFUSED` when the archive contains a file of that name
 */
export async function addPackedDockerfile(file: string, target: string, bytes: Uint8Array): Promise<string> {
  await repack(
    file,
    target,
    async (pack, header, content) => {
      const name = cleanName(header.name);
      if (name === packedName) throw new DockerfileRefused(`the build context holds ${packedName} already`);
      if (name !== ignoreFile || header.type !== "file") return await copyEntry(pack, header, content);
      const chunks: Uint8Array[] = [];
      for await (const chunk of content) chunks.push(chunk);
      await addEntry(pack, plainHeader(header), Buffer.concat([...chunks, Buffer.from(`\n${packedName}\n`)]));
    },
    async (pack) => await addEntry(pack, { name: packedName, mode: 0o600, mtime: new Date(0) }, bytes),
  );
  return packedName;
}

async function repack(
  file: string,
  target: string,
  take: (pack: Pack, header: Header, content: Content) => Promise<void>,
  finish: (pack: Pack) => Promise<void> = async () => undefined,
): Promise<void> {
  const { pack: createPack } = await import("tar-stream");
  const pack = createPack();
  const written = pipeline(pack, createWriteStream(target, { mode: 0o600, flags: "wx" }));
  const read = eachEntry(file, async (header, content) => await take(pack, header, content)).then(async () => {
    await finish(pack);
    pack.finalize();
  });
  // the first to fail must stop the other
  await Promise.all([
    written,
    read.catch((error: unknown) => {
      pack.destroy(error instanceof Error ? error : new Error(String(error)));
      throw error;
    }),
  ]);
}

/**
 * The header of an entry. Extended attributes that repeat a field of the header are left out: a reader would use their names and sizes
 * instead of those that were checked here.
 */
function plainHeader(header: Header): Header {
  const { pax, ...plain } = header;
  const kept = Object.entries(pax ?? {}).filter(
    ([key, value]) => key.startsWith("SCHILY.xattr.") || (/^[ug]id$/.test(key) && /^[0-9]+$/.test(value)),
  );
  return kept.length === 0 ? plain : { ...plain, pax: Object.fromEntries(kept) };
}

async function copyEntry(pack: Pack, header: Header, content: Content): Promise<void> {
  const plain = plainHeader(header);
  if (header.type === "file" || header.type === "contiguous-file") {
    await pipeline(content, pack.entry({ ...plain, type: "file" }));
    return;
  }
  await discard(content);
  await addEntry(pack, { ...plain, size: 0 }, undefined);
}
