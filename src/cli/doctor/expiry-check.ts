/** The trust data on this machine, and what of it expires soon. The files are only read here, not verified. */
import { parseCertificateBundle } from "../../crypto/certificate.ts";
import { TagsealError } from "../../errors.ts";
import type { RootBody } from "../../tuf/metadata.ts";
import { releasesRole } from "../../trust/reading/released-tags.ts";
import { type RememberedFile, readRemembered, rememberedFiles } from "../../trust/trust-directory/remembered-files.ts";
import type { Io } from "../io.ts";
import { trustDirectoryOf } from "../open/directories.ts";
import { type Finding, horizonMs, inDays, ok, problem, shellPath, warning } from "./finding.ts";

/** Checks root, targets, snapshot and delegations, and the certificates in roots. Timestamps are short-lived by design. */
export async function checkExpiry(io: Io): Promise<readonly Finding[]> {
  const files = (await rememberedFiles(trustDirectoryOf(io))).filter(({ role }) => role !== "timestamp");
  if (files.length === 0) return [];
  const findings = files.flatMap((file) => judge(file, files, io));
  return findings.length > 0 ? findings : [ok("expiry", "nothing that is trusted here expires within 90 days")];
}

function judge(file: RememberedFile, all: readonly RememberedFile[], io: Io): readonly Finding[] {
  try {
    const { body } = readRemembered(file);
    const ends = [{ what: `${file.role} of ${file.gun}`, at: body.expiresAt }];
    if (body.type === "root") ends.push(...certificateEnds(body, file));
    return dueFindings(ends, file, all, io);
  } catch (error) {
    if (!(error instanceof TagsealError)) throw error;
    if (error.code === "METADATA_MISSING") return []; // removed meanwhile
    const path = shellPath(file.path, io.env["HOME"]);
    if (error.code === "FILE_UNREADABLE") return [problem("expiry", error.message, `ls -l ${path}`)];
    return [problem("expiry", `${path} is damaged: ${error.message}`, `mv ${path} ${path}.damaged`)];
  }
}

interface End {
  readonly what: string;
  readonly at: Date;
}

function certificateEnds({ keys }: RootBody, file: RememberedFile): End[] {
  return [...keys.values()]
    .filter(({ keyType }) => keyType.endsWith("-x509"))
    .flatMap((key) => parseCertificateBundle(key.bytes).slice(0, 1))
    .map(({ notAfter }) => ({ what: `a root certificate of ${file.gun}`, at: notAfter }));
}

function dueFindings(
  ends: readonly End[],
  { gun, role }: RememberedFile,
  all: readonly RememberedFile[],
  io: Io,
): readonly Finding[] {
  const now = io.now();
  const due = ends.filter(({ at }) => at.getTime() - now.getTime() <= horizonMs);
  if (due.length === 0) return [];
  const image = signedImage(
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
function signedImage(gun: string, files: readonly RememberedFile[], role: string): string | undefined {
  for (const wanted of [role, releasesRole, "targets"]) {
    const file = files.find((candidate) => candidate.role === wanted);
    const tag = file === undefined ? undefined : firstTag(file);
    if (tag !== undefined) return `${gun}:${tag}`;
  }
  return undefined;
}

function firstTag(file: RememberedFile): string | undefined {
  try {
    const { body } = readRemembered(file);
    return body.type === "targets" ? [...body.targets.keys()].find((name) => tagName.test(name)) : undefined;
  } catch (error) {
    if (error instanceof TagsealError) return undefined; // damaged: reported separately
    throw error;
  }
}
