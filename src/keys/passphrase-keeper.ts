import { KeyStoreError, hasCode } from "../errors.ts";
import { backupRole, describeKey, maxAttempts, minPassphraseBytes, shortKeyId } from "./passphrase.ts";
import type { PassphraseRequest, PassphraseSource } from "./passphrase.ts";

/** The key for which a passphrase is needed. */
export type PassphraseSubject = Pick<PassphraseRequest, "role" | "gun" | "keyId">;

/**
 * Asks a source and remembers, per role, what worked, so that a user with ten keys under one passphrase types it
 * once. Nothing is remembered beyond the life of the object.
 *
 * @see Notary v1: passphrases
 */
export class PassphraseKeeper {
  readonly #source: PassphraseSource;
  readonly #onWarning: (warning: string) => void;
  readonly #remembered = new Map<string, string>();

  constructor(source: PassphraseSource, onWarning: (warning: string) => void = () => undefined) {
    this.#source = source;
    this.#onWarning = onWarning;
  }

  /**
   * Opens something with the right passphrase: first the one remembered for the role, then those from the source, at
   * most {@link maxAttempts} times.
   *
   * @param open throws KeyStoreError `PASSPHRASE_WRONG`, or rejects with it, to try another one
   * @throws KeyStoreError `PASSPHRASE_WRONG`, `PASSPHRASE_UNAVAILABLE`, and what else `open` throws
   */
  async unlock<T>(subject: PassphraseSubject, open: (passphrase: string) => T | Promise<T>): Promise<T> {
    const remembered = this.#remembered.get(subject.role);
    if (remembered !== undefined) {
      const opened = await attempt(open, remembered);
      if (opened !== undefined) return opened.value;
    }
    for (let count = 1; count <= maxAttempts; count++) {
      const failure = count > 1 ? ({ previousFailure: "wrong" } as const) : {};
      const passphrase = await this.#source.passphraseFor({
        ...subject,
        purpose: "unlock",
        attempt: count,
        ...failure,
      });
      const opened = await attempt(open, passphrase);
      if (opened === undefined) continue;
      this.#remembered.set(subject.role, passphrase);
      await this.#source.accepted?.(subject, passphrase);
      return opened.value;
    }
    throw new KeyStoreError(
      "PASSPHRASE_WRONG",
      `Wrong passphrase for ${describeKey(subject)}, given ${maxAttempts} times`,
    );
  }

  /**
   * The passphrase to write a key with: the one remembered for its role, or a new one.
   *
   * @param fresh true to ignore what is remembered, since the passphrase is being changed
   * @throws KeyStoreError `PASSPHRASE_UNAVAILABLE`, `PASSPHRASE_TOO_SHORT`
   */
  async forNewKey(subject: PassphraseSubject, fresh = false): Promise<string> {
    const remembered = fresh ? undefined : this.#remembered.get(subject.role);
    if (remembered !== undefined) return remembered;
    const passphrase = await this.#source.passphraseFor({ ...subject, purpose: "new", attempt: 1 });
    this.#checkNew(passphrase, subject);
    this.#remembered.set(subject.role, passphrase);
    // before the key is written: a key whose passphrase is lost is lost
    await this.#source.accepted?.(subject, passphrase);
    return passphrase;
  }

  /** Tells the source that a key has got another passphrase. The key is written already: where that cannot be kept, there is a warning. */
  async changed(subject: PassphraseSubject, passphrase: string): Promise<void> {
    try {
      await this.#source.changed?.(subject, passphrase);
    } catch (error) {
      if (!hasCode(error, "PASSPHRASE_UNAVAILABLE")) throw error;
      this.#onWarning(`The new passphrase of ${describeKey(subject)} was not kept: ${error.message}`);
    }
  }

  /** Off-spec: Notary v1 writes the key in the clear for an empty passphrase. */
  #checkNew(passphrase: string, { role, keyId }: PassphraseSubject): void {
    const key = role === backupRole ? "the new key backup" : `the new ${role} key ${shortKeyId(keyId)}`;
    if (passphrase === "")
      throw new KeyStoreError("PASSPHRASE_TOO_SHORT", `The passphrase for ${key} is empty`, {
        hint: "Private keys and their backups are only ever written encrypted: choose a passphrase.",
      });
    if (Buffer.byteLength(passphrase) < minPassphraseBytes)
      this.#onWarning(`The passphrase for ${key} has fewer than ${minPassphraseBytes} bytes and is easily guessed.`);
  }
}

async function attempt<T>(
  open: (passphrase: string) => T | Promise<T>,
  passphrase: string,
): Promise<{ readonly value: T } | undefined> {
  try {
    return { value: await open(passphrase) };
  } catch (error) {
    // Only a wrong passphrase is worth another try; anything else is a damaged key.
    if (hasCode(error, "PASSPHRASE_WRONG")) return undefined;
    throw error;
  }
}
