/** Hands collections over at once, for an operator who has both the new server's data and the publisher's root key. */

import { pathToFileURL } from "node:url";
import type { Environment } from "../environment/environment.ts";
import { UsageError } from "../errors.ts";
import type { PassphraseSource } from "../keys/passphrase.ts";
import { type DirectAccess, openDirectAccess } from "../server/run/direct-access.ts";
import type { StorageOptions } from "../server/run/server-parts.ts";
import { isDatabaseUrl, parseDatabaseAddress } from "../server/storage/sql/database-address.ts";
import { handOver, type HandOverResult } from "../trust/recovery/hand-over.ts";
import { openTrustContext } from "../trust/open-trust-context.ts";
import type { TrustEventHandler } from "../trust/trust-event.ts";
import { ServerDataRepository } from "./server-data-repository.ts";

/** Where the keys are on either side. */
export interface LocalHandOver {
  /** the new server's store and keys */
  readonly data: StorageOptions;
  /** holds `trust/` with the root key */
  readonly dockerConfigDir: string;
  readonly env: Environment;
  readonly passphrases: PassphraseSource;
  readonly notify: TrustEventHandler;
  readonly now: () => Date;
  readonly signal: AbortSignal;
}

/**
 * Opens the new server's data while `use` hands collections over to its keys.
 *
 * @throws as `openDirectAccess` and {@link handOver}
 */
export async function withLocalHandOver<T>(
  options: LocalHandOver,
  use: (handOverOf: (gun: string) => Promise<HandOverResult>) => Promise<T>,
): Promise<T> {
  const access = await openDirectAccess({ ...options.data, now: options.now });
  try {
    return await use(async (gun) => await handOverOne(gun, options, access));
  } finally {
    await access.close();
  }
}

async function handOverOne(gun: string, options: LocalHandOver, access: DirectAccess): Promise<HandOverResult> {
  const [registry = "", ...path] = gun.split("/");
  if (path.length === 0) throw new UsageError("REFERENCE_INVALID", `${gun} is not a repository of a registry`);
  const reference = { registry, repository: path.join("/"), tag: undefined, digest: undefined };
  const repository = new ServerDataRepository({ access, gun, url: placeOf(options.data) });
  const context = await openTrustContext({ ...options, reference, repository });
  try {
    return await handOver(context);
  } finally {
    context.close();
  }
}

function placeOf({ database, dataDir = "" }: StorageOptions): string {
  const place = database ?? dataDir;
  return isDatabaseUrl(place) ? parseDatabaseAddress(place).display : pathToFileURL(place).href;
}
