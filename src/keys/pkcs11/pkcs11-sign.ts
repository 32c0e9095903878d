/** Signatures by a key in a token, in the form that metadata has. */
import { createHash } from "node:crypto";
import type { Handle, Mechanism } from "pkcs11js";
import type { PublicKey } from "../../crypto/public-key.ts";
import { pssSaltBytes } from "../../crypto/signature.ts";
import { KeyStoreError, MetadataError } from "../../errors.ts";
import type { PassphraseSubject } from "../passphrase-keeper.ts";
import { tokenFailed } from "./pkcs11-module.ts";
import { attribute, findObjects, type TokenKey } from "./pkcs11-objects.ts";
import type { Pkcs11Session } from "./pkcs11-session.ts";
import type { Pkcs11Token } from "./pkcs11-token.ts";

/** How a token is asked for a signature. */
interface Signing {
  readonly method: string;
  readonly mechanism: Mechanism;
  /** what the mechanism signs: the payload, or its hash */
  readonly input: Uint8Array;
}

/** CKM_EDDSA, which the addon does not know. */
const eddsa = 0x1057;
/** Longer than the signature of an RSA key of 8,192 bits. */
const maxSignatureBytes = 2048;

/**
 * Signs with a key of a token, after logging in.
 *
 * @throws KeyStoreError `KEY_NOT_FOUND` when the token has no private half of the key; as `Pkcs11Session.login`
 */
export async function signInToken(
  session: Pkcs11Session,
  key: TokenKey,
  payload: Uint8Array,
  subject: PassphraseSubject,
): Promise<{ readonly method: string; readonly value: Uint8Array }> {
  const { api, addon } = session.token.module;
  await session.login(subject);
  return await session.exclusively(async () => {
    const handle = privateHalf(session, key);
    const { method, mechanism, input } = signingOf(key.publicKey, payload, session.token);
    session.attempt("sign", () => api.C_SignInit(session.handle, mechanism, handle));
    if (attribute(session, handle, addon.CKA_ALWAYS_AUTHENTICATE)[0] === 1) await session.loginAgain(subject);
    try {
      const room = Buffer.alloc(maxSignatureBytes);
      return { method, value: await api.C_SignAsync(session.handle, Buffer.from(input), room) };
    } catch (cause) {
      throw tokenFailed("sign", session.place, cause);
    }
  });
}

/** Pairs share their ID, and where a token sets none, their label. */
function privateHalf(session: Pkcs11Session, { id, label }: TokenKey): Handle {
  const named = id.length > 0 ? { id } : { object: label };
  const [handle] = findObjects(session, session.token.module.addon.CKO_PRIVATE_KEY, named);
  if (handle !== undefined) return handle;
  throw new KeyStoreError("KEY_NOT_FOUND", `There is no private key ${JSON.stringify(label)} in ${session.place}`, {
    hint: "The token holds its public half only. Compare: tagseal trust key tokens",
  });
}

/** Notary's forms: ECDSA and RSA over a SHA-256 hash, whatever the size of the key. */
function signingOf(key: PublicKey, payload: Uint8Array, { module: { api, addon }, slot }: Pkcs11Token): Signing {
  const hash = createHash("sha256").update(payload).digest();
  if (key.keyType === "ecdsa") return { method: "ecdsa", mechanism: { mechanism: addon.CKM_ECDSA }, input: hash };
  if (key.keyType === "ed25519") return { method: "eddsa", mechanism: { mechanism: eddsa }, input: payload };
  if (key.keyType !== "rsa") throw new MetadataError("KEY_UNSUPPORTED", `A ${key.keyType} key in a token cannot sign`);
  const parameter = {
    type: addon.CK_PARAMS_RSA_PSS,
    hashAlg: addon.CKM_SHA256,
    mgf: addon.CKG_MGF1_SHA256,
    saltLen: pssSaltBytes,
  };
  // Some tokens hash themselves, some want the hash; all that sign for us can do one of both.
  const hashes = api.C_GetMechanismList(slot).includes(addon.CKM_SHA256_RSA_PKCS_PSS);
  const mechanism = hashes ? addon.CKM_SHA256_RSA_PKCS_PSS : addon.CKM_RSA_PKCS_PSS;
  return { method: "rsapss", mechanism: { mechanism, parameter }, input: hashes ? payload : hash };
}
