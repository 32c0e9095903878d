import { KeyStoreError } from "../../errors.ts";
import type { DriverOptions, KeyDriver } from "./key-driver.ts";

type OpenDriver = (options: DriverOptions) => Promise<KeyDriver>;

/** Each is loaded when a key of its scheme is used. */
const drivers: ReadonlyMap<string, OpenDriver> = new Map<string, OpenDriver>([
  ["exec", async (options) => new (await import("../exec/exec-driver.ts")).ExecDriver(options)],
  ["pkcs11", async (options) => new (await import("../pkcs11/pkcs11-driver.ts")).Pkcs11Driver(options)],
  ["vault", async (options) => new (await import("../vault/vault-driver.ts")).VaultDriver(options)],
]);

/** Longer URIs are refused unread. */
export const maxUriLength = 2048;

/**
 * The scheme of a key's URI, for which there is a driver.
 *
 * @throws KeyStoreError `KEY_URI_INVALID`; the message holds nothing of the URI but its scheme, since the rest may hold a secret
 */
export function keyScheme(uri: string): string {
  const scheme = /^([a-z][a-z0-9+.-]*):/.exec(uri)?.[1] ?? "";
  if (uri.length <= maxUriLength && drivers.has(scheme) && /^[\x21-\x7e]+$/.test(uri)) return scheme;
  const names = [...drivers.keys()].map((name) => `${name}:`).join(", ");
  const reason = drivers.has(scheme)
    ? `it has spaces, control characters or more than ${maxUriLength} characters`
    : `it does not begin with ${names}`;
  throw new KeyStoreError("KEY_URI_INVALID", `Cannot read the URI of a key: ${reason}`, {
    hint: "List the tokens and their URIs: tagseal trust key tokens",
  });
}

/** Opens drivers, one for each scheme, when their first key is used. */
export class KeyDrivers {
  readonly #options: DriverOptions;
  readonly #opened = new Map<string, Promise<KeyDriver>>();

  constructor(options: DriverOptions) {
    this.#options = options;
  }

  /** The driver for a URI. @throws as {@link keyScheme} */
  async for(uri: string): Promise<KeyDriver> {
    const scheme = keyScheme(uri);
    const opened = this.#opened.get(scheme) ?? drivers.get(scheme)?.(this.#options);
    if (opened === undefined) throw new KeyStoreError("KEY_URI_INVALID", `There is no driver for ${scheme}:`);
    this.#opened.set(scheme, opened);
    return await opened;
  }
}
