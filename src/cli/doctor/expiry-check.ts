/** The trust data on this machine, and what of it expires soon. The files are only read here, not verified. */
import { readdir, readFile } from "node:fs/promises";
import { join, relative, sep } from "node:path";
import { parseCertificateBundle } from "../../crypto/certificate.ts";
import { TagsealError } from "../../errors.ts";
import type { RootBody } from "../../tuf/metadata.ts";
import { releasesRole } from "../../trust/reading/released-tags.ts";
import { parseMetadata } from "../../tuf/notary-v1/parse.ts";
import type { Io } from "../io.ts";
import { dockerConfigDir } from "../open/directories.ts";
import { type Finding, horizonMs, inDays, ok, problem, shellPath, warning } from "./finding.ts";

const maxDepth = 12;

/** A role file in docker's cache. */
interface CachedFile {
  readonly gun: string;
  readonly role: string;
  readonly path: string;
}

/** The collections with trust data on this machine, by GUN. */
export async function cachedGuns(io: Io): Promise<readonly string[]> {
  return [...new Set((await cachedFiles(io)).map(({ gun }) => gun))];
}

/** Checks root, targets, snapshot and delegations, and the certificates in roots. Timestamps are short-lived by design. */
export async function checkExpiry(io: Io): Promise<readonly Finding[]> {
  const files = (await cachedFiles(io)).filter(({ role }) => role !== "timestamp");
  if (files.length === 0) return [];
  const findings = (await Promise.all(files.map(async (file) => await judge(file, files, io)))).flat();
  return findings.length > 0 ? findings : [ok("expiry", "nothing that is trusted here expires within 90 days")];
}

async function judge(file: CachedFile, all: readonly CachedFile[], io: Io): Promise<readonly Finding[]> {
  try {
    const { body } = parseMetadata(file.role, await readFile(file.path));
    const ends = [{ what: `${file.role} of ${file.gun}`, at: body.expiresAt }];
    if (body.type === "root") ends.push(...certificateEnds(body, file));
    return await dueFindings(ends, file, all, io);
  } catch (error) {
    if (!(error instanceof TagsealError)) throw error;
    const path = shellPath(file.path, io.env["HOME"]);
    return [problem("expiry", `${path} is damaged: ${error.message}`, `mv ${path} ${path}.damaged`)];
  }
}

interface End {
  readonly what: string;
  readonly at: Date;
}

function certificateEnds({ keys }: RootBody, file: CachedFile): End[] {
  return [...keys.values()]
    .filter(({ keyType }) => keyType.endsWith("-x509"))
    .flatMap((key) => parseCertificateBundle(key.bytes).slice(0, 1))
    .map(({ notAfter }) => ({ what: `a root certificate of ${file.gun}`, at: notAfter }));
}

async function dueFindings(
  ends: readonly End[],
  { gun, role }: CachedFile,
  all: readonly CachedFile[],
  io: Io,
): Promise<Finding[]> {
  const now = io.now();
  const due = ends.filter(({ at }) => at.getTime() - now.getTime() <= horizonMs);
  if (due.length === 0) return [];
  const image = await signedImage(
    gun,
    all.filter((file) => file.gun === gun),
    role,
  );
  return due.map(({ what, at }) =>
    at < now
      ? warning("expiry", `the cached ${what} expired ${inDays(at, now)}`, fetchOrRepair(gun, image))
      : warning("expiry", `${what} expires ${inDays(at, now)}`, renewal(image)),
  );
}

/** Signing a tag again for its current digest renews everything that is about to expire, and changes nothing else. */
function renewal(image: string | undefined): string {
  return image === undefined ? "tagseal sign --help" : `tagseal sign ${image}@$(tagseal verify ${image})`;
}

/** The server may have newer files. Where it has not, nothing verifies any more, and `trust sign` keeps the digest that was signed. */
function fetchOrRepair(gun: string, image: string | undefined): string {
  return image === undefined ? `tagseal list ${gun}` : `tagseal list ${gun} || tagseal trust sign ${image}`;
}

/** The grammar of tags; an entry with another name must not get into a shell command. */
const tagName = /^\w[\w.-]{0,127}$/u;

/** An image whose signature is in the role's file, or else in one that every repository has. */
async function signedImage(gun: string, files: readonly CachedFile[], role: string): Promise<string | undefined> {
  for (const wanted of [role, releasesRole, "targets"]) {
    const file = files.find((candidate) => candidate.role === wanted);
    const tag = file === undefined ? undefined : await firstTag(file);
    if (tag !== undefined) return `${gun}:${tag}`;
  }
  return undefined;
}

async function firstTag({ role, path }: CachedFile): Promise<string | undefined> {
  try {
    const { body } = parseMetadata(role, await readFile(path));
    return body.type === "targets" ? [...body.targets.keys()].find((name) => tagName.test(name)) : undefined;
  } catch (error) {
    if (error instanceof TagsealError) return undefined; // damaged: reported separately
    throw error;
  }
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
    return []; // no trust data here yet
  }
}
