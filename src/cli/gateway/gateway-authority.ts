/** The authority of a gateway's certificate, as a file of the user names it. */
import { maxPemBytes, readSettings } from "../../docker-config/settings-file.ts";
import { parsePem, serialisePem } from "../../encoding/pem.ts";
import { UsageError } from "../../errors.ts";

/** Reads the certificates of a PEM file, without what else is in it, such as a private key. @throws UsageError `FILE_UNREADABLE`, `CERTIFICATE_INVALID` */
export function readCertificates(path: string): string {
  const text = readSettings(path, maxPemBytes);
  if (text === undefined) throw new UsageError("FILE_UNREADABLE", `there is no file ${path}`);
  const certificates = parsePem(text).filter(({ label }) => label === "CERTIFICATE");
  if (certificates.length === 0) throw new UsageError("CERTIFICATE_INVALID", `there is no certificate in ${path}`);
  return certificates.map((block) => serialisePem(block)).join("");
}
