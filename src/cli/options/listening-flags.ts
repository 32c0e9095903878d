/** Flags for where a server or a signer listens, and with which certificate. */
import { UsageError } from "../../errors.ts";
import type { Options } from "./option.ts";

/** `--listen`, `--tls-cert` and `--tls-key`. */
export const listeningOptions = {
  listen: { kind: "text", value: "host:port", help: "Address to listen on; port 0 picks a free port" },
  "tls-cert": { kind: "text", value: "file", complete: "file", help: "Certificate chain, PEM" },
  "tls-key": { kind: "text", value: "file", complete: "file", help: "Private key of the certificate, PEM" },
} as const satisfies Options;

/** Refuses one of `--tls-cert` and `--tls-key` without the other. @throws UsageError `USAGE` */
export function requireBoth(certFile: string | undefined, keyFile: string | undefined): void {
  if ((certFile === undefined) === (keyFile === undefined)) return;
  throw new UsageError("USAGE", "--tls-cert and --tls-key go together: one of them is missing");
}
