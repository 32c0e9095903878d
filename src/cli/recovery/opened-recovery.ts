/** The keys, places and settings of one `trust recover`. */
import type { PublicKey } from "../../crypto/public-key.ts";
import { UsageError } from "../../errors.ts";
import type { KeyStore } from "../../keys/key-store.ts";
import { withGivenKeys, withoutKeys } from "../../keys/given-keys.ts";
import type { PassphraseSource } from "../../keys/passphrase.ts";
import type { AccidentPlan } from "../../trust/accidents/accident.ts";
import type { RepairTools } from "../../trust/accidents/accident-repair.ts";
import type { RoleName } from "../../tuf/metadata.ts";
import type { Io } from "../io.ts";
import { chosenKeys } from "../open/chosen-keys.ts";
import { trustDirectoryOf } from "../open/directories.ts";
import { openSpare, type SpareKey, withSpare } from "../open/spare-key.ts";
import { openKeyFiles, openKeyStore } from "../open/user-keys.ts";
import { keyUseOf } from "../rotation/rotate-one.ts";
import { madeIn } from "../rotation/rotate-everywhere-here.ts";

/** What the command line says of keys. */
export interface RecoveryKeyFlags {
  readonly spare: string | undefined;
  readonly key: readonly string[];
  readonly "remove-old": boolean;
  readonly force: boolean;
}

/** Keys for planning and for repairing. */
export class OpenedRecovery {
  readonly #io: Io;
  readonly #flags: RecoveryKeyFlags;
  readonly #passphrases: PassphraseSource;
  readonly #store: KeyStore;
  readonly #spare: SpareKey | undefined;
  #rootKey: Promise<PublicKey> | undefined;

  private constructor(io: Io, flags: RecoveryKeyFlags, opened: Opened) {
    this.#io = io;
    this.#flags = flags;
    this.#passphrases = opened.passphrases;
    this.#store = opened.store;
    this.#spare = opened.spare;
  }

  /** @throws UsageError `USAGE` for a spare without its private key; and as `openSpare` */
  static async open(io: Io, flags: RecoveryKeyFlags, passphrases: PassphraseSource): Promise<OpenedRecovery> {
    const store = await openKeyStore(io, { passphrases });
    const spare = flags.spare === undefined ? undefined : await openSpare(flags.spare, { io, passphrases, store });
    if (spare?.kind === "public")
      throw new UsageError("USAGE", `${spare.location} has no private key, and the spare must sign`, {
        hint: "Give the file with the private key of the spare.",
      });
    return new OpenedRecovery(io, flags, { passphrases, store, spare });
  }

  /** canonical ID of the spare */
  get spareId(): string | undefined {
    return this.#spare?.publicKey.canonicalKeyId;
  }

  /** The keys of this machine and the spare. */
  get keys(): KeyStore {
    return this.#spare === undefined ? this.#store : withSpare(this.#store, this.#spare);
  }

  /** The same without keys that are lost: a file of one whose passphrase is lost must not be asked for. */
  keysFor({ lostKeyIds }: AccidentPlan): KeyStore {
    return withoutKeys(this.keys, lostKeyIds);
  }

  /**
   * What a repair of the real collection works with: keys that are made or named are kept on this machine.
   *
   * @param role whose keys `--key` names
   */
  async tools(gun: string, keys: KeyStore, role: RoleName): Promise<RepairTools> {
    const { mentionsOfKey } = await import("../../trust/trust-directory/key-mentions.ts");
    const directory = trustDirectoryOf(this.#io);
    return {
      force: this.#flags.force,
      rootKey: async (replaced) => await (this.#rootKey ??= this.#newRootKey(replaced, keys)),
      ...(this.#flags.key.length === 0 ? {} : { keys: async () => await this.#chosen(keyUseOf(role, gun)) }),
      memoryOf: await this.memoryOf(gun),
      ...(this.#flags["remove-old"] ? { removeOld: (keyId: string) => mentionsOfKey(directory, keyId) } : {}),
    };
  }

  /** What this machine remembers of rotations of a collection that did not end. */
  async memoryOf(gun: string): Promise<RepairTools["memoryOf"]> {
    const { RotationFile } = await import("../../trust/trust-directory/rotation-file.ts");
    return (role) => RotationFile.ofRole(trustDirectoryOf(this.#io), gun, role);
  }

  /** Keys that `--key` names, for a rehearsal: nothing is added to the keys of this machine. */
  async givenForRehearsal(): Promise<readonly SpareKey[]> {
    const opened: SpareKey[] = [];
    const sources = { io: this.#io, passphrases: this.#passphrases, store: this.#store };
    for (const word of this.#flags.key) opened.push(await openSpare(word, sources));
    return opened;
  }

  async #newRootKey(replaced: readonly string[], keys: KeyStore): Promise<PublicKey> {
    const [chosen] = await this.#chosen({ role: "root" });
    if (chosen !== undefined) return chosen;
    const { successorOf } = await import("../../trust/rotation/rotate-everywhere.ts");
    const { RotationFile } = await import("../../trust/trust-directory/rotation-file.ts");
    return await successorOf(
      replaced[0] ?? "",
      { role: "root" },
      {
        keys,
        make: async (use) => await madeIn(keys, use),
        memoryOf: (keyId) => RotationFile.ofKey(trustDirectoryOf(this.#io), keyId),
      },
    );
  }

  async #chosen(use: { readonly role: string; readonly gun?: string }): Promise<readonly PublicKey[]> {
    const files = async () => await openKeyFiles(this.#io, this.#passphrases);
    return await chosenKeys(this.#flags.key, { store: this.#store, files, use, now: this.#io.now() });
  }
}

interface Opened {
  readonly passphrases: PassphraseSource;
  readonly store: KeyStore;
  readonly spare: SpareKey | undefined;
}

/** Keys of a rehearsal, with those that `--key` names. */
export function withOpened(store: KeyStore, opened: readonly SpareKey[]): KeyStore {
  const given = opened.flatMap(({ signingKey, location }) =>
    signingKey === undefined ? [] : [{ key: signingKey, role: "root", location }],
  );
  return withGivenKeys(store, given);
}
