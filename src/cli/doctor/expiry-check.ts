/** The trust data on this machine, and what of it expires soon. The files are only read here, not verified. */
import { parseCertificateBundle } from "../../crypto/certificate.ts";
import { TagsealError } from "../../errors.ts";
import type { RootBody } from "../../tuf/metadata.ts";
import { type RememberedFile, readRemembered, rememberedFiles } from "../../trust/trust-directory/remembered-files.ts";
import type { Io } from "../io.ts";
import { trustDirectoryOf } from "../open/directories.ts";
import { isDue } from "../../tuf/expiry.ts";
import { inDays } from "../output/days.ts";
import { type Finding, ok, problem, shellPath, warning } from "./finding.ts";

/** Checks root, targets, snapshot and delegations, and the certificates in roots. Timestamps are short-lived by design. */
export async function checkExpiry(io: Io): Promise<readonly Finding[]> {
  const files = (await rememberedFiles(trustDirectoryOf(io))).filter(({ role }) => role !== "timestamp");
  if (files.length === 0) return [];
  const findings = files.flatMap((file) => judge(file, io));
  return findings.length > 0 ? findings : [ok("expiry", "nothing that is trusted here expires within 90 days")];
}

function judge(file: RememberedFile, io: Io): readonly Finding[] {
  try {
    const { body } = readRemembered(file);
    const ends = [{ what: `${file.role} of ${file.gun}`, at: body.expiresAt }];
    if (body.type === "root") ends.push(...certificateEnds(body, file));
    return dueFindings(ends, file.gun, io);
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

function dueFindings(ends: readonly End[], gun: string, io: Io): readonly Finding[] {
  const now = io.now();
  return ends
    .filter(({ at }) => isDue(at, now))
    .map(({ what, at }) =>
      at < now
        ? warning("expiry", `the cached ${what} expired ${inDays(at, now)}`, fetchOrRenew(gun))
        : warning("expiry", `${what} expires ${inDays(at, now)}`, `tagseal trust renew ${gun}`),
    );
}

/** The server may have newer files. Where it has not, nothing verifies any more. */
function fetchOrRenew(gun: string): string {
  return `tagseal list ${gun} || tagseal trust renew ${gun}`;
}
