/** Which callers a signer accepts: all that have a certificate of its authority, or only those of a list. */

import { parseCertificate } from "../../../crypto/certificate.ts";
import { TagsealError } from "../../../errors.ts";

/**
 * Makes the test for a list of names.
 *
 * @param names each one a common name, DNS name or URI that the certificate of a caller must have, letter for letter; undefined accepts all
 * @returns a function of the caller's verified certificate, DER; undefined when it has none
 * @throws TagsealError `SERVER_CONFIGURATION` for a list that is empty, or holds an empty name
 */
export function callerTest(names: readonly string[] | undefined): (certificate: Uint8Array | undefined) => boolean {
  if (names === undefined) return () => true;
  if (names.length === 0 || names.includes("")) throw emptyList();
  const allowed = new Set(names);
  return (certificate) => certificate !== undefined && namesIn(certificate).some((name) => allowed.has(name));
}

function emptyList(): TagsealError {
  const reason = "server.allowed_callers holds no name, or an empty one";
  return new TagsealError("SERVER_CONFIGURATION", `Cannot use the configuration: ${reason}`, {
    hint: "Name the callers, or leave the setting out to obey all that have a certificate of server.client_ca_file.",
  });
}

/** A certificate that cannot be read has no names. */
function namesIn(der: Uint8Array): readonly string[] {
  try {
    const { subjectCommonName, alternativeNames } = parseCertificate(der);
    const common = subjectCommonName === undefined ? [] : [subjectCommonName];
    return [...common, ...alternativeNames.dns, ...alternativeNames.uris];
  } catch (error) {
    if (error instanceof TagsealError) return [];
    throw error;
  }
}
