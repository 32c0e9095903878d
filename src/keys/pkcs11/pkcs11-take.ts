/** Keys that were made elsewhere, put into a token: both halves as objects, the private one so that it cannot be read again. */
import { createPrivateKey } from "node:crypto";
import type { Template } from "pkcs11js";
import { derOctetString, derOid } from "../../encoding/der.ts";
import { KeyStoreError } from "../../errors.ts";
import type { PrivateKey } from "../../crypto/private-key.ts";
import { nameTemplate, type NewName, privateTemplate } from "./pkcs11-make.ts";
import { tokenFailed } from "./pkcs11-module.ts";
import { keyKind } from "./pkcs11-public-key.ts";
import type { Pkcs11Session } from "./pkcs11-session.ts";

interface KeyTemplates {
  readonly privateHalf: Template;
  readonly publicHalf: Template;
}

/**
 * Writes an EC or RSA key into a token, under a name that nothing there has.
 *
 * @throws KeyStoreError `KEY_UNSUPPORTED` for other keys; `KEY_SERVICE_FAILED` when the token takes none in, and then nothing of it stays there
 */
export function takePair(session: Pkcs11Session, key: PrivateKey, name: NewName): void {
  const { api, addon } = session.token.module;
  const { privateHalf, publicHalf } = templatesOf(session, key);
  const isPrivate = { type: addon.CKA_CLASS, value: addon.CKO_PRIVATE_KEY };
  const isPublic = { type: addon.CKA_CLASS, value: addon.CKO_PUBLIC_KEY };
  const named = nameTemplate(session.token.module, name);
  try {
    const handle = api.C_CreateObject(session.handle, [isPrivate, ...privateTemplate(session, name), ...privateHalf]);
    try {
      const verifies = { type: addon.CKA_VERIFY, value: true };
      api.C_CreateObject(session.handle, [isPublic, ...named, verifies, ...publicHalf]);
    } catch (error) {
      api.C_DestroyObject(session.handle, handle);
      throw error;
    }
  } catch (cause) {
    throw tokenFailed("store a key", session.place, cause);
  }
}

/** PKCS #11 v2.40 §2.1.3, §2.3.4: numbers as big-endian bytes, the point as an OCTET STRING. */
function templatesOf(session: Pkcs11Session, key: PrivateKey): KeyTemplates {
  const { addon } = session.token.module;
  const der = Buffer.from(key.toStandardPkcs8());
  const numbers = createPrivateKey({ key: der, format: "der", type: "pkcs8" }).export({ format: "jwk" });
  const part = (name: NumberName): Buffer => Buffer.from(String(numbers[name]), "base64url");
  const info = key.publicKey.verificationKey()?.info;
  if (info?.algorithm === "ecdsa") {
    const shared: Template = [
      { type: addon.CKA_KEY_TYPE, value: keyKind.ec },
      { type: addon.CKA_EC_PARAMS, value: derOid(info.curve.oid) },
    ];
    const point = derOctetString(Buffer.concat([Buffer.from([4]), part("x"), part("y")]));
    return {
      privateHalf: [...shared, { type: addon.CKA_VALUE, value: part("d") }],
      publicHalf: [...shared, { type: addon.CKA_EC_POINT, value: Buffer.from(point) }],
    };
  }
  if (info?.algorithm === "rsa") return rsaTemplates(addon, part);
  throw new KeyStoreError("KEY_UNSUPPORTED", `A ${key.publicKey.keyType} key cannot be stored in a token`, {
    hint: "ECDSA and RSA keys can. Make a new key there: tagseal trust key generate --store URI NAME",
  });
}

type NumberName = "n" | "e" | "d" | "p" | "q" | "dp" | "dq" | "qi" | "x" | "y";

function rsaTemplates(
  addon: Pkcs11Session["token"]["module"]["addon"],
  part: (name: NumberName) => Buffer,
): KeyTemplates {
  const shared: Template = [
    { type: addon.CKA_KEY_TYPE, value: keyKind.rsa },
    { type: addon.CKA_MODULUS, value: part("n") },
    { type: addon.CKA_PUBLIC_EXPONENT, value: part("e") },
  ];
  const secrets: Template = [
    { type: addon.CKA_PRIVATE_EXPONENT, value: part("d") },
    { type: addon.CKA_PRIME_1, value: part("p") },
    { type: addon.CKA_PRIME_2, value: part("q") },
    { type: addon.CKA_EXPONENT_1, value: part("dp") },
    { type: addon.CKA_EXPONENT_2, value: part("dq") },
    { type: addon.CKA_COEFFICIENT, value: part("qi") },
  ];
  return { privateHalf: [...shared, ...secrets], publicHalf: shared };
}
