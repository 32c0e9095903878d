import { type ErrorCode, TagsealError } from "../errors.ts";

type Opening = (gun: string) => string;

const suspicious =
  (what: string): Opening =>
  (gun) =>
    `Warning: potential malicious behavior - trust data ${what} for remote repository ${gun}`;

/** Failures to reach a trust server. */
export const unreachableServer = [
  "NETWORK_UNREACHABLE",
  "NETWORK_TIMEOUT",
  "TLS_UNTRUSTED",
  "REDIRECT_REFUSED",
] as const satisfies readonly ErrorCode[];

const unreachable: Opening = () => "Error: error contacting notary server";
const mismatch = suspicious("mismatch");

/** How docker opens the sentence for each kind of failure; all others it prints without an opening. */
const openings: ReadonlyMap<ErrorCode, Opening> = new Map<ErrorCode, Opening>([
  ["METADATA_EXPIRED", (gun) => `Error: remote repository ${gun} out-of-date`],
  ...unreachableServer.map((code): [ErrorCode, Opening] => [code, unreachable]),
  [
    "METADATA_MISSING",
    (gun) => `Error: trust data missing for remote repository ${gun} or remote repository not found`,
  ],
  ["REPOSITORY_NOT_SIGNED", (gun) => `Error: remote trust data does not exist for ${gun}`],
  ["METADATA_VERSION_ROLLBACK", suspicious("version is lower than expected")],
  ["METADATA_THRESHOLD_NOT_MET", suspicious("has insufficient signatures")],
  // docker intends to print this and never does, because it tests for the wrong type: the most serious case has no opening there.
  ["ROOT_INVALID", mismatch],
  ["ROOT_ROTATION_REFUSED", mismatch],
  ["ROOT_PINNING_MISMATCH", mismatch],
  ["KEY_NOT_FOUND", (gun) => `Error: signing keys for remote repository ${gun} not found`],
  [
    "SIGNING_KEY_MISSING",
    (gun) => `Error: could not find signing keys for remote repository ${gun}, or could not decrypt signing key`,
  ],
]);

/**
 * Words an error as docker's trust commands print it. A wrong passphrase is called that: docker reports it as a missing key.
 *
 * @param gun the collection the command was about
 * @see Notary v1: error mapping
 */
export function inDockerWords(error: unknown, gun: string): string {
  if (!(error instanceof TagsealError)) return error instanceof Error ? error.message : String(error);
  const opening = openings.get(error.code);
  return opening === undefined ? error.message : `${opening(gun)}: ${error.message}`;
}
