/** What a target is to be signed for: a file, or what the command line says about it. */
import { sha256, sha512 } from "../../crypto/sha256.ts";
import { decodeHex } from "../../encoding/hex.ts";
import { type JsonValue, parseJson } from "../../encoding/json.ts";
import { hasCode, UsageError } from "../../errors.ts";
import type { Target } from "../../tuf/metadata.ts";
import { maxContentBytes, readContent } from "./target-content.ts";

/** Where the content of a new target is described. */
export interface TargetDescription {
  readonly file: string | undefined;
  readonly sha256: string | undefined;
  readonly sha512: string | undefined;
  readonly size: string | undefined;
  /** a file with JSON */
  readonly custom: string | undefined;
}

const maxCustomBytes = 1024 * 1024;

/**
 * Reads or takes the hashes and the size.
 *
 * @throws UsageError `USAGE`, `FILE_UNREADABLE`, `TOO_LARGE`; TagsealError `CANCELLED`
 */
export async function newTarget(given: TargetDescription, signal: AbortSignal): Promise<Target> {
  const content = given.file === undefined ? describedContent(given) : await hashedFile(given.file, given, signal);
  return given.custom === undefined ? content : { ...content, custom: await customData(given.custom, signal) };
}

async function hashedFile(file: string, given: TargetDescription, signal: AbortSignal): Promise<Target> {
  if (given.sha256 !== undefined || given.sha512 !== undefined || given.size !== undefined) {
    throw new UsageError("USAGE", "a FILE and --sha256, --sha512 or --size cannot be combined");
  }
  const content = await readContent(file, { maxBytes: maxContentBytes, tooLarge: () => tooLarge(file), signal });
  // both, as notary writes them
  const hashes = new Map<string, Uint8Array>([
    ["sha256", sha256(content)],
    ["sha512", sha512(content)],
  ]);
  return { hashes, length: content.length };
}

function tooLarge(file: string): UsageError {
  return new UsageError("TOO_LARGE", `${file} has more than ${maxContentBytes} bytes`, {
    hint: "Give its digest and its size instead of the file: --sha256 HEX --size BYTES.",
  });
}

function describedContent({ sha256: hash, sha512: longHash, size }: TargetDescription): Target {
  if (hash === undefined || size === undefined) {
    throw new UsageError("USAGE", "a FILE is needed, or --sha256 and --size");
  }
  const hashes = new Map([["sha256", hashOf(hash, 32, "--sha256")]]);
  if (longHash !== undefined) hashes.set("sha512", hashOf(longHash, 64, "--sha512"));
  return { hashes, length: sizeOf(size) };
}

function hashOf(text: string, bytes: number, flag: string): Uint8Array {
  if (/^[0-9a-f]+$/iu.test(text) && text.length === 2 * bytes) return decodeHex(text.toLowerCase());
  throw new UsageError("USAGE", `${flag} takes ${2 * bytes} hexadecimal characters`);
}

function sizeOf(text: string): number {
  const size = /^\d{1,16}$/u.test(text) ? Number(text) : Number.NaN;
  if (Number.isSafeInteger(size)) return size;
  throw new UsageError("USAGE", `--size takes a number of bytes, not ${JSON.stringify(text)}`);
}

async function customData(file: string, signal: AbortSignal): Promise<JsonValue> {
  const refusal = (reason: string): UsageError =>
    new UsageError("USAGE", `${file} cannot be the custom data of a target: ${reason}`);
  const bytes = await readContent(file, {
    maxBytes: maxCustomBytes,
    tooLarge: () => refusal(`it has more than ${maxCustomBytes} bytes`),
    signal,
  });
  try {
    const custom = parseJson(bytes);
    if (custom !== null) return custom;
  } catch (error) {
    if (hasCode(error, "JSON_MALFORMED")) throw refusal(error.message);
    throw error;
  }
  throw refusal("null means no custom data");
}
