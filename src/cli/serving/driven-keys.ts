/** Keys of a server or a signer that are kept elsewhere: its contract, fulfilled by the drivers that the key commands use. */
import type { SigningKey } from "../../crypto/private-key.ts";
import type { Environment } from "../../environment/environment.ts";
import { hasCode, KeyStoreError, TagsealError } from "../../errors.ts";
import { checkedKey } from "../../keys/external/checked-key.ts";
import type { KeyDriver } from "../../keys/external/key-driver.ts";
import { KeyDrivers } from "../../keys/external/open-driver.ts";
import { fromEnvironment } from "../../keys/passphrase-sources.ts";
import type { KeyService, ServedKey } from "../../server/signer/key-service.ts";
import { areKeysOutOfReach } from "../../server/signer/signing-service.ts";

/** What the keys are used with. */
export interface DrivenKeysOptions {
  /** the URI of the place where new keys are made; without it, none are made elsewhere */
  readonly store: string | undefined;
  /** holds the PIN, and what drivers read */
  readonly env: Environment;
  readonly onWarning: (warning: string) => void;
}

/** A key of the server in prompts, of which there are none, and in messages. */
const subject = { role: "server", gun: undefined, keyId: "" } as const;
/** Probes and requests come more often; a place that is away is started again, or asked over a network, no more than this. */
const askEveryMs = 3000;

/** Makes and uses keys through drivers, and remembers whether the last attempt worked. */
export class DrivenKeys implements KeyService {
  readonly #store: string | undefined;
  readonly #drivers: KeyDrivers;
  #failure: unknown;
  #askedAt = Number.NEGATIVE_INFINITY;
  #asking: Promise<void> | undefined;

  constructor({ store, env, onWarning }: DrivenKeysOptions) {
    this.#store = store;
    this.#drivers = new KeyDrivers({ env, secrets: fromEnvironment(env), onWarning });
  }

  get makesKeys(): boolean {
    return this.#store !== undefined;
  }

  get isAvailable(): boolean {
    return this.#failure === undefined;
  }

  async make(label: string, algorithm: "ecdsa" | "ed25519"): Promise<ServedKey> {
    const store = this.#store;
    if (store === undefined) throw new TagsealError("INTERNAL", "There is no place where new keys are made");
    return await this.#recovering(async () => {
      const made = await (await this.#drivers.for(store)).generate(store, { label, algorithm }, subject);
      return { uri: withoutAccess(made.uri), publicKey: made.publicKey };
    });
  }

  async open({ uri, publicKey }: ServedKey): Promise<SigningKey> {
    const reachable = this.#reachable(uri);
    const find = async (): Promise<SigningKey> => {
      const driver = await this.#drivers.for(reachable);
      return checkedKey(await driver.find(reachable, { ...subject, keyId: publicKey.keyId }), publicKey);
    };
    let opened: SigningKey | undefined = await this.#recovering(find).catch((error: unknown) => {
      // Only where the place was asked is the key known to be gone.
      const isProven = this.#store?.split(":")[0] === uri.split(":")[0];
      throw hasCode(error, "KEY_NOT_FOUND") && !isProven ? unavailable(error) : error;
    });
    const sign: SigningKey["sign"] = async (payload) => {
      // A place that was away and is back has other handles: the key is looked up again.
      const key = opened ?? (await find());
      opened = undefined;
      const signature = await key.sign(payload);
      opened = key;
      return signature;
    };
    return { publicKey, sign: (payload) => this.#recovering(async () => await sign(payload)) };
  }

  async check(): Promise<void> {
    const store = this.#store;
    if (store === undefined) return;
    if (performance.now() - this.#askedAt >= askEveryMs) {
      const work = async (): Promise<void> => await prove(await this.#drivers.for(store), store);
      this.#asking ??= this.#attempt(work).finally(() => {
        this.#asking = undefined;
        this.#askedAt = performance.now();
      });
      await this.#asking;
    }
    if (this.#failure !== undefined) throw this.#failure;
  }

  /** @throws TagsealError `SERVER_CONFIGURATION` for the URI of one key; KeyStoreError `KEY_URI_INVALID` for one that no driver reads */
  async checkUri(): Promise<void> {
    const store = this.#store;
    if (store === undefined) return;
    if (!(await this.#drivers.for(store)).namesKey(store)) return;
    throw new TagsealError("SERVER_CONFIGURATION", "Cannot use keys.store: it is the URI of one key", {
      hint: "Name the place where keys are made, such as pkcs11:token=LABEL or vault:transit.",
    });
  }

  /**
   * Does something, and once more when the place had been away and is back. A key that is missing because its token is missing is not lost: it is
   * out of reach. A PIN that was wrong stays unused.
   */
  async #recovering<T>(work: () => Promise<T>): Promise<T> {
    const wasAway = !this.isAvailable;
    try {
      return await this.#attempt(work);
    } catch (error) {
      const mayBeAway = hasCode(error, "KEY_SERVICE_FAILED", "KEY_SERVICE_UNAVAILABLE", "KEY_NOT_FOUND");
      if (this.#store === undefined || !mayBeAway) throw error;
      if (!wasAway) this.#askedAt = Number.NEGATIVE_INFINITY;
      await this.check();
      return await this.#attempt(work);
    }
  }

  /**
   * A row of the table names a key, and not the library and the PIN file that reach it: these come from this server's settings, so that nobody who
   * can write to the database decides what the server loads.
   */
  #reachable(uri: string): string {
    if (!uri.startsWith("pkcs11:")) return uri;
    if (uri !== withoutAccess(uri))
      throw new KeyStoreError("KEY_URI_INVALID", "A key's row names a library or a PIN file, which rows may not");
    const [, access] = this.#store?.startsWith("pkcs11:") === true ? this.#store.split("?") : [];
    return access === undefined ? uri : `${uri}?${access}`;
  }

  /** A missing PIN and a missing token keep the keys out of reach; other failures are about one key. */
  async #attempt<T>(work: () => Promise<T>): Promise<T> {
    try {
      const done = await work();
      this.#failure = undefined;
      return done;
    } catch (cause) {
      const error = hasCode(cause, "PASSPHRASE_UNAVAILABLE", "KEY_FILE_UNSAFE") ? unavailable(cause) : cause;
      if (areKeysOutOfReach(error)) this.#failure = error;
      throw error;
    }
  }
}

async function prove(driver: KeyDriver, store: string): Promise<void> {
  try {
    await driver.check(store, subject);
  } catch (error) {
    throw hasCode(error, "KEY_NOT_FOUND") ? unavailable(error) : error;
  }
}

function unavailable(cause: TagsealError): TagsealError {
  const hint = cause.hint ?? "Check the place that keys.store names.";
  return new KeyStoreError("KEY_SERVICE_UNAVAILABLE", cause.message, { cause, hint });
}

/** RFC 7512 §2.4: what follows the question mark of a pkcs11 URI says how to reach a token. */
function withoutAccess(uri: string): string {
  return uri.startsWith("pkcs11:") ? uri.replace(/\?.*$/su, "") : uri;
}
