/**
 * The embedded registry's files. Contents stand once, under their digest; what a repository has is a set of small marker files:
 *
 *     blobs/<algorithm>/<hex>                                   contents, manifests included
 *     uploads/<id>                                              blobs on their way in
 *     repositories/<name>/_blobs/<algorithm>-<hex>              empty: the repository has this blob
 *     repositories/<name>/_manifests/<algorithm>-<hex>          the manifest's media type
 *     repositories/<name>/_tags/<tag>                           the digest the tag names
 *     repositories/<name>/_referrers/<subject>/<manifest>       empty: the manifest names the subject
 *
 * Names come from the reference grammar, so no part of a path begins with "_" or "." but our own. Everything is written to a temporary
 * file and renamed: readers see the old or the new.
 */
import { createHash, randomUUID } from "node:crypto";
import { createReadStream, createWriteStream } from "node:fs";
import { mkdir, readdir, readFile, rename, rm, stat, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { type Digest, digestAlgorithm, digestHex, isDigest } from "../../reference/digest.ts";
import { blobPath } from "./blob-path.ts";

/** A stored manifest. */
export interface StoredManifest {
  readonly digest: Digest;
  readonly mediaType: string;
  readonly bytes: Uint8Array;
}

/** Where one blob upload stands. */
export interface UploadState {
  readonly id: string;
  /** bytes received */
  readonly size: number;
}

/** Repositories on disk; several may be used at once. */
export class RegistryStore {
  readonly #directory: string;

  constructor(directory: string) {
    this.#directory = directory;
  }

  /** The size of a blob the repository has, undefined when it has none such. */
  async blobSize(repository: string, digest: Digest): Promise<number | undefined> {
    if ((await this.#marker(repository, "_blobs", flat(digest))) === undefined) return undefined;
    return await fileSize(blobPath(this.#directory, digest));
  }

  /** A blob's bytes from `start` to `end`, both inclusive. The blob must be there. */
  readBlob(digest: Digest, start: number, end: number): Readable {
    // an empty blob has no byte to start or end at
    return end < start ? Readable.from([]) : createReadStream(blobPath(this.#directory, digest), { start, end });
  }

  /** Gives a repository a blob another one has. @returns false when that one has it not */
  async mountBlob(from: string, to: string, digest: Digest): Promise<boolean> {
    if ((await this.blobSize(from, digest)) === undefined) return false;
    await this.#mark(to, "_blobs", flat(digest), "");
    return true;
  }

  /** Takes a blob away from a repository. @returns false when it was not there */
  async deleteBlob(repository: string, digest: Digest): Promise<boolean> {
    return await this.#unmark(repository, "_blobs", flat(digest));
  }

  /** Begins an upload. */
  async startUpload(): Promise<UploadState> {
    const id = randomUUID();
    await mkdir(join(this.#directory, "uploads"), { recursive: true });
    await writeFile(this.#uploadPath(id), "", { flag: "wx" });
    return { id, size: 0 };
  }

  /** Where an upload stands; undefined when there is none of this name. */
  async findUpload(id: string): Promise<UploadState | undefined> {
    if (!/^[0-9a-f-]{36}$/.test(id)) return undefined;
    const size = await fileSize(this.#uploadPath(id));
    return size === undefined ? undefined : { id, size };
  }

  /** Adds bytes to an upload as they come; those that came before a lost connection stay. */
  async append(id: string, chunks: Readable): Promise<void> {
    await pipeline(chunks, createWriteStream(this.#uploadPath(id), { flags: "a" }));
  }

  /** Ends an upload without result. */
  async cancelUpload(id: string): Promise<void> {
    await rm(this.#uploadPath(id), { force: true });
  }

  /** Turns an upload into a blob of the repository. @returns false, and the upload gone, when its bytes are not those of `digest` */
  async commitUpload(repository: string, id: string, digest: Digest): Promise<boolean> {
    const hash = createHash(digestAlgorithm(digest));
    const chunks: AsyncIterable<Buffer> = createReadStream(this.#uploadPath(id));
    for await (const chunk of chunks) hash.update(chunk);
    if (hash.digest("hex") !== digestHex(digest)) {
      await this.cancelUpload(id);
      return false;
    }
    await mkdir(dirname(blobPath(this.#directory, digest)), { recursive: true });
    await rename(this.#uploadPath(id), blobPath(this.#directory, digest));
    await this.#mark(repository, "_blobs", flat(digest), "");
    return true;
  }

  /** A manifest by tag or digest; undefined when the repository has none such. */
  async findManifest(repository: string, tagOrDigest: string): Promise<StoredManifest | undefined> {
    const digest = isDigest(tagOrDigest) ? tagOrDigest : await this.#marker(repository, "_tags", tagOrDigest);
    if (digest === undefined || !isDigest(digest)) return undefined;
    const mediaType = await this.#marker(repository, "_manifests", flat(digest));
    if (mediaType === undefined) return undefined;
    return { digest, mediaType, bytes: await readFile(blobPath(this.#directory, digest)) };
  }

  /** Stores a manifest whose digest was checked, under a tag where one is given, and as a referrer of its subject. */
  async putManifest(
    repository: string,
    manifest: StoredManifest,
    also: { tag: string | undefined; subject: Digest | undefined },
  ): Promise<void> {
    await writeWhole(blobPath(this.#directory, manifest.digest), manifest.bytes);
    await this.#mark(repository, "_manifests", flat(manifest.digest), manifest.mediaType);
    if (also.subject !== undefined)
      await this.#mark(repository, `_referrers/${flat(also.subject)}`, flat(manifest.digest), "");
    if (also.tag !== undefined) await this.#mark(repository, "_tags", also.tag, manifest.digest);
  }

  /** Removes a tag, or a manifest with every tag that names it. @returns false when it was not there */
  async deleteManifest(repository: string, tagOrDigest: string): Promise<boolean> {
    if (!isDigest(tagOrDigest)) return await this.#unmark(repository, "_tags", tagOrDigest);
    for (const tag of await this.tags(repository)) {
      if ((await this.#marker(repository, "_tags", tag)) === tagOrDigest) await this.#unmark(repository, "_tags", tag);
    }
    return await this.#unmark(repository, "_manifests", flat(tagOrDigest));
  }

  /** The repository's tags in order; empty when there is no such repository. */
  async tags(repository: string): Promise<string[]> {
    return await names(join(this.#repositoryPath(repository), "_tags"));
  }

  /** The manifests that name `subject`, in the order of their digests. */
  async referrers(repository: string, subject: Digest): Promise<StoredManifest[]> {
    const found: StoredManifest[] = [];
    for (const name of await names(join(this.#repositoryPath(repository), "_referrers", flat(subject)))) {
      const manifest = await this.findManifest(repository, name.replace("-", ":"));
      if (manifest !== undefined) found.push(manifest);
    }
    return found;
  }

  /** Answers whether anything was ever pushed to this repository. */
  async hasRepository(repository: string): Promise<boolean> {
    const parts = await names(this.#repositoryPath(repository));
    return parts.includes("_manifests") || parts.includes("_blobs");
  }

  /** Every repository that has manifests, in order. */
  async repositories(prefix = ""): Promise<string[]> {
    const found: string[] = [];
    for (const name of await names(this.#repositoryPath(prefix))) {
      if (name === "_manifests") found.push(prefix);
      if (!name.startsWith("_")) found.push(...(await this.repositories(prefix === "" ? name : `${prefix}/${name}`)));
    }
    return found.toSorted();
  }

  #uploadPath(id: string): string {
    return join(this.#directory, "uploads", id);
  }

  #repositoryPath(repository: string): string {
    return join(this.#directory, "repositories", repository);
  }

  async #marker(repository: string, kind: string, name: string): Promise<string | undefined> {
    try {
      return await readFile(join(this.#repositoryPath(repository), kind, name), "utf8");
    } catch (error) {
      if (isAbsent(error)) return undefined;
      throw error;
    }
  }

  async #mark(repository: string, kind: string, name: string, content: string): Promise<void> {
    await writeWhole(join(this.#repositoryPath(repository), kind, name), content);
  }

  async #unmark(repository: string, kind: string, name: string): Promise<boolean> {
    try {
      await rm(join(this.#repositoryPath(repository), kind, name));
      return true;
    } catch (error) {
      if (isAbsent(error)) return false;
      throw error;
    }
  }
}

function flat(digest: Digest): string {
  return digest.replace(":", "-");
}

async function writeWhole(path: string, content: string | Uint8Array): Promise<void> {
  await mkdir(dirname(path), { recursive: true });
  // the name must be no tag, digest or repository, and its own for each of two writers at once
  const temporary = join(dirname(path), `.${randomUUID()}`);
  await writeFile(temporary, content);
  await rename(temporary, path);
}

async function names(directory: string): Promise<string[]> {
  try {
    return (await readdir(directory)).filter((name) => !name.startsWith(".")).toSorted();
  } catch (error) {
    if (isAbsent(error)) return [];
    throw error;
  }
}

async function fileSize(path: string): Promise<number | undefined> {
  try {
    return (await stat(path)).size;
  } catch (error) {
    if (isAbsent(error)) return undefined;
    throw error;
  }
}

function isAbsent(error: unknown): boolean {
  return error instanceof Error && "code" in error && (error.code === "ENOENT" || error.code === "ENOTDIR");
}
