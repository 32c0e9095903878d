/** How exposed a server is. The log warns once, at the start, so that an operator who forgot something notices before an attacker does. */

import { isLoopbackHost } from "../../reference/loopback.ts";
import type { ServerLog } from "../../service/log.ts";
import type { ServerOptions } from "./server-options.ts";

/** The protections a server lacks. */
export interface Exposure {
  /** no login: every client that reaches the server may do everything */
  readonly isOpen: boolean;
  /** it speaks plain HTTP with other machines */
  readonly isPlain: boolean;
}

/** Determines the exposure from a server's options. */
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
      reason: "every client that reaches this server may publish, rotate keys and delete",
      hint: "Say who may do what with the settings of auth: passwords, tokens or client certificates.",
    });
  if (isPlain)
    log.write("warning", "PLAIN HTTP TO OTHER MACHINES", {
      reason: "an attacker on the network may read passwords and tokens, and change what is published",
      hint: "Set server.tls_cert_file and server.tls_key_file, or listen on 127.0.0.1 behind a proxy that speaks TLS.",
    });
}
