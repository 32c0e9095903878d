/** Passphrases that the operating system's keychain keeps for you. */
import { KeyStoreError } from "../errors.ts";
import { describeKey, type PassphraseRequest, type PassphraseSource } from "./passphrase.ts";

/** A keychain: one secret for each address. */
export interface Keychain {
  /** what a sentence calls it */
  readonly name: string;
  /** @returns undefined when it has none; throws KeyStoreError `PASSPHRASE_UNAVAILABLE` */
  get(address: string): Promise<string | undefined>;
  /** @throws KeyStoreError `PASSPHRASE_UNAVAILABLE` */
  store(address: string, passphrase: string): Promise<void>;
}

/**
 * Takes passphrases from a keychain. For a key that it does not know, the user is asked once, at a terminal, and what opened the key, or what
 * was chosen for a new one, is kept there. Without a terminal the keychain is the only source.
 *
 * @param prompt asked for what the keychain does not have
 */
export function fromKeychain(keychain: Keychain, prompt: PassphraseSource): PassphraseSource {
  const answers = new Map<string, string>();
  const ask = async (request: PassphraseRequest): Promise<string> => {
    if (!prompt.interactive) throw notThere(keychain, request);
    const passphrase = await prompt.passphraseFor(request);
    answers.set(request.keyId, passphrase);
    return passphrase;
  };
  return {
    interactive: prompt.interactive,
    async passphraseFor(request) {
      if (request.purpose === "unlock" && request.attempt === 1) {
        const kept = await keychain.get(addressOf(request.keyId));
        if (kept !== undefined) return kept;
      }
      return await ask(request);
    },
    async changed({ keyId }, passphrase) {
      await keychain.store(addressOf(keyId), passphrase);
    },
    async accepted({ keyId }, passphrase) {
      // what the keychain gave needs no second visit; without an ID there is nothing to find it by
      if (keyId !== "" && answers.get(keyId) === passphrase) await keychain.store(addressOf(keyId), passphrase);
    },
  };
}

/** Keychains know entries by the address of a server; this one is reserved, so that no login can have it. */
function addressOf(keyId: string): string {
  return `https://tagseal.invalid/keys/${keyId}`;
}

function notThere({ name }: Keychain, request: PassphraseRequest): KeyStoreError {
  const what = request.previousFailure === "wrong" ? "has a wrong passphrase" : "has no passphrase";
  return new KeyStoreError("PASSPHRASE_UNAVAILABLE", `${name} ${what} for ${describeKey(request)}`, {
    hint: "Run the command once at a terminal: it asks for the passphrase and keeps it there.",
  });
}
