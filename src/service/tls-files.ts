/** Certificates, keys and authorities for TLS: files that may change while the process runs. */

import { createSecureContext, type SecureContext, type SecureContextOptions, type TlsOptions } from "node:tls";
import { EncodingError, TagsealError } from "../errors.ts";
import { hostChange } from "./watching/certificate-hosts.ts";
import { authoritiesValidity, certificatesIn, chainValidity } from "./watching/certificate-validity.ts";
import { WatchedFiles, type WatchParts } from "./watching/watched-files.ts";

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

/** How to watch: `part` names the files in faults and metrics, `onChange` receives each new usable state. */
export interface TlsWatching<T> extends WatchParts {
  readonly part: string;
  readonly onChange?: ((value: T) => void) | undefined;
}

/**
 * Watches a certificate and its private key, which must belong together. An expired certificate, or one not valid yet, does not replace a valid one.
 *
 * @throws TagsealError `SERVER_CONFIGURATION`
 */
export function watchTlsFiles(
  { certFile, keyFile }: TlsPaths,
  { part, onChange, ...parts }: TlsWatching<TlsFiles>,
): Promise<WatchedFiles<TlsFiles>> {
  return WatchedFiles.open(
    {
      part,
      files: [certFile, keyFile],
      secrets: [keyFile],
      parse: (contentOf) => matching({ cert: contentOf(certFile), key: contentOf(keyFile) }),
      validity: (contentOf) => chainValidity(contentOf(certFile)),
      areOwn: true,
      onChange: (next, before) => {
        onChange?.(next);
        // Used anyway: a server may move to another name. But the file may also have been put in the wrong place.
        const change = hostChange(before.cert, next.cert);
        if (change !== undefined)
          parts.log.write("warning", "the new certificate is for other hosts", { part, ...change });
      },
    },
    parts,
  );
}

/**
 * Watches a file of certificate authorities.
 *
 * @throws TagsealError `SERVER_CONFIGURATION` when it does not exist, or holds no certificate
 */
export function watchAuthorities(
  path: string,
  { part, onChange, ...parts }: TlsWatching<Buffer>,
): Promise<WatchedFiles<Buffer>> {
  return WatchedFiles.open(
    {
      part,
      files: [path],
      parse: (contentOf) => authorities(contentOf(path)),
      validity: (contentOf) => authoritiesValidity(contentOf(path)),
      onChange,
    },
    parts,
  );
}

/**
 * The TLS context of connections. Every certificate in a list of authorities is trusted, including an intermediate one, as in Go: the lists that come
 * with Notary hold an intermediate authority, and not its root.
 */
export function secureContextOf(options: SecureContextOptions): SecureContext {
  return createSecureContext({ ...options, allowPartialTrustChain: true });
}

/**
 * A server's answer to the host name in a client's TLS handshake: the same for all names. Only here does Node accept a whole context. Clients that
 * use an address instead of a name get the server's default context, which trusts roots only.
 */
export function answerNames(context: () => SecureContext): NonNullable<TlsOptions["SNICallback"]> {
  return (_name, answer) => answer(null, context());
}

function matching(files: TlsFiles): TlsFiles {
  try {
    createSecureContext(files);
  } catch (cause) {
    throw new TagsealError("SERVER_CONFIGURATION", "they are not a certificate and its private key", { cause });
  }
  return files;
}

function authorities(ca: Buffer): Buffer {
  try {
    const begun = ca.toString("latin1").split("-----BEGIN CERTIFICATE-----").length - 1;
    if (begun === 0) throw new EncodingError("PEM_MALFORMED", "no certificate in PEM");
    // TLS accepts the certificates before a truncated one, and ignores the others silently.
    if (certificatesIn(ca).length < begun)
      throw new EncodingError("PEM_MALFORMED", "one of its certificates is cut off or damaged");
    createSecureContext({ ca });
  } catch (cause) {
    throw new TagsealError("SERVER_CONFIGURATION", "it is not a list of certificates", { cause });
  }
  return ca;
}
