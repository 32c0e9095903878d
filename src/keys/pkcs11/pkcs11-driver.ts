import { hasCode, KeyStoreError } from "../../errors.ts";
import type { DriverOptions, ExternalKey, KeyDriver, NewExternalKey, TakenKey } from "../external/key-driver.ts";
import type { PassphraseSubject } from "../passphrase-keeper.ts";
import { makePair, newName, type NewName } from "./pkcs11-make.ts";
import { openModules, restartModule } from "./pkcs11-module.ts";
import { publicKeysOf, type TokenKey } from "./pkcs11-objects.ts";
import { pinFrom } from "./pkcs11-pin.ts";
import { Pkcs11Session } from "./pkcs11-session.ts";
import { signInToken } from "./pkcs11-sign.ts";
import { takePair } from "./pkcs11-take.ts";
import { chooseToken, matches, type Pkcs11Token, tokensOf, tokenUri } from "./pkcs11-token.ts";
import { formatPkcs11Uri, parsePkcs11Uri, type Pkcs11Uri } from "./pkcs11-uri.ts";

/**
 * Keys in hardware tokens, through the PKCS#11 modules of their makers: YubiKey, YubiHSM, Nitrokey, smart cards, SoftHSM.
 *
 * A token is looked at without a PIN; the PIN is asked for when a key has to sign, or to be made.
 */
export class Pkcs11Driver implements KeyDriver {
  readonly #options: DriverOptions;
  readonly #sessions = new Map<string, Pkcs11Session>();

  constructor(options: DriverOptions) {
    this.#options = options;
  }

  async find(text: string, subject: PassphraseSubject): Promise<ExternalKey> {
    const uri = parsePkcs11Uri(text);
    const session = await this.#sessionFor(uri);
    let keys = publicKeysOf(session, uri);
    if (keys.length === 0) {
      // Some tokens show nothing before the login.
      await session.login(subject);
      keys = publicKeysOf(session, uri);
    }
    return this.#externalKey(session, uri, chooseKey(session, keys), subject);
  }

  async list(text: string): Promise<readonly ExternalKey[]> {
    const uri = parsePkcs11Uri(text);
    const found: ExternalKey[] = [];
    for (const token of await this.tokens(uri)) {
      if (!token.isInitialised) continue;
      const session = this.#session(token, uri);
      for (const key of publicKeysOf(session, uri)) found.push(this.#externalKey(session, uri, key, unknownSubject));
    }
    return found;
  }

  async generate(text: string, { label, algorithm }: NewExternalKey, subject: PassphraseSubject): Promise<ExternalKey> {
    return await this.#add(text, { label, subject }, async (session, name) => await makePair(session, algorithm, name));
  }

  async take(text: string, { label, key }: TakenKey, subject: PassphraseSubject): Promise<ExternalKey> {
    return await this.#add(text, { label, subject }, async (session, name) => takePair(session, key, name));
  }

  namesKey(text: string): boolean {
    const { object, id } = parsePkcs11Uri(text);
    return object !== undefined || id !== undefined;
  }

  async check(text: string, subject: PassphraseSubject): Promise<void> {
    const uri = parsePkcs11Uri(text);
    try {
      await this.#prove(uri, subject);
    } catch (error) {
      if (!hasCode(error, "KEY_SERVICE_FAILED", "KEY_NOT_FOUND")) throw error;
      await this.#restart(uri);
      await this.#prove(uri, subject);
    }
  }

  /** The tokens that a URI matches, of the module that it names or of all that are installed. */
  async tokens(uri: Pkcs11Uri): Promise<readonly Pkcs11Token[]> {
    const modules = await openModules(uri.modulePath, this.#options);
    return modules.flatMap((module) => tokensOf(module)).filter((token) => matches(uri, token));
  }

  async #sessionFor(uri: Pkcs11Uri): Promise<Pkcs11Session> {
    return this.#session(chooseToken(uri, await this.tokens(uri)), uri);
  }

  /** One session for a token: it remembers that a PIN was right, or that it was wrong. */
  #session(token: Pkcs11Token, { pinSource }: Pkcs11Uri): Pkcs11Session {
    const id = `${token.slotId} ${token.serial} ${token.module.path}`;
    const known = this.#sessions.get(id);
    if (known?.hasEnded === false) return known;
    const { secrets, onWarning } = this.#options;
    const session = new Pkcs11Session(token, { askForPin: pinFrom(secrets, pinSource), onWarning }, known);
    this.#sessions.set(id, session);
    return session;
  }

  async #add(
    text: string,
    { label, subject }: { readonly label: string; readonly subject: PassphraseSubject },
    write: (session: Pkcs11Session, name: NewName) => Promise<void>,
  ): Promise<ExternalKey> {
    const uri = parsePkcs11Uri(text);
    const session = await this.#sessionFor(uri);
    await session.login(subject);
    return await session.exclusively(async () => {
      const name = newName(session, uri, label);
      await write(session, name);
      const added = publicKeysOf(session, { object: name.label, id: name.id });
      return this.#externalKey(session, uri, chooseKey(session, added), subject);
    });
  }

  async #prove(uri: Pkcs11Uri, subject: PassphraseSubject): Promise<void> {
    const session = await this.#sessionFor(uri);
    session.prove();
    await session.login(subject);
  }

  /** No operation may be under way in a module that is started again. */
  async #restart({ modulePath }: Pkcs11Uri): Promise<void> {
    const modules = await openModules(modulePath, this.#options);
    const sessions = [...this.#sessions.values()].filter(({ token }) => modules.includes(token.module));
    const restart = async (): Promise<void> => {
      for (const session of sessions) session.end();
      modules.forEach(restartModule);
    };
    await sessions.reduce((work, session) => async () => await session.exclusively(work), restart)();
  }

  #externalKey(
    session: Pkcs11Session,
    { pinSource }: Pkcs11Uri,
    key: TokenKey,
    subject: PassphraseSubject,
  ): ExternalKey {
    const full = {
      ...tokenUri(session.token),
      ...(key.label === "" ? {} : { object: key.label }),
      ...(key.id.length === 0 ? {} : { id: key.id }),
      ...(pinSource === undefined ? {} : { pinSource }),
    };
    const named = { ...subject, keyId: subject.keyId || key.publicKey.keyId };
    return {
      uri: formatPkcs11Uri(full),
      place: session.place,
      publicKey: key.publicKey,
      sign: async (payload) => await signInToken(session, key, payload, named),
    };
  }
}

const unknownSubject: PassphraseSubject = { role: "signing", gun: undefined, keyId: "" };

function chooseKey(session: Pkcs11Session, keys: readonly TokenKey[]): TokenKey {
  const [first, ...others] = keys;
  if (first === undefined) {
    throw new KeyStoreError("KEY_NOT_FOUND", `No usable key in ${session.place} matches the URI`, {
      hint: "Tagseal uses ECDSA, RSA and Ed25519 keys. List what is there: tagseal trust key tokens",
    });
  }
  if (others.length === 0) return first;
  const all = keys.map(({ label, id }) => `${JSON.stringify(label)} (id ${id.toString("hex")})`).join(", ");
  throw new KeyStoreError("KEY_AMBIGUOUS", `${keys.length} keys in ${session.place} match the URI: ${all}`, {
    hint: "Name one with object=LABEL, or with id=%XX… where labels repeat.",
  });
}
