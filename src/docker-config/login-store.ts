/** Keeps and removes logins where docker keeps them: with the credential helper that config.json names, else in the file itself. */
import type { JsonObject } from "../encoding/json.ts";
import type { Environment } from "../environment/environment.ts";
import { hasCode, type TagsealError } from "../errors.ts";
import { objectAt, textAt } from "./configuration-file.ts";
import { EditedConfiguration } from "./edited-configuration.ts";
import { erasedKeys, type LoginAddress } from "./login-address.ts";
import {
  isSameEntry,
  type KeptLogin,
  loginEntry,
  loginEntryAt,
  withLoginEntry,
  withoutLoginEntries,
} from "./login-entries.ts";
import { dockerHub } from "../reference/image-reference.ts";
import { dockerHubKey, KeyedByRegistry } from "./stored-logins.ts";

/** Where logins are kept; nothing is read from the process. */
export interface LoginStoreOptions {
  /** docker's configuration directory */
  readonly directory: string;
  /** what credential helpers see (less the passphrases) */
  readonly env: Environment;
  readonly signal?: AbortSignal;
}

/** Where a login is kept. */
export interface LoginPlace {
  /** undefined for the file */
  readonly helper: string | undefined;
  readonly file: string;
}

/** Where a login went. */
export interface StoredLogin extends LoginPlace {
  /** false when the file had exactly this login */
  readonly isWritten: boolean;
}

/** The logins of one docker configuration. */
export class LoginStore {
  readonly #options: LoginStoreOptions;
  readonly #configuration: EditedConfiguration;

  /** @throws UsageError `FILE_UNREADABLE` */
  constructor(options: LoginStoreOptions) {
    this.#options = options;
    this.#configuration = new EditedConfiguration(options.directory);
  }

  /**
   * Checks that a login can be kept, before a password goes anywhere.
   *
   * @throws UsageError `FILE_UNREADABLE` for a file that is broken or whose logins have another type than docker's, `FILE_UNWRITABLE`
   */
  requireUsable(): void {
    const { content } = this.#configuration.read();
    helpersIn(this.#configuration.file, content);
    objectAt(this.#configuration.file, content, ["auths"]);
    this.#configuration.requireWritable();
  }

  /** Where a login for a key is kept. @throws UsageError `FILE_UNREADABLE` */
  placeOf(key: string): LoginPlace {
    const { file } = this.#configuration;
    return { file, helper: helperFor(helpersIn(file, this.#configuration.read().content), key) };
  }

  /**
   * Keeps a login under docker's key for its server. Beside a helper, the file keeps an empty entry, as docker has it.
   *
   * @throws UsageError `USAGE` when the helper fails, `FILE_UNREADABLE`, `FILE_UNWRITABLE`; TagsealError `CANCELLED`
   */
  async store(key: string, login: KeptLogin): Promise<StoredLogin> {
    const { file, helper } = this.placeOf(key);
    if (helper !== undefined) {
      const { storeInCredentialHelper } = await import("./credential-helper.ts");
      await storeInCredentialHelper(this.#helperCall(helper), key, login);
    }
    const entry = helper === undefined ? loginEntry(login) : {};
    const isWritten = await this.#configuration.change(
      (now) => (isSameEntry(loginEntryAt(file, now.content, key), entry) ? now.text : withLoginEntry(now, key, entry)),
      this.#options.signal,
    );
    return { helper, file, isWritten };
  }

  /**
   * Removes every login by which a reader would know the server: in the file, under each spelling of its name, and with each helper that may keep
   * one. What a helper cannot do stops nothing else.
   *
   * @param typed the server, as it was typed
   * @returns the keys that the file had
   * @throws UsageError `FILE_UNREADABLE`, `FILE_UNWRITABLE`; `USAGE` after everything else is done, when the helper of the server's own key
   *   failed; TagsealError `CANCELLED`
   */
  async erase(address: LoginAddress, typed: string): Promise<readonly string[]> {
    const { file } = this.#configuration;
    const { content } = this.#configuration.read();
    const helpers = helpersIn(file, content);
    const names = erasedKeys(typed);
    const failure = await this.#eraseFromHelpers(helpers, address, names);
    let removed: readonly string[] = [];
    await this.#configuration.change((now) => {
      removed = keysFor(objectAt(file, now.content, ["auths"]), address, names);
      return withoutLoginEntries(now, removed);
    }, this.#options.signal);
    if (failure !== undefined) throw failure;
    return removed;
  }

  async #eraseFromHelpers(
    helpers: Helpers,
    address: LoginAddress,
    names: readonly string[],
  ): Promise<TagsealError | undefined> {
    const spelled = keysFor(helpers.byKey, address, []).map((key) => [helpers.byKey[key], address.key] as const);
    const hub = address.registry === dockerHub ? [dockerHubKey] : [];
    const usual = [...new Set([address.key, ...hub, ...names])].map((key) => [helperFor(helpers, key), key] as const);
    let failure: TagsealError | undefined;
    const done = new Set<string>();
    for (const [helper, key] of [...usual, ...spelled]) {
      if (typeof helper !== "string" || helper === "" || done.has(`${helper} ${key}`)) continue;
      done.add(`${helper} ${key}`);
      const failed = await this.#eraseFromHelper(helper, key);
      if (key === address.key) failure ??= failed;
    }
    return failure;
  }

  async #eraseFromHelper(helper: string, key: string): Promise<TagsealError | undefined> {
    const { eraseFromCredentialHelper } = await import("./credential-helper.ts");
    try {
      await eraseFromCredentialHelper(this.#helperCall(helper), key);
      return undefined;
    } catch (error) {
      if (hasCode(error, "USAGE")) return error;
      throw error;
    }
  }

  #helperCall(name: string): { name: string; env: Environment; signal: AbortSignal | undefined } {
    return { name, env: this.#options.env, signal: this.#options.signal };
  }
}

interface Helpers {
  readonly byKey: JsonObject;
  readonly store: string | undefined;
}

function helpersIn(file: string, content: JsonObject): Helpers {
  return { byKey: objectAt(file, content, ["credHelpers"]), store: textAt(file, content, ["credsStore"]) };
}

/** docker's rule: the exact key, else the common store; an empty name means the file. */
function helperFor({ byKey, store }: Helpers, key: string): string | undefined {
  if (!Object.hasOwn(byKey, key)) return store;
  const name = byKey[key];
  return typeof name === "string" && name !== "" ? name : undefined;
}

/** The keys of an object that mean a server: by one of `names`, or as another spelling of its registry. */
function keysFor(object: JsonObject, { registry }: LoginAddress, names: readonly string[]): string[] {
  const entries = new Map(Object.entries(object));
  const spelled = new KeyedByRegistry(entries, "docker").matches({ registry }).map(([key]) => key);
  return [...new Set([...names.filter((name) => entries.has(name)), ...spelled])];
}
