/**
 * Finds the files of a tar archive without extracting it: headers are read, contents skipped, so that any file can be read in place.
 * No file is ever written under a name from the archive.
 */
import { type FileHandle, open } from "node:fs/promises";
import { posix } from "node:path";
import { streamRange, unreadable } from "./file-content.ts";
import type { LayoutFiles } from "./image-layout.ts";
import { malformed } from "./manifest.ts";
import { checkHeader, numberField, readExtension, type TarExtension, textField } from "./tar-header.ts";

interface TarEntry {
  readonly kind: "file" | "link";
  readonly offset: number;
  readonly size: number;
  /** what a link leads to, as a name in the archive */
  readonly target: string;
}

const blockSize = 512;
const maxEntries = 200_000;
const maxExtensionBytes = 1024 * 1024;
const maxLinks = 16;

/**
 * Reads an archive's headers.
 *
 * @param location for messages, where the archive's own path differs (a temporary unpacked copy)
 * @throws UsageError `FILE_UNREADABLE`; NetworkError `IMAGE_MALFORMED` when it is not a tar archive, or a broken one
 */
export async function openTar(
  path: string,
  location: string = path,
): Promise<LayoutFiles & { readonly names: readonly string[] }> {
  const entries = await readEntries(path, location);
  const find = (name: string): TarEntry | undefined => follow(entries, name);
  const need = (name: string): TarEntry => {
    const entry = find(name);
    if (entry === undefined) throw malformed(`${location} holds no ${JSON.stringify(name)}`);
    return entry;
  };
  return {
    location,
    names: [...entries.keys()],
    size: (name) => Promise.resolve(find(name)?.size),
    read: async (name, maxBytes) => {
      const entry = need(name);
      if (entry.size > maxBytes)
        throw malformed(`${name} in ${location} has ${entry.size} bytes, more than the ${maxBytes} allowed there`);
      const chunks: Uint8Array[] = [];
      for await (const chunk of streamRange(path, entry.offset, entry.size)) chunks.push(chunk);
      return Buffer.concat(chunks);
    },
    stream: (name, offset, length) => {
      const entry = need(name);
      return streamRange(path, entry.offset + offset, Math.min(length, entry.size - offset));
    },
    close: () => Promise.resolve(),
  };
}

/** The regular file of a name. Links are resolved inside the archive only. */
function follow(entries: ReadonlyMap<string, TarEntry>, name: string): TarEntry | undefined {
  let entry = entries.get(cleanName(name));
  for (let links = 0; entry?.kind === "link"; links++) {
    if (links >= maxLinks) return undefined;
    entry = entries.get(entry.target);
  }
  return entry;
}

async function readEntries(path: string, location: string): Promise<ReadonlyMap<string, TarEntry>> {
  let handle: FileHandle | undefined;
  try {
    handle = await open(path, "r");
    return await scan(handle, location);
  } catch (error) {
    if (error instanceof Error && "syscall" in error) throw unreadable(location, error);
    throw error;
  } finally {
    await handle?.close();
  }
}

async function scan(handle: FileHandle, location: string): Promise<ReadonlyMap<string, TarEntry>> {
  const entries = new Map<string, TarEntry>();
  const { size: end } = await handle.stat();
  let extension: TarExtension = {};
  for (let position = 0; position + blockSize <= end;) {
    const header = await readBlock(handle, position, blockSize);
    if (header.every((byte) => byte === 0)) return entries;
    checkHeader(header, location, position);
    const type = String.fromCharCode(header[156] ?? 0);
    const isExtension = "xgLK".includes(type);
    const size = (isExtension ? undefined : extension.size) ?? numberField(header, 124, 12);
    const offset = position + blockSize;
    if (size < 0 || offset + size > end) throw malformed(`${location} is cut off, or no tar archive`);
    position = offset + Math.ceil(size / blockSize) * blockSize;
    if (isExtension) {
      if (size > maxExtensionBytes) throw malformed(`${location} has a header of ${size} bytes`);
      readExtension(extension, type, await readBlock(handle, offset, size));
      continue;
    }
    addEntry(entries, header, { type, offset, size }, extension);
    if (entries.size > maxEntries) throw malformed(`${location} holds more than ${maxEntries} files`);
    extension = {};
  }
  // some archives have no closing zero blocks; every entry is complete
  return entries;
}

function addEntry(
  entries: Map<string, TarEntry>,
  header: Buffer,
  at: { readonly type: string; readonly offset: number; readonly size: number },
  extension: TarExtension,
): void {
  const isUstar = header.toString("latin1", 257, 262) === "ustar";
  const prefix = isUstar && header[263] !== 0x20 ? textField(header, 345, 155) : "";
  const ownName = prefix === "" ? textField(header, 0, 100) : `${prefix}/${textField(header, 0, 100)}`;
  const name = cleanName(extension.name ?? ownName);
  const linkName = extension.linkName ?? textField(header, 157, 100);
  if (["0", "\0", "7"].includes(at.type))
    entries.set(name, { kind: "file", offset: at.offset, size: at.size, target: "" });
  // symbolic links are relative to their own directory, hard links to the archive's root
  if (at.type === "2") entries.set(name, link(cleanName(posix.join(posix.dirname(name), linkName))));
  if (at.type === "1") entries.set(name, link(cleanName(linkName)));
}

function link(target: string): TarEntry {
  return { kind: "link", offset: 0, size: 0, target };
}

/** A name in one spelling: no "./", no "//". A name that leads out of the archive keeps its ".." and so never matches a file. */
function cleanName(name: string): string {
  return posix.normalize(name.replace(/^\/+/, "")).replace(/\/$/, "");
}

async function readBlock(handle: FileHandle, position: number, length: number): Promise<Buffer> {
  const buffer = Buffer.alloc(length);
  const { bytesRead } = await handle.read(buffer, 0, length, position);
  return buffer.subarray(0, bytesRead);
}
