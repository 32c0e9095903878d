/** The keychain of the operating system, reached through docker's credential helpers. */
import {
  askCredentialHelper,
  type HelperCall,
  storeInCredentialHelper,
} from "../../docker-config/credential-helper.ts";
import { KeyStoreError, TagsealError } from "../../errors.ts";
import type { Keychain } from "../../keys/passphrase-keychain.ts";
import type { Io } from "../io.ts";

/** The user name that entries of the keychain have. */
const username = "tagseal";

/**
 * The keychain behind one credential helper.
 *
 * @param name of the helper: `osxkeychain`, `secretservice`, `wincred`, `pass`
 */
export function openKeychain(name: string, { env, signal }: Io): Keychain {
  const helper: HelperCall = { name, env, signal };
  return {
    name: `docker-credential-${name}`,
    async get(address) {
      const found = await asPassphrase(() => askCredentialHelper(helper, address));
      return found?.kind === "basic" ? found.password : undefined;
    },
    async store(address, password) {
      await asPassphrase(() => storeInCredentialHelper(helper, address, { kind: "basic", username, password }));
    },
  };
}

/** A helper that fails is a passphrase source that fails. */
async function asPassphrase<T>(ask: () => Promise<T>): Promise<T> {
  try {
    return await ask();
  } catch (error) {
    if (!(error instanceof TagsealError) || error.code === "CANCELLED") throw error;
    throw new KeyStoreError("PASSPHRASE_UNAVAILABLE", error.message, {
      cause: error,
      hint: "Correct this source, or leave it out: no other source is asked while it is set.",
    });
  }
}
