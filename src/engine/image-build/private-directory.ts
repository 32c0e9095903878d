import { mkdtempSync, rmSync } from "node:fs";
import { mkdtemp, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

/** Temporary files of one build, readable only by this account, removed when it ends. */
export class PrivateDirectory {
  #path: string | undefined;

  /** The directory itself, made at the first call (0700). */
  path(): string {
    this.#path ??= mkdtempSync(join(tmpdir(), "tagseal-build-"));
    return this.#path;
  }

  /** Writes a file (0600) that must not exist yet. @returns its path */
  async write(name: string, content: Uint8Array): Promise<string> {
    const file = join(this.path(), name);
    await writeFile(file, content, { mode: 0o600, flag: "wx" });
    return file;
  }

  /** Makes a new directory within. @returns its path */
  async subdirectory(prefix: string): Promise<string> {
    return await mkdtemp(join(this.path(), `${prefix}-`));
  }

  /** Removes everything, at once: a process that is being interrupted may have no time for more. */
  remove(): void {
    if (this.#path !== undefined) rmSync(this.#path, { recursive: true, force: true });
    this.#path = undefined;
  }
}
