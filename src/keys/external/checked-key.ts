import type { SigningKey } from "../../crypto/private-key.ts";
import type { PublicKey } from "../../crypto/public-key.ts";
import { verifySignature } from "../../crypto/signature.ts";
import { KeyStoreError } from "../../errors.ts";
import type { ExternalKey } from "./key-driver.ts";

/**
 * A key of a driver that is trusted no further than its signatures verify: what a token or a service returns is used only when the public
 * key that was recorded accepts it.
 *
 * @param recorded the public key that this key must have
 * @throws KeyStoreError `KEY_CHANGED` when it has another one; `sign` throws `KEY_SERVICE_FAILED` for a signature that does not verify
 */
export function checkedKey(key: ExternalKey, recorded: PublicKey): SigningKey {
  if (key.publicKey.keyId !== recorded.keyId) throw changed(key, recorded);
  return {
    publicKey: recorded,
    sign: async (payload) => {
      const signature = await key.sign(payload);
      if (verifySignature(recorded, { keyId: recorded.keyId, ...signature }, payload)) return signature;
      throw new KeyStoreError(
        "KEY_SERVICE_FAILED",
        `The key in ${key.place} returned a signature that does not verify`,
        {
          hint: "Nothing was signed with it. Check the token or the service, then try again.",
        },
      );
    },
  };
}

function changed(key: ExternalKey, recorded: PublicKey): KeyStoreError {
  const message = `The key in ${key.place} is not the linked one: expected ${recorded.keyId}, found ${key.publicKey.keyId}`;
  return new KeyStoreError("KEY_CHANGED", message, {
    hint: "Restore the key there, or link the new one with `tagseal trust key link` and rotate the old one.",
  });
}
