/** What this machine remembers of trusted collections, and what of it expires soon. Nothing here is verified, only read. */
import { readdir, readFile } from "node:fs/promises";
import { join, relative, sep } from "node:path";
import { parseCertificateBundle } from "../../crypto/certificate.ts";
import { TagsealError } from "../../errors.ts";
import type { RootBody } from "../../tuf/metadata.ts";
import { parseMetadata } from "../../tuf/notary-v1/parse.ts";
import type { Io } from "../io.ts";
import { dockerConfigDir } from "../options/docker-config.ts";
import { type Finding, horizonMs, inDays, ok, problem, shellPath, warning } from "./finding.ts";

const maxDepth = 12;

/** A role file in docker's cache. */
interface CachedFile {
  readonly gun: string;
  readonly role: string;
  readonly path: string;
}

/** The collections this machine has trusted something of, by GUN. */
export async function cachedGuns(io: Io): Promise<readonly string[]> {
  return [...new Set((await cachedFiles(io)).map(({ gun }) => gun))];
}

/** Judges root, targets, snapshot and delegations, and the certificates in roots. Timestamps live for a fortnight by design. */
export async function checkExpiry(io: Io): Promise<readonly Finding[]> {
  const files = (await cachedFiles(io)).filter(({ role }) => role !== "timestamp");
  if (files.length === 0) return [];
  const findings = (await Promise.all(files.map(async (file) => await judge(file, io)))).flat();
  return findings.length > 0 ? findings : [ok("expiry", "nothing that is trusted here expires within 90 days")];
}

async function judge(file: CachedFile, io: Io): Promise<readonly Finding[]> {
  try {
    const { body } = parseMetadata(file.role, await readFile(file.path));
    const due = dueAt(`${file.role} of ${file.gun}`, body.expiresAt, file, io);
    return body.type === "root" ? [...due, ...certificates(body, file, io)] : due;
  } catch (error) {
    if (!(error instanceof TagsealError)) throw error;
    const path = shellPath(file.path, io.env["HOME"]);
    return [problem("expiry", `${path} is damaged: ${error.message}`, `mv ${path} ${path}.damaged`)];
  }
}

function certificates({ keys }: RootBody, file: CachedFile, io: Io): Finding[] {
  return [...keys.values()]
    .filter(({ keyType }) => keyType.endsWith("-x509"))
    .flatMap((key) => parseCertificateBundle(key.bytes).slice(0, 1))
    .flatMap(({ notAfter }) => dueAt(`a root certificate of ${file.gun}`, notAfter, file, io));
}

function dueAt(what: string, at: Date, { gun }: CachedFile, io: Io): Finding[] {
  const now = io.now();
  const left = at.getTime() - now.getTime();
  if (left > horizonMs) return [];
  if (left < 0) return [warning("expiry", `the cached ${what} expired ${inDays(at, now)}`, `tagseal list ${gun}`)];
  return [warning("expiry", `${what} expires ${inDays(at, now)}`, `tagseal sign ${gun}:TAG@DIGEST`)];
}

async function cachedFiles(io: Io): Promise<readonly CachedFile[]> {
  const root = join(dockerConfigDir(io), "trust", "tuf");
  const paths = await jsonFilesBelow(root, maxDepth);
  return paths.flatMap((path) => {
    const parts = relative(root, path).split(sep);
    const at = parts.indexOf("metadata");
    if (at < 1) return [];
    const role = parts
      .slice(at + 1)
      .join("/")
      .replace(/\.json$/u, "");
    return [{ gun: parts.slice(0, at).join("/"), role, path }];
  });
}

async function jsonFilesBelow(directory: string, depth: number): Promise<string[]> {
  if (depth === 0) return [];
  const found: string[] = [];
  for (const entry of await entriesOf(directory)) {
    const path = join(directory, entry.name);
    if (entry.isDirectory()) found.push(...(await jsonFilesBelow(path, depth - 1)));
    else if (entry.isFile() && entry.name.endsWith(".json")) found.push(path);
  }
  return found.toSorted();
}

async function entriesOf(directory: string) {
  try {
    return await readdir(directory, { withFileTypes: true });
  } catch {
    return []; // nothing was trusted here yet
  }
}
