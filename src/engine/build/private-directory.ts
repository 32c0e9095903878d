import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

/** Temporary files of one build, readable by nobody else, gone when it is over. */
export class PrivateDirectory {
  #path: Promise<string> | undefined;

  /** The directory itself, made at the first call (0700). */
  async path(): Promise<string> {
    this.#path ??= mkdtemp(join(tmpdir(), "tagseal-build-"));
    return await this.#path;
  }

  /** Writes a file (0600) that must not be there yet. @returns its path */
  async write(name: string, content: Uint8Array): Promise<string> {
    const file = join(await this.path(), name);
    await writeFile(file, content, { mode: 0o600, flag: "wx" });
    return file;
  }

  /** Makes a new directory within. @returns its path */
  async subdirectory(prefix: string): Promise<string> {
    return await mkdtemp(join(await this.path(), `${prefix}-`));
  }

  /** Removes everything. */
  async remove(): Promise<void> {
    if (this.#path === undefined) return;
    await rm(await this.#path, { recursive: true, force: true });
    this.#path = undefined;
  }
}
