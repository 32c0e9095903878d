/** The sums of a release's files, in the form that `sha256sum --check` reads. */
import { createHash } from "node:crypto";
import { createReadStream, readdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { pipeline } from "node:stream/promises";

/** The file of the sums, which lists every other file of a release. */
export const sumsName = "SHA256SUMS";

/** A file of a release. */
export interface ReleasedFile {
  readonly name: string;
  /** in hex */
  readonly sha256: string;
  /** in bytes */
  readonly length: number;
}

/** Writes the sums of all files of `directory` into it. */
export async function writeSums(directory: string): Promise<void> {
  const files = await measureAll(directory);
  writeFileSync(join(directory, sumsName), files.map(({ name, sha256 }) => `${sha256}  ${name}\n`).join(""));
}

/**
 * The files of a release, its sums included.
 *
 * @throws Error when one has another sum than is written, is missing, or has no sum
 */
export async function releasedFiles(directory: string): Promise<readonly ReleasedFile[]> {
  const written = sumsIn(readSums(directory));
  const files = await measureAll(directory);
  for (const { name, sha256 } of files) {
    if (!written.has(name)) throw new Error(`${name} is not in ${sumsName}: it is not a file of this release`);
    if (written.get(name) !== sha256) throw new Error(`${name} is not the file whose sum is in ${sumsName}`);
    written.delete(name);
  }
  for (const name of written.keys()) throw new Error(`${name} is in ${sumsName}, but not in ${directory}`);
  return [...files, await measure(directory, sumsName)];
}

function readSums(directory: string): string {
  try {
    return readFileSync(join(directory, sumsName), "utf8");
  } catch (cause) {
    throw new Error(`${directory} has no ${sumsName}: it is not a release`, { cause });
  }
}

function sumsIn(text: string): Map<string, string> {
  const lines = text.split("\n").filter((line) => line !== "");
  return new Map(
    lines.map((line) => {
      const [, sha256 = "", name = ""] = /^([0-9a-f]{64}) [ *](.+)$/u.exec(line) ?? [];
      if (name === "") throw new Error(`${sumsName} has a line that is not a sum: ${line}`);
      return [name, sha256];
    }),
  );
}

async function measureAll(directory: string): Promise<ReleasedFile[]> {
  const names = readdirSync(directory).filter((name) => name !== sumsName);
  return await Promise.all(names.toSorted().map((name) => measure(directory, name)));
}

/** The sum and the length of a file. */
export async function measure(directory: string, name: string): Promise<ReleasedFile> {
  const hash = createHash("sha256");
  await pipeline(createReadStream(join(directory, name)), hash);
  return { name, sha256: hash.digest("hex"), length: statSync(join(directory, name)).size };
}
