/** How open a server stands. An operator who means it so is told once, at the start; one who forgot something finds out before somebody else does. */

import { isLoopbackHost } from "../../reference/loopback.ts";
import type { ServerLog } from "../../service/log.ts";
import type { ServerOptions } from "./server-options.ts";

/** What nobody has to have, to do anything, or to read along. */
export interface Exposure {
  /** nobody has to log in: everybody who reaches the server may do everything */
  readonly isOpen: boolean;
  /** it speaks plain HTTP with other machines */
  readonly isPlain: boolean;
}

/** Finds out from how a server is started. */
export function exposureOf({ host, tls, auth, authorise }: ServerOptions): Exposure {
  return {
    isOpen: auth === undefined && authorise === undefined,
    isPlain: tls === undefined && !isLoopbackHost(host),
  };
}

/** Writes a warning for each. */
export function warnOfExposure({ isOpen, isPlain }: Exposure, log: ServerLog): void {
  if (isOpen)
    log.write("warning", "NOBODY HAS TO LOG IN", {
      reason: "everybody who reaches this server may publish, rotate keys and delete",
      hint: "Say who may do what with the settings of auth: passwords, tokens or client certificates.",
    });
  if (isPlain)
    log.write("warning", "PLAIN HTTP TO OTHER MACHINES", {
      reason: "an attacker on the network may read passwords and tokens, and change what is published",
      hint: "Set server.tls_cert_file and server.tls_key_file, or listen on 127.0.0.1 behind a proxy that speaks TLS.",
    });
}
