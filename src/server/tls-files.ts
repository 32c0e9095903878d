import { readFileSync } from "node:fs";
import { createSecureContext } from "node:tls";
import { TagsealError } from "../errors.ts";

/** Where the files are. */
export interface TlsPaths {
  readonly certFile: string;
  readonly keyFile: string;
}

/** A certificate chain and its private key, as PEM. */
export interface TlsFiles {
  readonly cert: Buffer;
  readonly key: Buffer;
}

/**
 * Reads both files and makes sure that they belong together.
 *
 * @throws TagsealError `SERVER_CONFIGURATION`
 */
export function readTlsFiles({ certFile, keyFile }: TlsPaths): TlsFiles {
  const files = { cert: readConfigured(certFile), key: readConfigured(keyFile) };
  try {
    createSecureContext(files);
  } catch (cause) {
    const reason = `${certFile} and ${keyFile} are not a certificate and its private key`;
    throw new TagsealError("SERVER_CONFIGURATION", `Cannot use TLS: ${reason}`, { cause });
  }
  return files;
}

/**
 * Reads a file of certificate authorities.
 *
 * @throws TagsealError `SERVER_CONFIGURATION` when it is not there, or holds no certificate
 */
export function readCertificates(path: string): Buffer {
  const ca = readConfigured(path);
  try {
    if (!ca.includes("-----BEGIN CERTIFICATE-----")) throw new TypeError("no certificate in PEM");
    createSecureContext({ ca });
  } catch (cause) {
    throw new TagsealError("SERVER_CONFIGURATION", `Cannot use TLS: ${path} is not a list of certificates`, { cause });
  }
  return ca;
}

function readConfigured(path: string): Buffer {
  try {
    return readFileSync(path);
  } catch (cause) {
    throw new TagsealError("SERVER_CONFIGURATION", `Cannot read ${path}`, { cause });
  }
}
