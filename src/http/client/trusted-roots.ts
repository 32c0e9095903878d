/** Which certificate authorities a connection trusts: the system's, plus those that the user configured for the host. */

/** TLS settings for one host. */
export interface TlsSettings {
  /** PEM certificates trusted *in addition* to the system's */
  readonly ca?: readonly string[];
  /** PEM client certificate chain, with `key` */
  readonly cert?: string;
  readonly key?: string;
  /** do not check the server's certificate at all: only for registries configured as insecure */
  readonly insecure?: boolean;
}

/**
 * The roots of the first attempt. Parsing the system's roots costs more than a whole verify, so the user's are tried alone first;
 * {@link allRoots} follows only when the server's issuer is not among them. Trusted is the union of both.
 *
 * @returns undefined for the runtime's default roots
 */
export function firstRoots(settings: TlsSettings): string[] | undefined {
  return settings.ca === undefined || settings.ca.length === 0 ? undefined : [...settings.ca];
}

/** Every trusted root: the runtime's, the operating system's (or those in `SSL_CERT_FILE`), and the user's. */
export async function allRoots(settings: TlsSettings): Promise<string[]> {
  const tls = await import("node:tls");
  const system =
    typeof tls.getCACertificates === "function"
      ? [...tls.getCACertificates("default"), ...tls.getCACertificates("system")]
      : tls.rootCertificates;
  return [...new Set([...system, ...(settings.ca ?? [])])];
}
