/** New keys in a token, whose private halves cannot be read from it. */
import { randomBytes } from "node:crypto";
import type { Mechanism, Template } from "pkcs11js";
import type { KeyAlgorithm } from "../../crypto/private-key.ts";
import { oid } from "../../crypto/oids.ts";
import { derOid } from "../../encoding/der.ts";
import { KeyStoreError } from "../../errors.ts";
import { type Pkcs11Module, tokenFailed } from "./pkcs11-module.ts";
import { findObjects } from "./pkcs11-objects.ts";
import type { Pkcs11Session } from "./pkcs11-session.ts";
import type { Pkcs11Uri } from "./pkcs11-uri.ts";

/** What a new key is called in its token. */
export interface NewName {
  readonly label: string;
  readonly id: Buffer;
}

const p256 = "1.2.840.10045.3.1.7";
const rsaBits = 3072;
const rsaExponent = Buffer.from([1, 0, 1]);

/**
 * The name of a new key: what the URI says, else the label that was wanted and a random ID.
 *
 * @throws KeyStoreError `KEY_EXISTS` when the token has a key with that label or ID
 */
export function newName(session: Pkcs11Session, uri: Pkcs11Uri, wanted: string): NewName {
  const { addon } = session.token.module;
  const name = { label: uri.object ?? wanted, id: uri.id ?? randomBytes(16) };
  for (const kind of [addon.CKO_PRIVATE_KEY, addon.CKO_PUBLIC_KEY]) {
    const there = [{ object: name.label }, { id: name.id }].some((part) => findObjects(session, kind, part).length > 0);
    if (there) {
      throw new KeyStoreError(
        "KEY_EXISTS",
        `There is already a key ${JSON.stringify(name.label)} in ${session.place}`,
        {
          hint: "Link it with `tagseal trust key link`, or choose another name with object=NAME in the URI.",
        },
      );
    }
  }
  return name;
}

/** Makes a pair. @throws KeyStoreError `KEY_UNSUPPORTED` when the token has no such keys, `KEY_SERVICE_FAILED` */
export async function makePair(session: Pkcs11Session, algorithm: KeyAlgorithm, name: NewName): Promise<void> {
  const { api, addon } = session.token.module;
  const { mechanism, template } = generation(session, algorithm);
  const verifies = { type: addon.CKA_VERIFY, value: true };
  const publicTemplate: Template = [verifies, ...nameTemplate(session.token.module, name), ...template];
  try {
    await api.C_GenerateKeyPairAsync(session.handle, mechanism, publicTemplate, privateTemplate(session, name));
  } catch (cause) {
    throw tokenFailed(`make an ${algorithm} key`, session.place, cause);
  }
}

interface Generation {
  readonly mechanism: Mechanism;
  readonly template: Template;
}

function generation(session: Pkcs11Session, algorithm: KeyAlgorithm): Generation {
  const { api, addon } = session.token.module;
  const has = (mechanism: number): boolean => api.C_GetMechanismList(session.token.slot).includes(mechanism);
  if (algorithm === "ecdsa" && has(addon.CKM_EC_KEY_PAIR_GEN)) {
    const template = [{ type: addon.CKA_EC_PARAMS, value: derOid(p256) }];
    return { mechanism: { mechanism: addon.CKM_EC_KEY_PAIR_GEN }, template };
  }
  if (algorithm === "rsa" && has(addon.CKM_RSA_PKCS_KEY_PAIR_GEN)) {
    const template = [
      { type: addon.CKA_MODULUS_BITS, value: rsaBits },
      { type: addon.CKA_PUBLIC_EXPONENT, value: rsaExponent },
    ];
    return { mechanism: { mechanism: addon.CKM_RSA_PKCS_KEY_PAIR_GEN }, template };
  }
  if (algorithm === "ed25519" && has(edwardsPairs)) {
    const template = [{ type: addon.CKA_EC_PARAMS, value: derOid(oid.ed25519) }];
    return { mechanism: { mechanism: edwardsPairs }, template };
  }
  throw new KeyStoreError("KEY_UNSUPPORTED", `${session.place} makes no ${algorithm} keys`, {
    hint: "Choose another kind: --algorithm ecdsa, or --algorithm rsa.",
  });
}

/** CKM_EC_EDWARDS_KEY_PAIR_GEN, which the addon does not know. */
const edwardsPairs = 0x1055;

/** The attributes of a lasting object with a name. */
export function nameTemplate({ addon }: Pkcs11Module, { label, id }: NewName): Template {
  return [
    { type: addon.CKA_TOKEN, value: true },
    { type: addon.CKA_LABEL, value: Buffer.from(label) },
    { type: addon.CKA_ID, value: id },
  ];
}

/** The attributes of a private key that signs and cannot be read. */
export function privateTemplate({ token: { module } }: Pkcs11Session, name: NewName): Template {
  const { addon } = module;
  return [
    ...nameTemplate(module, name),
    { type: addon.CKA_PRIVATE, value: true },
    { type: addon.CKA_SENSITIVE, value: true },
    { type: addon.CKA_EXTRACTABLE, value: false },
    { type: addon.CKA_SIGN, value: true },
  ];
}
