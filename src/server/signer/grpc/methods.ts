/** The calls between a trust server and a signer. Each is one message each way. */

import {
  keyDescription,
  keyInquiry,
  keyRequest,
  nothing,
  oneNumber,
  oneText,
  signatureReply,
  signatureRequest,
  type Codec,
} from "./messages.ts";

/** One call: its path on the wire, and how its messages are written. */
export interface Method<Request, Reply> {
  readonly path: string;
  readonly request: Codec<Request>;
  readonly reply: Codec<Reply>;
}

function method<Request, Reply>(path: string, request: Codec<Request>, reply: Codec<Reply>): Method<Request, Reply> {
  return { path, request, reply };
}

/** Every call that a signer answers. @see Notary v1: signer service */
export const methods = {
  createKey: method("/proto.KeyManagement/CreateKey", keyRequest, keyDescription),
  getKeyInfo: method("/proto.KeyManagement/GetKeyInfo", oneText, keyDescription),
  deleteKey: method("/proto.KeyManagement/DeleteKey", oneText, nothing),
  sign: method("/proto.Signer/Sign", signatureRequest, signatureReply),
  /** Tagseal's own: Notary's signer lacks it, since it does not report what its keys are for. */
  findKey: method("/tagseal.KeyManagement/FindKey", keyInquiry, keyDescription),
  checkHealth: method("/grpc.health.v1.Health/Check", oneText, oneNumber),
} as const;
