/** The keys in a token: what is shown of them, and how the two halves of a pair find each other. */
import type { Handle, Template } from "pkcs11js";
import { parseCertificate } from "../../crypto/certificate.ts";
import { PublicKey } from "../../crypto/public-key.ts";
import { TagsealError } from "../../errors.ts";
import { hasReturned } from "./pkcs11-module.ts";
import { publicKeyOf } from "./pkcs11-public-key.ts";
import type { Pkcs11Session } from "./pkcs11-session.ts";
import type { Pkcs11Uri } from "./pkcs11-uri.ts";

/** A key whose public half a token shows. */
export interface TokenKey {
  readonly label: string;
  readonly id: Buffer;
  readonly publicKey: PublicKey;
}

/** More keys than any token in use has. */
const maxObjects = 1000;

/**
 * The keys that match the object part of a URI, each once, without a PIN: from public key objects, or else from certificates, of which
 * smart cards have one for each key.
 */
export function publicKeysOf(session: Pkcs11Session, { object, id }: Pick<Pkcs11Uri, "object" | "id">): TokenKey[] {
  const { addon } = session.token.module;
  const kinds = [
    { kind: addon.CKO_PUBLIC_KEY, read: readPublicKey },
    { kind: addon.CKO_CERTIFICATE, read: readCertificateKey },
  ];
  const found = new Map<string, TokenKey>();
  for (const { kind, read } of kinds) {
    for (const handle of findObjects(session, kind, { object, id })) {
      const key = read(session, handle);
      if (key !== undefined && !found.has(key.publicKey.keyId)) found.set(key.publicKey.keyId, key);
    }
  }
  return [...found.values()];
}

/** Objects of a class with this label and ID. */
export function findObjects(
  session: Pkcs11Session,
  objectClass: number,
  { object, id }: { readonly object?: string | undefined; readonly id?: Buffer | undefined },
): readonly Handle[] {
  const { api, addon } = session.token.module;
  const template: Template = [
    { type: addon.CKA_CLASS, value: objectClass },
    ...(object === undefined ? [] : [{ type: addon.CKA_LABEL, value: Buffer.from(object) }]),
    ...(id === undefined ? [] : [{ type: addon.CKA_ID, value: id }]),
  ];
  return session.attempt("search for keys", () => {
    api.C_FindObjectsInit(session.handle, template);
    try {
      return api.C_FindObjects(session.handle, maxObjects);
    } finally {
      api.C_FindObjectsFinal(session.handle);
    }
  });
}

/** An attribute of an object; empty when the object has none of that kind. */
export function attribute(session: Pkcs11Session, handle: Handle, type: number): Buffer {
  const { api, addon } = session.token.module;
  return session.attempt("read a key", () => {
    try {
      return api.C_GetAttributeValue(session.handle, handle, [{ type }])[0]?.value ?? Buffer.alloc(0);
    } catch (error) {
      if (hasReturned(error, addon.CKR_ATTRIBUTE_TYPE_INVALID, addon.CKR_ATTRIBUTE_SENSITIVE)) return Buffer.alloc(0);
      throw error;
    }
  });
}

function readPublicKey(session: Pkcs11Session, handle: Handle): TokenKey | undefined {
  const { addon } = session.token.module;
  const read = (type: number): Buffer => attribute(session, handle, type);
  const publicKey = publicKeyOf({
    keyType: numberOf(read(addon.CKA_KEY_TYPE)),
    modulus: read(addon.CKA_MODULUS),
    exponent: read(addon.CKA_PUBLIC_EXPONENT),
    ecParams: read(addon.CKA_EC_PARAMS),
    ecPoint: read(addon.CKA_EC_POINT),
  });
  return publicKey && { ...nameOf(session, handle), publicKey };
}

function readCertificateKey(session: Pkcs11Session, handle: Handle): TokenKey | undefined {
  try {
    const { spki } = parseCertificate(attribute(session, handle, session.token.module.addon.CKA_VALUE));
    return { ...nameOf(session, handle), publicKey: PublicKey.fromSpki(spki) };
  } catch (error) {
    // A certificate for another purpose says nothing about the keys.
    if (error instanceof TagsealError && error.code !== "KEY_SERVICE_FAILED") return undefined;
    throw error;
  }
}

function nameOf(session: Pkcs11Session, handle: Handle): { readonly label: string; readonly id: Buffer } {
  const { addon } = session.token.module;
  return {
    label: attribute(session, handle, addon.CKA_LABEL).toString("utf8"),
    id: attribute(session, handle, addon.CKA_ID),
  };
}

/** CK_ULONG in the byte order of this machine, little-endian wherever Tagseal runs. */
function numberOf(bytes: Buffer): number {
  return bytes.length >= 4 ? bytes.readUInt32LE(0) : -1;
}
