/** Certificates, keys and authorities that TLS works with: files that may change while the process runs. */

import { createSecureContext, type SecureContext, type SecureContextOptions, type TlsOptions } from "node:tls";
import { TagsealError } from "../errors.ts";
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

/** How to watch: `part` names the files in faults and metrics, `onChange` is told of each new state that can be used. */
export interface TlsWatching<T> extends WatchParts {
  readonly part: string;
  readonly onChange?: ((value: T) => void) | undefined;
}

/**
 * Watches a certificate and its private key, which must belong together. One that is expired, or not valid yet, does not replace a valid one.
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
        // Used all the same: a server may move to another name. But it may also be a file that went to the wrong place.
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
 * @throws TagsealError `SERVER_CONFIGURATION` when it is not there, or holds no certificate
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
 * What connections are made or accepted with. Whatever stands in a list of authorities is believed, also one that somebody else vouches for, as Go does:
 * the lists that come with Notary hold an authority between, and not its root.
 */
export function secureContextOf(options: SecureContextOptions): SecureContext {
  return createSecureContext({ ...options, allowPartialTrustChain: true });
}

/**
 * A server's answer to the name that a client asks for: the same for all of them. Node takes a whole context only here. Clients that
 * name no host, but an address, get the server's own one, which believes roots alone.
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
    if (begun === 0) throw new TypeError("no certificate in PEM");
    // TLS takes what comes before one that is cut off, and says nothing of those it leaves out.
    if (certificatesIn(ca).length < begun) throw new TypeError("one of its certificates is cut off or damaged");
    createSecureContext({ ca });
  } catch (cause) {
    throw new TagsealError("SERVER_CONFIGURATION", "it is not a list of certificates", { cause });
  }
  return ca;
}
