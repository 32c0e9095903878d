/**
 * The messages between a trust server and a signer: those of Notary's `proto` package and of gRPC's health check.
 * Sizes are bounded by the transport before anything is decoded.
 *
 * @see Notary v1: signer service; grpc.health.v1
 */

import {
  bytesOf,
  numberOf,
  parseProtobuf,
  protobufBytes,
  protobufNumber,
  protobufText,
  textOf,
  type ProtobufValue,
} from "../../../encoding/protobuf.ts";

/** Encodes and decodes one kind of message. `decode` throws EncodingError `PROTOBUF_MALFORMED`. */
export interface Codec<T> {
  encode(message: T): Buffer;
  decode(bytes: Uint8Array): T;
}

/** `CreateKeyRequest`: what a key is requested for. */
export interface KeyRequest {
  readonly algorithm: string;
  readonly gun: string;
  readonly role: string;
}

/** `PublicKey` and, with its role, `GetKeyInfoResponse`: their shared fields have the same numbers. */
export interface KeyDescription {
  readonly keyId: string;
  readonly algorithm: string;
  readonly publicKey: Uint8Array;
  /** empty when it is not known, and in a `PublicKey` */
  readonly role: string;
}

/** Tagseal's `FindKeyRequest`: a key, and its supposed purpose. */
export interface KeyInquiry extends KeyRequest {
  readonly keyId: string;
}

/** `SignatureRequest`: the whole message to be signed, not a digest. */
export interface SignatureRequest {
  readonly keyId: string;
  readonly content: Uint8Array;
}

/** `Signature`. */
export interface SignatureReply {
  readonly keyId: string;
  readonly algorithm: string;
  /** as metadata names it: `ecdsa`, `eddsa`, `rsapss` */
  readonly method: string;
  readonly content: Uint8Array;
}

/** Statuses of `HealthCheckResponse`. */
export const healthStatus = { unknown: 0, serving: 1, notServing: 2 } as const;

/** Services whose health is checked, by Notary's names; the empty name is the whole process. */
export const healthServices = ["", "grpc.health.v1.Health.KeyManagement", "grpc.health.v1.Health.Signer"] as const;

/** Notary's `CreateKeyRequest`. */
export const keyRequest: Codec<KeyRequest> = {
  encode: ({ algorithm, gun, role }) =>
    Buffer.concat([protobufText(1, algorithm), protobufText(2, gun), protobufText(3, role)]),
  decode(bytes) {
    const fields = parseProtobuf(bytes);
    return { algorithm: textOf(fields, 1), gun: textOf(fields, 2), role: textOf(fields, 3) };
  },
};

/** Tagseal's `FindKeyRequest`: a `CreateKeyRequest` followed by the key's ID. */
export const keyInquiry: Codec<KeyInquiry> = {
  encode: ({ keyId, ...request }) => Buffer.concat([keyRequest.encode(request), protobufText(4, keyId)]),
  decode: (bytes) => ({ ...keyRequest.decode(bytes), keyId: textOf(parseProtobuf(bytes), 4) }),
};

/** Notary's `KeyID`, and in the same form `HealthCheckRequest`: one text. */
export const oneText: Codec<string> = {
  encode: (text) => protobufText(1, text),
  decode: (bytes) => textOf(parseProtobuf(bytes), 1),
};

/** Notary's `PublicKey` and `GetKeyInfoResponse`. */
export const keyDescription: Codec<KeyDescription> = {
  encode: ({ keyId, algorithm, publicKey, role }) =>
    Buffer.concat([
      protobufBytes(1, encodeKeyInfo(keyId, algorithm)),
      protobufBytes(2, publicKey),
      protobufText(3, role),
    ]),
  decode(bytes) {
    const fields = parseProtobuf(bytes);
    return { ...decodeKeyInfo(fields), publicKey: bytesOf(fields, 2), role: textOf(fields, 3) };
  },
};

/** Notary's `SignatureRequest`. */
export const signatureRequest: Codec<SignatureRequest> = {
  encode: ({ keyId, content }) => Buffer.concat([protobufBytes(1, oneText.encode(keyId)), protobufBytes(2, content)]),
  decode(bytes) {
    const fields = parseProtobuf(bytes);
    return { keyId: oneText.decode(bytesOf(fields, 1)), content: bytesOf(fields, 2) };
  },
};

/** Notary's `Signature`. */
export const signatureReply: Codec<SignatureReply> = {
  encode: ({ keyId, algorithm, method, content }) =>
    Buffer.concat([
      protobufBytes(1, encodeKeyInfo(keyId, algorithm)),
      protobufBytes(2, oneText.encode(method)),
      protobufBytes(3, content),
    ]),
  decode(bytes) {
    const fields = parseProtobuf(bytes);
    const method = oneText.decode(bytesOf(fields, 2));
    return { ...decodeKeyInfo(fields), method, content: bytesOf(fields, 3) };
  },
};

/** `Void`. */
export const nothing: Codec<undefined> = { encode: () => Buffer.alloc(0), decode: () => undefined };

/** `HealthCheckResponse`: one of {@link healthStatus}. */
export const oneNumber: Codec<number> = {
  encode: (value) => protobufNumber(1, value),
  decode: (bytes) => numberOf(parseProtobuf(bytes), 1),
};

/** `KeyInfo`: a `KeyID` and an `Algorithm`, each a message of one text. */
function encodeKeyInfo(keyId: string, algorithm: string): Buffer {
  return Buffer.concat([protobufBytes(1, oneText.encode(keyId)), protobufBytes(2, oneText.encode(algorithm))]);
}

function decodeKeyInfo(fields: ReadonlyMap<number, ProtobufValue>): { keyId: string; algorithm: string } {
  const info = parseProtobuf(bytesOf(fields, 1));
  return { keyId: oneText.decode(bytesOf(info, 1)), algorithm: oneText.decode(bytesOf(info, 2)) };
}
