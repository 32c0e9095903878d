/** Which root keys a rule accepts: `sha256:…` of a key or certificate, `file:` with its PEM text, `ca:` with certificate authorities. */
import { parseCertificateBundle } from "../crypto/certificate.ts";
import { PublicKey } from "../crypto/public-key.ts";
import { parsePublicKeyPem } from "../crypto/public-key-pem.ts";
import { sha256Hex } from "../crypto/sha256.ts";
import { hasCode } from "../errors.ts";
import { chainRequirement, type RootRequirement } from "../tuf/pinning.ts";
import type { PolicyValue } from "./policy-document.ts";

/** Reads a file that a policy names, as text. @throws TagsealError `FILE_UNREADABLE` */
export type ReadPolicyFile = (path: string) => string;

/** Reads the member `roots` of a rule. @throws UsageError `POLICY_INVALID` */
export function parseRoots(value: PolicyValue, read: ReadPolicyFile): RootRequirement {
  const entries = value.entries("roots");
  if (entries.length === 0) throw value.fault("roots is empty, and would accept no root at all");
  const accepted = entries.map((entry) => parseRoot(entry, read));
  return { accepts: (key, now) => accepted.some((root) => root.accepts(key, now)) };
}

function parseRoot(entry: PolicyValue, read: ReadPolicyFile): RootRequirement {
  const text = entry.text("a root");
  const [kind = "", rest = ""] = text.split(/:(.*)/su);
  switch (kind) {
    case "sha256":
      return fingerprint(entry, rest);
    case "file":
      return certificateFile(entry, contentOf(entry, rest, read));
    case "ca":
      return authorities(entry, contentOf(entry, rest, read));
    default:
      throw entry.fault('a root begins with "sha256:", "file:" or "ca:"');
  }
}

/** People compare three numbers: the ID that first contact and `trust inspect` show, that of the key's file, and the one openssl shows. */
function fingerprint(entry: PolicyValue, text: string): RootRequirement {
  const hex = text.replaceAll(":", "").toLowerCase();
  if (!/^[0-9a-f]{64}$/u.test(hex)) throw entry.fault("a fingerprint is 64 hexadecimal characters");
  return { accepts: (key) => key.keyId === hex || key.bareKeyId === hex || certificateHash(key) === hex };
}

function certificateHash(key: PublicKey): string | undefined {
  if (!key.isX509) return undefined;
  return orUnusable(
    () => {
      const [leaf] = parseCertificateBundle(key.bytes);
      return leaf === undefined ? undefined : sha256Hex(leaf.der);
    },
    () => undefined,
  );
}

/** The key of a certificate counts, or a bare public key: the certificate of a root key is made again when it is renewed. */
function certificateFile(entry: PolicyValue, pem: string): RootRequirement {
  const id = orUnusable(
    () =>
      (pem.includes("BEGIN CERTIFICATE") ? PublicKey.fromCertificatePem(pem) : parsePublicKeyPem(pem)).canonicalKeyId,
    (cause) => {
      throw entry.fault(`the file holds neither a certificate nor a public key: ${cause.message}`, cause);
    },
  );
  return { accepts: (key) => key.bareKeyId === id };
}

function authorities(entry: PolicyValue, pem: string): RootRequirement {
  return orUnusable(
    () => chainRequirement(pem),
    (cause) => {
      throw entry.fault(cause.message, cause);
    },
  );
}

function contentOf(entry: PolicyValue, path: string, read: ReadPolicyFile): string {
  if (path === "") throw entry.fault("no file is named");
  try {
    return read(path);
  } catch (cause) {
    if (!hasCode(cause, "FILE_UNREADABLE")) throw cause;
    throw entry.fault(cause.message, cause);
  }
}

function orUnusable<T>(work: () => T, otherwise: (cause: Error) => T): T {
  try {
    return work();
  } catch (cause) {
    if (hasCode(cause, "PEM_MALFORMED", "DER_MALFORMED", "CERTIFICATE_INVALID", "KEY_UNSUPPORTED", "KEY_MALFORMED"))
      return otherwise(cause);
    throw cause;
  }
}
