/** Flags for where a server or a signer listens, and with which certificate. */
import type { Options } from "./option.ts";

/** `--listen`, `--tls-cert` and `--tls-key`. */
export const listeningOptions = {
  listen: { kind: "text", value: "host:port", help: "Address to listen on; port 0 picks a free port" },
  "tls-cert": { kind: "text", value: "file", complete: "file", help: "Certificate chain, PEM" },
  "tls-key": { kind: "text", value: "file", complete: "file", help: "Private key of the certificate, PEM" },
} as const satisfies Options;
