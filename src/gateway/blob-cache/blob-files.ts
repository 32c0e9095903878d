/**
 * The files of the blob cache: `DIR/sha256/HEX`, whole and verified, and `DIR/incoming/` for those that still arrive. Together they never take more
 * than the given number of bytes; the ones that were not used for longest go first. One gateway to a directory.
 */
import { randomUUID } from "node:crypto";
import type { Dirent } from "node:fs";
import { type FileHandle, open, readdir, rename, rm, stat } from "node:fs/promises";
import { dirname, join } from "node:path";
import { makeDirectory } from "../../files/make-directory.ts";
import { requireWritable } from "../../files/writable-directory.ts";
import { isErrno } from "../../files/system-error.ts";
import { type Digest, digestAlgorithm, digestFromHex, digestHex, isDigest } from "../../reference/digest.ts";
import type { Descriptor } from "../../registry/manifest.ts";

/** A file that was found, before it is opened. */
interface HeldFile {
  readonly size: number;
  /** of this process, or read whole and compared by it: a file of an earlier process may have been damaged since */
  isVerified: boolean;
}

/** A new file, for a blob that arrives. */
export interface IncomingFile {
  readonly path: string;
  readonly file: FileHandle;
}

/** Checks an open file against a digest. */
export type VerifyFile = (file: FileHandle, blob: Descriptor) => Promise<boolean>;

/** See the top of this file. */
export class BlobFiles {
  readonly #directory: string;
  readonly #maxBytes: number;
  readonly #verify: VerifyFile;
  /** the least recently used first */
  readonly #held = new Map<Digest, HeldFile>();
  readonly #verifying = new Map<Digest, Promise<boolean>>();
  #bytes = 0;
  /** of {@link #bytes}, those that were promised to files that arrive */
  #arriving = 0;
  #evictions = 0;

  private constructor(directory: string, maxBytes: number, verify: VerifyFile) {
    this.#directory = directory;
    this.#maxBytes = maxBytes;
    this.#verify = verify;
  }

  /** Opens a directory, which is made if need be, and removes what an ended process left unfinished. @throws UsageError `FILE_UNWRITABLE` */
  static async open(directory: string, maxBytes: number, verify: VerifyFile): Promise<BlobFiles> {
    const files = new BlobFiles(directory, maxBytes, verify);
    await requireWritable(files.#incoming);
    for (const { name } of await entriesOf(files.#incoming)) await rm(join(files.#incoming, name), { force: true });
    await files.#readHeld();
    await files.#makeRoom();
    return files;
  }

  /** Bytes of all files, with those that were promised to {@link incoming}. */
  get bytes(): number {
    return this.#bytes;
  }

  /** Files that had to go for others. */
  get evictions(): number {
    return this.#evictions;
  }

  /**
   * Opens a blob's file, and counts that as its use. A file of an earlier process is first read whole; one that is wrong is removed.
   *
   * @returns undefined when there is none; the caller closes it
   */
  async find(blob: Descriptor): Promise<FileHandle | undefined> {
    const held = this.#held.get(blob.digest);
    // Another size is only what a manifest claims: it says nothing against the file.
    if (held === undefined || held.size !== blob.size) return undefined;
    this.#held.delete(blob.digest);
    this.#held.set(blob.digest, held);
    const file = await this.#openHeld(blob.digest);
    if (file === undefined) return undefined;
    try {
      if (held.isVerified || (await this.#isRight(file, blob, held))) return file;
      await file.close();
    } catch (error) {
      await file.close();
      throw error;
    }
    return await this.drop(blob.digest);
  }

  /** Makes room for a blob and opens a new file for it. @returns undefined when it does not fit beside what arrives now */
  async incoming(size: number): Promise<IncomingFile | undefined> {
    if (this.#arriving + size > this.#maxBytes) return undefined;
    this.#promise(size);
    try {
      await this.#makeRoom();
      const path = join(this.#incoming, randomUUID());
      return { path, file: await open(path, "wx+", 0o600) };
    } catch (error) {
      this.#promise(-size);
      throw error;
    }
  }

  /** Takes over a file of {@link incoming} whose content was verified and is on the disk. */
  async keep(path: string, { digest, size }: Descriptor): Promise<void> {
    const to = this.#pathOf(digest);
    makeDirectory(dirname(to));
    await rename(path, to);
    this.#arriving -= size;
    this.#bytes -= this.#held.get(digest)?.size ?? 0;
    this.#held.set(digest, { size, isVerified: true });
  }

  /** Removes a file of {@link incoming}. */
  async discard(path: string, size: number): Promise<void> {
    this.#promise(-size);
    await rm(path, { force: true });
  }

  /** Removes a blob's file. */
  async drop(digest: Digest): Promise<undefined> {
    const held = this.#held.get(digest);
    if (held === undefined || !this.#held.delete(digest)) return;
    this.#bytes -= held.size;
    await rm(this.#pathOf(digest), { force: true });
  }

  #promise(size: number): void {
    this.#bytes += size;
    this.#arriving += size;
  }

  get #incoming(): string {
    return join(this.#directory, "incoming");
  }

  #pathOf(digest: Digest): string {
    return join(this.#directory, digestAlgorithm(digest), digestHex(digest));
  }

  /** A person may have removed it meanwhile. */
  async #openHeld(digest: Digest): Promise<FileHandle | undefined> {
    try {
      const file = await open(this.#pathOf(digest), "r");
      // What was used last is known after a restart, too.
      await file.utimes(new Date(), new Date()).catch(() => undefined);
      return file;
    } catch (error) {
      if (!isErrno(error, "ENOENT")) throw error;
      return await this.drop(digest);
    }
  }

  async #isRight(file: FileHandle, blob: Descriptor, held: HeldFile): Promise<boolean> {
    const verifying =
      this.#verifying.get(blob.digest) ?? this.#verify(file, blob).finally(() => this.#verifying.delete(blob.digest));
    this.#verifying.set(blob.digest, verifying);
    const isRight = await verifying;
    if (isRight) held.isVerified = true;
    return isRight;
  }

  async #makeRoom(): Promise<void> {
    for (const digest of this.#held.keys()) {
      if (this.#bytes <= this.#maxBytes) return;
      this.#evictions += 1;
      await this.drop(digest);
    }
  }

  async #readHeld(): Promise<void> {
    const found: { readonly digest: Digest; readonly size: number; readonly usedAt: number }[] = [];
    for (const algorithm of ["sha256", "sha512"] as const) {
      for (const entry of await entriesOf(join(this.#directory, algorithm))) {
        if (!entry.isFile() || !isDigest(`${algorithm}:${entry.name}`)) continue;
        const { size, mtimeMs } = await stat(join(entry.parentPath, entry.name));
        found.push({ digest: digestFromHex(algorithm, entry.name), size, usedAt: mtimeMs });
      }
    }
    for (const { digest, size } of found.toSorted((one, other) => one.usedAt - other.usedAt)) {
      this.#held.set(digest, { size, isVerified: false });
      this.#bytes += size;
    }
  }
}

async function entriesOf(directory: string): Promise<readonly Dirent[]> {
  try {
    return await readdir(directory, { withFileTypes: true });
  } catch (error) {
    if (isErrno(error, "ENOENT")) return [];
    throw error;
  }
}
