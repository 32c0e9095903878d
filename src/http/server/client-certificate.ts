import type { Socket } from "node:net";
import { TLSSocket } from "node:tls";

/** DER of the certificate whose key the client proved to have; undefined without one, or when no trusted authority issued it. */
export function clientCertificateOf(socket: Socket): Uint8Array | undefined {
  if (!(socket instanceof TLSSocket) || !socket.authorized) return undefined;
  return socket.getPeerX509Certificate()?.raw;
}
