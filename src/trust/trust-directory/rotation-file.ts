import { rm } from "node:fs/promises";
import { dirname, join } from "node:path";
import { sha256Hex } from "../../crypto/sha256.ts";
import { isJsonObject, type JsonValue, parseOrdinaryJson } from "../../encoding/json.ts";
import { hasCode, UsageError } from "../../errors.ts";
import { makeDirectory } from "../../files/make-directory.ts";
import { readPrivateFile } from "../../files/read-private-file.ts";
import { isSystemError, systemReason } from "../../files/system-error.ts";
import { writeAtomically } from "../../files/write-atomically.ts";
import { isKeyId } from "../../keys/key-store.ts";
import type { BegunRotation, RotationMemory } from "../rotation/begun-rotation.ts";

/** Key IDs only, a few hundred at most. */
const maxBytes = 1024 * 1024;

/** A {@link RotationMemory} in a file beside a collection's metadata, where docker and notary do not look. It holds key IDs, no keys. */
export class RotationFile implements RotationMemory {
  readonly #path: string;

  private constructor(path: string) {
    this.#path = path;
  }

  /**
   * The rotation of one role of one collection.
   *
   * @param trustDirectory docker's `$DOCKER_CONFIG/trust`
   * @param gun of a collection whose directory was checked by the metadata cache
   */
  static ofRole(trustDirectory: string, gun: string, role: string): RotationFile {
    return new RotationFile(join(trustDirectory, "tuf", gun, `.tagseal-rotation-${sha256Hex(Buffer.from(role))}.json`));
  }

  /** The rotation of one key in all collections. @param keyId canonical, 64 hexadecimal characters */
  static ofKey(trustDirectory: string, keyId: string): RotationFile {
    return new RotationFile(join(trustDirectory, `.tagseal-rotation-${keyId}.json`));
  }

  /** A damaged file counts as none: a new key is made then. @throws UsageError `FILE_UNREADABLE` */
  async load(): Promise<BegunRotation | undefined> {
    try {
      const found = readPrivateFile(this.#path, maxBytes);
      return found.kind === "file" ? begunFrom(parseOrdinaryJson(found.bytes)) : undefined;
    } catch (error) {
      if (hasCode(error, "JSON_MALFORMED", "TOO_LARGE")) return undefined;
      if (!isSystemError(error)) throw error;
      throw new UsageError("FILE_UNREADABLE", `cannot read ${this.#path}: ${systemReason(error)}`, { cause: error });
    }
  }

  /** @throws UsageError `FILE_UNWRITABLE` */
  async save(begun: BegunRotation): Promise<void> {
    await this.#changing(async () => {
      makeDirectory(dirname(this.#path));
      await writeAtomically(this.#path, `${JSON.stringify(begun)}\n`, { surviveCrash: true });
    });
  }

  /** @throws UsageError `FILE_UNWRITABLE` */
  async clear(): Promise<void> {
    await this.#changing(async () => await rm(this.#path, { force: true }));
  }

  async #changing(change: () => Promise<void>): Promise<void> {
    try {
      await change();
    } catch (error) {
      if (!isSystemError(error)) throw error;
      throw new UsageError("FILE_UNWRITABLE", `cannot write ${this.#path}: ${systemReason(error)}`, {
        cause: error,
        hint: "Make the trust directory writable, or set DOCKER_CONFIG to a directory that is.",
      });
    }
  }
}

function begunFrom(value: JsonValue): BegunRotation | undefined {
  if (!isJsonObject(value)) return undefined;
  const { keysBefore, replaced, newKeyId } = value;
  if (!areKeyIds(keysBefore) || !areKeyIds(replaced)) return undefined;
  if (newKeyId === undefined) return { keysBefore, replaced };
  return typeof newKeyId === "string" && isKeyId(newKeyId) ? { keysBefore, replaced, newKeyId } : undefined;
}

function areKeyIds(value: JsonValue | undefined): value is string[] {
  return Array.isArray(value) && value.every((id) => typeof id === "string" && isKeyId(id));
}
