/**
 * Moves a signer's keys from one passphrase to another: every seal under another alias than the default is replaced. A key is replaced only if it is
 * unchanged since it was read, so that this may run beside servers, beside itself, and again after an interruption.
 */

import { TagsealError } from "../../errors.ts";
import { isElsewhere, type KeyTable, type Sealed, type SealedKey } from "./key-table.ts";
import { aliasesInUse, openKey, sealUnderDefault, unseal } from "./signer-keys.ts";
import type { SignerPassphrases } from "./signer-passphrases.ts";
import { requirePassphrases } from "./given-passphrases.ts";

/** How to rekey. */
export interface RekeyOptions {
  /** stays open */
  readonly table: KeyTable;
  /** of every alias in use, and of the default alias, the target of all seals */
  readonly passphrases: SignerPassphrases;
  /** opens every key and changes none */
  readonly isDryRun?: boolean | undefined;
}

/** What was done, or what a dry run would do. */
export interface RekeyReport {
  readonly isDryRun: boolean;
  readonly defaultAlias: string;
  /** how many keys were resealed, by the alias they had */
  readonly resealed: ReadonlyMap<string, number>;
  /** keys in tokens or by services, which no passphrase seals */
  readonly elsewhere: number;
  /** keys that were under the default alias already */
  readonly upToDate: number;
  readonly isSecretResealed: boolean;
  /** keys that were not changed because they do not open, and why */
  readonly failed: readonly { readonly keyId: string; readonly alias: string; readonly error: TagsealError }[];
  /** passphrases that are still needed, by a key that failed or that a server has sealed meanwhile */
  readonly aliasesStillNeeded: readonly string[];
}

const pageSize = 200;

/**
 * Reseals everything.
 *
 * @throws KeyStoreError `PASSPHRASE_UNAVAILABLE`, before anything is changed, when the passphrase of an alias in use or of
 *   the default alias is missing; `PASSPHRASE_WRONG` when the derivation secret does not open
 * @throws TagsealError `STORAGE_FAILED`; keys resealed before the failure stay resealed
 */
export async function rekey(options: RekeyOptions): Promise<RekeyReport> {
  const { table, passphrases, isDryRun = false } = options;
  await checkAliases(table, passphrases);
  const isSecretResealed = await resealSecret(options);
  const counts = {
    resealed: new Map<string, number>(),
    upToDate: 0,
    elsewhere: 0,
    failed: [] as RekeyReport["failed"][number][],
  };
  for await (const key of allKeys(table)) {
    try {
      if (isElsewhere(key)) counts.elsewhere += 1;
      else if (!(await resealKey(key, options))) counts.upToDate += 1;
      else counts.resealed.set(key.alias, (counts.resealed.get(key.alias) ?? 0) + 1);
    } catch (error) {
      // A damaged key must not stop the resealing of the others; the report names it.
      if (!(error instanceof TagsealError) || error.code === "STORAGE_FAILED") throw error;
      counts.failed.push({ keyId: key.keyId, alias: key.alias, error });
    }
  }
  const { defaultAlias } = passphrases;
  const stillNeeded = isDryRun ? [] : (await aliasesInUse(table)).filter((alias) => !isSame(alias, defaultAlias));
  return { isDryRun, defaultAlias, isSecretResealed, ...counts, aliasesStillNeeded: stillNeeded };
}

async function checkAliases(table: KeyTable, passphrases: SignerPassphrases): Promise<void> {
  const inUse = await aliasesInUse(table);
  requirePassphrases(passphrases, [...inUse, passphrases.defaultAlias], inUse);
}

async function* allKeys(table: KeyTable): AsyncGenerator<SealedKey> {
  for (let page = await table.keys("", pageSize); page.length > 0;) {
    yield* page;
    page = await table.keys(page.at(-1)?.keyId ?? "", pageSize);
  }
}

async function resealSecret({ table, passphrases, isDryRun }: RekeyOptions): Promise<boolean> {
  const kept = await table.derivationSecret();
  if (kept === undefined) return false;
  const secret = await unseal(kept, passphrases);
  if (isSame(kept.alias, passphrases.defaultAlias)) return false;
  return isDryRun === true || table.resealDerivationSecret(kept, await sealChecked(secret, passphrases));
}

/** @returns false when it is under the default alias already, or was removed or resealed meanwhile */
async function resealKey(key: SealedKey, { table, passphrases, isDryRun }: RekeyOptions): Promise<boolean> {
  await openKey(key, passphrases);
  if (isSame(key.alias, passphrases.defaultAlias)) return false;
  if (isDryRun === true) return true;
  return table.resealKey(key.keyId, key, await sealChecked(await unseal(key, passphrases), passphrases));
}

/** The old seal is about to be destroyed: the new one must open. */
async function sealChecked(secret: Uint8Array, passphrases: SignerPassphrases): Promise<Sealed> {
  const seal = await sealUnderDefault(secret, passphrases);
  if (Buffer.from(secret).equals(await unseal(seal, passphrases))) return seal;
  throw new TagsealError("INTERNAL", "A new seal does not open to what was sealed");
}

function isSame(alias: string, other: string): boolean {
  return alias.toUpperCase() === other.toUpperCase();
}
