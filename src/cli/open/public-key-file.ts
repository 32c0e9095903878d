import { open } from "node:fs/promises";
import { PublicKey } from "../../crypto/public-key.ts";
import { parsePem } from "../../encoding/pem.ts";
import { TagsealError, UsageError } from "../../errors.ts";
import { systemReason } from "../../files/system-error.ts";

/** docker reads no more of a key file than this. */
const maxBytes = 1024 * 1024;

/**
 * Reads a signer's public key: PEM `PUBLIC KEY` (headers allowed, docker writes them) or `CERTIFICATE`, which must be valid now.
 *
 * @throws UsageError `FILE_UNREADABLE`, `KEY_MALFORMED`, in docker's words
 * @see Notary v1: signer add
 */
export async function readPublicKeyFile(path: string, now: Date): Promise<PublicKey> {
  const text = await readText(path);
  try {
    return await publicKeyOf(text, now);
  } catch (error) {
    const reason = error instanceof TagsealError ? error.message : String(error);
    throw new UsageError("KEY_MALFORMED", `could not parse public key from file: ${path}: ${reason}`, { cause: error });
  }
}

async function publicKeyOf(text: string, now: Date): Promise<PublicKey> {
  const [block] = text.includes("-----BEGIN ") ? parsePem(text) : [];
  if (block === undefined) throw new UsageError("KEY_MALFORMED", "no valid public key found");
  if (block.label === "PUBLIC KEY") return PublicKey.fromSpki(block.bytes);
  if (block.label !== "CERTIFICATE") {
    throw new UsageError(
      "KEY_MALFORMED",
      `unsupported PEM block type "${block.label}", expected CERTIFICATE or PUBLIC KEY`,
    );
  }
  const { parseCertificate } = await import("../../crypto/certificate.ts");
  const certificate = parseCertificate(block.bytes);
  if (now >= certificate.notBefore && now <= certificate.notAfter) return PublicKey.fromCertificatePem(text);
  const period = `${certificate.notBefore.toISOString()} to ${certificate.notAfter.toISOString()}`;
  throw new UsageError("CERTIFICATE_INVALID", `the certificate is not valid now, only from ${period}`);
}

async function readText(path: string): Promise<string> {
  try {
    const file = await open(path, "r");
    try {
      const { buffer, bytesRead } = await file.read(Buffer.alloc(maxBytes), 0, maxBytes, 0);
      return buffer.toString("utf8", 0, bytesRead);
    } finally {
      await file.close();
    }
  } catch (error) {
    const message = `unable to read public key from file: open ${path}: ${systemReason(error)}`;
    throw new UsageError("FILE_UNREADABLE", message, { cause: error });
  }
}
