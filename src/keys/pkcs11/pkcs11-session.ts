/** A session with one token, and the rules of its PIN: asked for once, used once, and never guessed. */
import type { Handle } from "pkcs11js";
import { KeyStoreError } from "../../errors.ts";
import type { PassphraseSubject } from "../passphrase-keeper.ts";
import { hasReturned, tokenFailed } from "./pkcs11-module.ts";
import { describeToken, type Pkcs11Token, readToken } from "./pkcs11-token.ts";

/** Where the PIN of a token comes from. */
export type AskForPin = (token: Pkcs11Token, subject: PassphraseSubject) => Promise<string>;

/** A session, which logs in when a key is first used. */
export class Pkcs11Session {
  readonly token: Pkcs11Token;
  readonly #handle: Handle;
  readonly #askForPin: AskForPin;
  readonly #warn: (warning: string) => void;
  #login: Promise<void> | undefined;
  #refusal: KeyStoreError | undefined;
  #hasEnded = false;
  #pin: string | undefined;
  #last: Promise<unknown> = Promise.resolve();

  /**
   * @param earlier the session with the same token that this one replaces: what it knows of the PIN stays known
   * @throws KeyStoreError `KEY_SERVICE_FAILED`
   */
  constructor(
    token: Pkcs11Token,
    { askForPin, onWarning }: { readonly askForPin: AskForPin; readonly onWarning: (warning: string) => void },
    earlier?: Pkcs11Session,
  ) {
    this.token = token;
    this.#askForPin = askForPin;
    this.#warn = onWarning;
    this.#refusal = earlier === undefined ? undefined : earlier.#refusal;
    const { api, addon } = token.module;
    this.#handle = this.attempt("open a session", () =>
      api.C_OpenSession(token.slot, addon.CKF_SERIAL_SESSION | addon.CKF_RW_SESSION),
    );
  }

  /** @throws KeyStoreError `KEY_SERVICE_FAILED` after the end of the session */
  get handle(): Handle {
    if (this.#hasEnded) throw tokenFailed("use a session", this.place, new Error("it was replaced"));
    return this.#handle;
  }

  /** True once the token is used through another session. */
  get hasEnded(): boolean {
    return this.#hasEnded;
  }

  /** Marks the session as unusable: its module was started again. */
  end(): void {
    this.#hasEnded = true;
  }

  /** Asks the token whether this session is valid. @throws KeyStoreError `KEY_SERVICE_FAILED` */
  prove(): void {
    this.attempt("use a session", () => this.token.module.api.C_GetSessionInfo(this.handle));
  }

  /** The token in messages. */
  get place(): string {
    return describeToken(this.token);
  }

  /** Calls the module; what it reports becomes a KeyStoreError `KEY_SERVICE_FAILED`. */
  attempt<T>(what: string, call: () => T): T {
    try {
      return call();
    } catch (cause) {
      throw tokenFailed(what, this.place, cause);
    }
  }

  /** Lets one operation use the session at a time: a signature takes several calls, which must not mix. */
  async exclusively<T>(work: () => Promise<T>): Promise<T> {
    const turn = this.#last.then(work, work);
    this.#last = turn.catch(() => undefined);
    return await turn;
  }

  /**
   * Logs in, once. A failure stays a failure for the life of the session: a second try could be the one that locks the PIN.
   *
   * @throws KeyStoreError `PIN_WRONG`, `PIN_LOCKED`, `PASSPHRASE_UNAVAILABLE`, `KEY_SERVICE_FAILED`
   */
  async login(subject: PassphraseSubject): Promise<void> {
    this.#login ??= this.#logIn(subject);
    await this.#login;
  }

  /**
   * Logs in again for the operation that has just begun, with the same PIN: some keys want that for each signature.
   *
   * @see PKCS #11 v2.40, CKA_ALWAYS_AUTHENTICATE
   */
  async loginAgain(subject: PassphraseSubject): Promise<void> {
    this.#pin ??= await this.#newPin(subject);
    this.#use(this.#pin, this.token.module.addon.CKU_CONTEXT_SPECIFIC);
  }

  async #logIn(subject: PassphraseSubject): Promise<void> {
    if (this.#refusal !== undefined) throw this.#refusal;
    const { pin } = this.#now();
    if (pin === "not needed") return;
    if (pin === "locked") throw this.#locked(undefined);
    if (pin === "not set") {
      throw new KeyStoreError("KEY_SERVICE_UNAVAILABLE", `The PIN of ${this.place} is not set`, {
        hint: "Set it with the program of the token's maker.",
      });
    }
    if (pin !== "ok") this.#warn(`${capitalised(triesLeft(pin, this.place))}. A wrong PIN may lock it.`);
    const given = await this.#newPin(subject);
    this.#use(given, this.token.module.addon.CKU_USER);
    this.#pin = given;
  }

  /** Undefined for a token whose PIN is typed on the reader. */
  async #newPin(subject: PassphraseSubject): Promise<string> {
    if (!this.token.hasPinPad) return await this.#askForPin(this.token, subject);
    this.#warn(`Enter the PIN of ${this.place} on its reader.`);
    return "";
  }

  #use(pin: string, user: number): void {
    const { api, addon } = this.token.module;
    try {
      if (this.token.hasPinPad) api.C_Login(this.#handle, user);
      else api.C_Login(this.#handle, user, pin);
    } catch (cause) {
      if (hasReturned(cause, addon.CKR_USER_ALREADY_LOGGED_IN)) return;
      if (hasReturned(cause, addon.CKR_PIN_LOCKED)) throw (this.#refusal = this.#locked(cause));
      if (hasReturned(cause, addon.CKR_PIN_INCORRECT, addon.CKR_PIN_INVALID, addon.CKR_PIN_LEN_RANGE))
        throw (this.#refusal = this.#wrong(cause));
      throw tokenFailed("log in", this.place, cause);
    }
  }

  #now(): Pkcs11Token {
    return this.attempt("read the state of the PIN", () => readToken(this.token.module, this.token.slot)) ?? this.token;
  }

  #wrong(cause: unknown): KeyStoreError {
    const { pin } = this.#now();
    if (pin === "locked") return this.#locked(cause);
    return new KeyStoreError("PIN_WRONG", `Wrong PIN for ${this.place}; ${triesLeft(pin, "it")}`, {
      cause,
      hint: "It was tried once. Find the right PIN before you run the command again: too many wrong ones lock the token.",
    });
  }

  #locked(cause: unknown): KeyStoreError {
    return new KeyStoreError("PIN_LOCKED", `The PIN of ${this.place} is locked`, {
      cause,
      hint: "Unlock it with its PUK or SO PIN and the program of the token's maker.",
    });
  }
}

function triesLeft(pin: Pkcs11Token["pin"], what: string): string {
  if (pin === "last try") return `${what} allows one more try`;
  if (pin === "some tries used") return `${what} has counted wrong PINs and allows few more tries`;
  return `${what} does not say how many tries it allows`;
}

function capitalised(text: string): string {
  return text.charAt(0).toUpperCase() + text.slice(1);
}
