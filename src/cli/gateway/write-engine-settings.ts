/** Puts settings of an engine in their places: all of them, or none where one of them would lose what it does not understand. */
import { randomBytes } from "node:crypto";
import { copyFile, mkdir } from "node:fs/promises";
import { constants, readdirSync } from "node:fs";
import { dirname, join } from "node:path";
import { denied, readSettings } from "../../docker-config/settings-file.ts";
import { UsageError } from "../../errors.ts";
import { readPrivateFile } from "../../files/read-private-file.ts";
import { isErrno, systemReason } from "../../files/system-error.ts";
import { writeAtomically } from "../../files/write-atomically.ts";
import {
  type Bypass,
  type EngineFile,
  type EngineSettings,
  writtenByUs,
} from "../../gateway/engine-settings/engine-settings.ts";

const maxBytes = 1024 * 1024;

/** What became of one file. */
export interface WrittenFile {
  readonly path: string;
  /** false when it was there with the same content */
  readonly isChanged: boolean;
  /** where what was there before is kept */
  readonly backup?: string;
}

/**
 * Writes the files of an engine, each at once, with a copy of what it replaces.
 *
 * @param root the directory that stands for `/`
 * @throws UsageError `FILE_UNWRITABLE`, `FILE_UNREADABLE`; nothing has been written when a file is in the way
 */
export async function writeEngineSettings(
  { files, bypasses }: EngineSettings,
  root: string,
  now: Date,
): Promise<readonly WrittenFile[]> {
  const [past] = bypassing(bypasses, root);
  if (past !== undefined)
    throw new UsageError("FILE_UNWRITABLE", `line ${past.line} of ${past.path} goes past the gateway: ${past.why}`, {
      hint: "Remove that line, then run this command again.",
    });
  const found = files.map((file) => ({ file, before: contentBefore(file, join(root, file.path)) }));
  const written: WrittenFile[] = [];
  for (const { file, before } of found) written.push(await writeOne(file, before, join(root, file.path), now));
  return written;
}

/** A line that makes the engine go past the gateway. */
interface BypassingLine {
  readonly path: string;
  readonly line: number;
  readonly why: string;
}

/** The lines of an engine's other files that make it go past the gateway. @throws UsageError `FILE_UNREADABLE` */
export function bypassing(bypasses: readonly Bypass[], root: string): BypassingLine[] {
  return bypasses.flatMap(({ path, line, why }) =>
    filesAt(join(root, path)).flatMap((file) => {
      const lines = (readSettings(file, maxBytes) ?? "").split("\n");
      if (lines[0]?.includes(writtenByUs) === true) return [];
      return lines.flatMap((text, index) => (line.test(text) ? [{ path: file, line: index + 1, why }] : []));
    }),
  );
}

function filesAt(path: string): string[] {
  try {
    return readdirSync(path)
      .filter((name) => /\.(?:conf|toml|ya?ml|json)$/u.test(name))
      .map((name) => join(path, name));
  } catch (error) {
    if (isErrno(error, "ENOTDIR")) return [path];
    if (isErrno(error, "ENOENT")) return [];
    throw denied(path, error);
  }
}

/** What a file says now; undefined when it is not there. @throws UsageError `FILE_UNWRITABLE` when it may not be replaced */
function contentBefore({ knownLine }: EngineFile, path: string): string | undefined {
  const found = readPrivateFile(path, maxBytes);
  if (found.kind === "nothing") return undefined;
  if (found.kind !== "file")
    throw inTheWay(path, found.kind === "too large" ? "has more than 1 MiB" : `is ${found.what}`);
  const text = found.bytes.toString("utf8");
  const [first = ""] = text.split("\n", 1);
  const isOurs = first.includes(writtenByUs) || path.endsWith(".pem") || path.endsWith(".crt");
  if (isOurs) return text;
  if (knownLine === undefined) throw inTheWay(path, "was not written by this command");
  const strange = text.split("\n").findIndex((line) => !knownLine.test(line));
  if (strange >= 0) throw inTheWay(path, `has settings in line ${strange + 1} that would be lost`);
  return text;
}

function inTheWay(path: string, what: string): UsageError {
  return new UsageError("FILE_UNWRITABLE", `${path} ${what}: nothing was changed`, {
    hint: "Print the settings, without --write, and add them by hand; or move that file away.",
  });
}

async function writeOne(
  { content }: EngineFile,
  before: string | undefined,
  path: string,
  now: Date,
): Promise<WrittenFile> {
  if (before === content) return { path, isChanged: false };
  try {
    await mkdir(dirname(path), { recursive: true, mode: 0o755 });
    const backup = before === undefined ? undefined : await copyOf(path, now);
    // engines of users read it, too, and nothing in it is secret
    await writeAtomically(path, content, { surviveCrash: true, isPublic: true });
    return { path, isChanged: true, ...(backup === undefined ? {} : { backup }) };
  } catch (error) {
    throw new UsageError("FILE_UNWRITABLE", `cannot write ${path}: ${systemReason(error)}`, { cause: error });
  }
}

/** Its name ends in nothing that an engine reads. */
async function copyOf(path: string, now: Date): Promise<string> {
  const moment = now.toISOString().replaceAll(/[-:]|\.\d+/gu, "");
  const backup = `${path}.${moment}-${randomBytes(2).toString("hex")}.bak`;
  await copyFile(path, backup, constants.COPYFILE_EXCL);
  return backup;
}
