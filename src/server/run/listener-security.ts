/** The security of the server's listener: TLS and authorisation. */

import { TagsealError } from "../../errors.ts";
import { openAuthorisation, type Authorisation } from "../auth/open-authorisation.ts";
import type { ServerOptions } from "./server-options.ts";
import { ServerTls } from "../../http/server/tls.ts";
import type { WatchParts } from "../../service/watching/watched-files.ts";

/** TLS and authorisation for the listener. */
export interface ListenerSecurity {
  readonly authorisation: Authorisation | undefined;
  readonly tls: ServerTls | undefined;
}

/**
 * Reads the settings and files of authentication, and the server's certificate.
 *
 * @throws TagsealError `SERVER_CONFIGURATION`
 */
export async function openListenerSecurity(
  { auth, tls: paths }: ServerOptions,
  parts: WatchParts,
): Promise<ListenerSecurity> {
  let tls: ServerTls | undefined;
  const onAuthoritiesChange = (authorities: Buffer): void => tls?.useAuthorities(authorities);
  const authorisation = auth && (await openAuthorisation(auth, { ...parts, onAuthoritiesChange }));
  if (paths === undefined && authorisation?.clientCertificates !== undefined) {
    const reason = "the server must have a certificate itself";
    throw new TagsealError("SERVER_CONFIGURATION", `Cannot ask for client certificates: ${reason}`);
  }
  tls = paths && (await ServerTls.open(paths, authorisation?.clientCertificates, parts));
  return { authorisation, tls };
}
