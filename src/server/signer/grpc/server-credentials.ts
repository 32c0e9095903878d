import type * as Grpc from "@grpc/grpc-js";
import type { SecureContextOptions } from "node:tls";
import { answerNames, secureContextOf, type TlsFiles } from "../../../service/tls-files.ts";

/** A server's certificate and key, and the authorities whose certificates callers must have, all as PEM. */
export interface MutualTls extends TlsFiles {
  readonly clientCa: Buffer;
}

/** Certificates for new connections, replaceable while the server runs. */
export interface ReplaceableCredentials {
  readonly credentials: Grpc.ServerCredentials;
  replace(tls: MutualTls): void;
}

/** A client has ten seconds to authenticate. */
const handshake = {
  requestCert: true,
  rejectUnauthorized: true,
  minVersion: "TLSv1.2",
  handshakeTimeout: 10_000,
} as const;

/** Makes the credentials of a server that answers only callers with a certificate. */
export function mutualCredentials(grpc: typeof Grpc, tls: MutualTls): ReplaceableCredentials {
  let named = secureContextOf(contextOf(tls));
  const SNICallback = answerNames(() => named);
  const credentials = new (class extends grpc.ServerCredentials {
    replace(next: MutualTls): void {
      named = secureContextOf(contextOf(next));
      this.updateSecureContextOptions(contextOf(next));
    }

    override _equals(other: Grpc.ServerCredentials): boolean {
      return this === other;
    }
  })({ ...handshake, SNICallback }, contextOf(tls));
  return { credentials, replace: (next) => credentials.replace(next) };
}

function contextOf({ cert, key, clientCa: ca }: MutualTls): SecureContextOptions {
  return { cert, key, ca };
}
