/** Carrying the signer's keys over, still sealed, and proving that those in use can be opened here. */

import { PrivateKey } from "../../crypto/private-key.ts";
import { PublicKey } from "../../crypto/public-key.ts";
import { TagsealError } from "../../errors.ts";
import type { MetadataFile, RootBody } from "../../tuf/metadata.ts";
import { gunFault } from "../http/gun.ts";
import type { KeyTable } from "../signer/key-table.ts";
import { openSecret } from "../signer/sealed-secret.ts";
import type { ServerRole } from "../signer/signing-service.ts";
import { type MoveProblem, problemOf } from "./move-report.ts";
import type { NotaryKey, NotarySignerDatabase } from "./notary-database.ts";

/** What a root says about a key of the server. */
interface KeyUse {
  readonly gun: string;
  readonly role: ServerRole;
  /** named by the newest root: without it nothing can be published any more */
  readonly isCurrent: boolean;
}

/** One passphrase name and how much depends on it. */
export interface AliasReport {
  readonly alias: string;
  readonly keys: number;
  /** a passphrase was given */
  readonly isKnown: boolean;
}

/** What became of the keys. */
export interface KeysReport {
  /** keys now here, of the source's */
  readonly keys: number;
  /** of these, those that the newest root of a collection names, each opened once */
  readonly inUse: number;
  readonly aliases: readonly AliasReport[];
  readonly problems: readonly MoveProblem[];
}

/** Finds the passphrase with a name; undefined when none was given. */
export type AliasPassphrases = (alias: string) => string | undefined;

const serverRoles: readonly ServerRole[] = ["timestamp", "snapshot"];
const pageSize = 500;

/** Which keys the collections of a move use: fed with their roots, asked while their keys are carried over. */
export class KeyUses {
  readonly #uses = new Map<string, KeyUse>();

  /** Notes what the roots of one collection, oldest first, say about the server's roles. */
  add(gun: string, roots: readonly MetadataFile<RootBody>[]): void {
    for (const root of roots) {
      for (const role of serverRoles) {
        for (const keyId of root.body.roles.get(role)?.keyIds ?? [])
          this.#uses.set(keyId, { gun, role, isCurrent: root === roots.at(-1) });
      }
    }
  }

  find(keyId: string): KeyUse | undefined {
    return this.#uses.get(keyId);
  }

  /** Keys that must be there: only a server can make timestamps. A snapshot key may be the publisher's own. */
  *required(): Generator<KeyUse & { readonly keyId: string }> {
    for (const [keyId, use] of this.#uses) if (use.isCurrent && use.role === "timestamp") yield { keyId, ...use };
  }
}

/**
 * Carries all keys over and opens those in use. A key that cannot be carried or opened is told, and the rest goes on.
 *
 * @throws TagsealError `STORAGE_FAILED` when either side cannot be read or written
 */
export async function importKeys(
  source: NotarySignerDatabase,
  table: KeyTable,
  uses: KeyUses,
  passphrases: AliasPassphrases,
): Promise<KeysReport> {
  const keyImport = new KeyImport(table, uses, passphrases);
  for (let after = 0; ;) {
    const page = await source.keys(after, pageSize);
    for (const key of page) await keyImport.move(key);
    const last = page.at(-1);
    if (last === undefined || page.length < pageSize) return keyImport.report();
    after = last.id;
  }
}

class KeyImport {
  readonly #table: KeyTable;
  readonly #uses: KeyUses;
  readonly #passphrases: AliasPassphrases;
  readonly #problems: MoveProblem[] = [];
  readonly #aliases = new Map<string, number>();
  /** keys in use that cannot be opened for want of a passphrase, by alias */
  readonly #locked = new Map<string, number>();
  readonly #moved = new Set<string>();
  #inUse = 0;

  constructor(table: KeyTable, uses: KeyUses, passphrases: AliasPassphrases) {
    this.#table = table;
    this.#uses = uses;
    this.#passphrases = passphrases;
  }

  async move(key: NotaryKey): Promise<void> {
    const use = this.#uses.find(key.keyId);
    const fault = faultOf(key, use);
    if (fault !== undefined) return void this.#refuse(key, fault);
    // rows from before signers noted it: the root that names the key says what it is for
    const { gun, role } = use ?? { gun: key.gun, role: serverRoleOf(key.role) };
    await this.#table.insertKey({ ...key, gun, role });
    this.#moved.add(key.keyId);
    this.#aliases.set(key.alias, (this.#aliases.get(key.alias) ?? 0) + 1);
    if (use?.isCurrent === true) await this.#prove(key);
  }

  report(): KeysReport {
    for (const { keyId, gun, role } of this.#uses.required()) {
      if (this.#moved.has(keyId)) continue;
      const message = `the ${role} key ${keyId} of ${gun} is not in the signer's database: nothing can be published to it`;
      this.#problems.push({ code: "SIGNING_KEY_MISSING", message });
    }
    for (const [alias, keys] of this.#locked) {
      const message = `${passphraseVariable(alias)} is not set: ${keys} keys in use are sealed under it and could not be tried`;
      this.#problems.push({ code: "PASSPHRASE_UNAVAILABLE", message });
    }
    const aliases = [...this.#aliases].map(([alias, keys]) => ({
      alias,
      keys,
      isKnown: this.#passphrases(alias) !== undefined,
    }));
    return { keys: this.#moved.size, inUse: this.#inUse, aliases, problems: this.#problems };
  }

  async #prove(key: NotaryKey): Promise<void> {
    this.#inUse += 1;
    const passphrase = this.#passphrases(key.alias);
    if (passphrase === undefined) return void this.#locked.set(key.alias, (this.#locked.get(key.alias) ?? 0) + 1);
    try {
      const secret = await openSecret(key.sealed, passphrase);
      const opened = key.algorithm === "ed25519" ? PrivateKey.fromNotaryEd25519(secret) : PrivateKey.fromSec1(secret);
      if (opened.publicKey.keyId !== key.keyId)
        throw new TagsealError("KEY_MALFORMED", "the private key is not the one its public key belongs to");
    } catch (error) {
      this.#problems.push(problemOf(error, `key ${key.keyId}, sealed under ${passphraseVariable(key.alias)}`));
    }
  }

  #refuse(key: NotaryKey, fault: string): void {
    this.#problems.push({ code: "KEY_MALFORMED", message: `key ${printableId(key)} was not imported: ${fault}` });
  }
}

/** The variable that Notary's signer reads a passphrase from. */
export function passphraseVariable(alias: string): string {
  return `NOTARY_SIGNER_${alias.toUpperCase()}`;
}

function faultOf(key: NotaryKey, use: KeyUse | undefined): string | undefined {
  if (key.sealed.length === 0 || key.publicKey.length === 0) return "its row is empty, or too long for a key";
  if (!["ecdsa", "ed25519", "rsa"].includes(key.algorithm)) return `its algorithm is ${JSON.stringify(key.algorithm)}`;
  if (new PublicKey(key.algorithm, key.publicKey).keyId !== key.keyId) return "its ID is not that of its public key";
  if (use === undefined && key.gun !== "" && gunFault(key.gun) !== undefined)
    return "it is for a name that no collection may have";
  if (use !== undefined && key.gun !== "" && (key.gun !== use.gun || key.role !== use.role))
    return `it was made for ${key.role} of ${JSON.stringify(key.gun)}, and ${use.role} of ${use.gun} uses it`;
  return undefined;
}

function serverRoleOf(role: string): ServerRole {
  return role === "snapshot" ? "snapshot" : "timestamp";
}

function printableId({ keyId }: NotaryKey): string {
  return /^[0-9a-f]{1,64}$/u.test(keyId) ? keyId : JSON.stringify(keyId);
}
