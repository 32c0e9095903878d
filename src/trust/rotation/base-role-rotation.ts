import type { PublicKey } from "../../crypto/public-key.ts";
import { KeyStoreError, MetadataError } from "../../errors.ts";
import type { CollectionEditor } from "../../tuf/editor.ts";
import type { BaseRole, ServerRole } from "../../tuf/metadata.ts";
import { isServerRole } from "../../tuf/role-name.ts";
import { countDistinct } from "../../tuf/threshold.ts";
import type { TrustedCollection } from "../../tuf/trusted-collection.ts";
import { certificateFor } from "../publishing/root-certificates.ts";
import { baseRoleSigners, keysOf } from "../../tuf/role-signers.ts";
import { missingKeysHint } from "../../tuf/role-signing.ts";
import { keysToAdd, keysToReplace, type NamedKey, namedKey, namedKeys } from "./replaced-keys.ts";
import { KeyReplacement, outcomeOf } from "./key-replacement.ts";
import type { RoleRotation, RotationOutcome, RotationTools } from "./role-rotation.ts";

/** New keys for a base role, or another threshold, named by a new root. */
export class BaseRoleRotation implements RoleRotation {
  readonly #role: BaseRole;
  readonly #tools: RotationTools;
  readonly #wantedHolder: "publisher" | "server" | undefined;
  readonly replacesServerKeys: boolean;
  #holder: "publisher" | "server" = "publisher";
  readonly #replacement: KeyReplacement;
  #threshold = 1;

  /** @param holder who gets the key; undefined: who has it now */
  constructor(role: BaseRole, holder: "publisher" | "server" | undefined, tools: RotationTools) {
    this.#role = role;
    this.#tools = tools;
    this.#replacement = new KeyReplacement(tools);
    this.#wantedHolder = holder;
    this.replacesServerKeys = isServerRole(role);
  }

  get result(): RotationOutcome {
    return this.#replacement.outcome(this.#holder);
  }

  async apply(editor: CollectionEditor, current: TrustedCollection | undefined): Promise<boolean> {
    if (current === undefined || this.isIn(current)) return false;
    await this.#requireRootKey(current);
    this.#holder = await this.#holderOf(current);
    const named = this.#named(current);
    this.#threshold = this.#tools.threshold ?? thresholdIn(current, this.#role);
    this.#replacement.early = await this.#settled(current, named);
    if (this.#replacement.early !== undefined) return false;
    this.#replacement.oldKeys = await this.#toReplace(named);
    this.#replacement.newKeys ??= await this.#findKeys(current, named);
    const keys = [...this.#kept(current), ...this.#replacement.newKeys];
    editor.rotateKey(this.#role, keys, this.#threshold);
    await this.#requireSigners(keys);
    return true;
  }

  isIn(collection: TrustedCollection): boolean {
    if (this.#replacement.early !== undefined) return true;
    const ids = this.#named(collection).map(({ keyId }) => keyId);
    const isReached = this.#replacement.isIn(ids);
    return isReached && thresholdIn(collection, this.#role) === this.#threshold;
  }

  /** Nothing is replaced where only the threshold changes. */
  async #toReplace(named: readonly NamedKey[]): Promise<readonly NamedKey[]> {
    if (this.#holder === "server") return named;
    if (this.#isThresholdOnly) return [];
    const { replace, newKeys, context } = this.#tools;
    const given = await newKeys.given();
    return keysToReplace(named, { replace, given }, { gun: context.gun, role: this.#role });
  }

  get #isThresholdOnly(): boolean {
    const { threshold, replace, newKeys } = this.#tools;
    return threshold !== undefined && replace === undefined && !newKeys.areGiven;
  }

  /** Checked before the user is asked for the passphrase of a new key that could not be used. */
  async #requireRootKey({ root, gun }: TrustedCollection): Promise<void> {
    const roleKeys = root.body.roles.get("root") ?? { keyIds: null, threshold: 1 };
    const threshold = this.#tools.isProposal === true ? 1 : roleKeys.threshold;
    const keys = keysOf({ roleKeys, keys: root.body.keys });
    const held = await this.#tools.held.heldOf(keys);
    if (countDistinct(held) >= threshold) return;
    const what = threshold === 1 ? "no root key is" : `fewer than ${threshold} root keys are`;
    const message = `cannot rotate the ${this.#role} key of ${gun}: ${what} on this machine`;
    const ids = keys.map((key) => namedKey(key).canonicalId).join(", ");
    const one = `Every rotation is signed by the root key. Load it, or ask its owner. Its ID: ${ids}. If it is lost: tagseal trust recover --lost root ${gun}`;
    throw new MetadataError("SIGNING_KEY_MISSING", message, {
      hint: threshold === 1 ? one : missingKeysHint(keys, held, threshold),
    });
  }

  /** The new root, or the first targets file after it, is signed by the new keys at the new threshold: some may be colleagues'. */
  async #requireSigners(keys: readonly PublicKey[]): Promise<void> {
    if (this.#holder === "server" || this.#tools.isProposal === true) return;
    const held = await this.#tools.held.heldOf(keys);
    if (countDistinct(held) >= this.#threshold) return;
    if (this.#threshold === 1) throw notHere(keys[0]?.canonicalKeyId ?? "");
    const { gun } = this.#tools.context;
    const message = `cannot change the keys of ${this.#role} of ${gun}: the new keys sign as well, and fewer than ${this.#threshold} of them are on this machine`;
    throw new MetadataError("SIGNING_KEY_MISSING", message, { hint: missingKeysHint(keys, held, this.#threshold) });
  }

  /** A snapshot key stays with its holder unless the user says otherwise. */
  async #holderOf({ root }: TrustedCollection): Promise<"publisher" | "server"> {
    if (!isServerRole(this.#role)) return "publisher";
    if (this.#wantedHolder !== undefined) return this.#wantedHolder;
    const roleKeys = root.body.roles.get(this.#role) ?? { keyIds: null, threshold: 1 };
    return (await this.#tools.held.holdsOneOf(roleKeys, root.body.keys)) ? "publisher" : "server";
  }

  /**
   * The root key again makes a new certificate for it, so only a choice of what to replace, or of the threshold, shows that nothing is left
   * to do.
   */
  async #settled(current: TrustedCollection, named: readonly NamedKey[]): Promise<RotationOutcome | undefined> {
    const { threshold, replace } = this.#tools;
    const hasThreshold = thresholdIn(current, this.#role) === this.#threshold;
    if (this.#isThresholdOnly) return hasThreshold ? outcomeOf("unchanged", this.#holder, noKeys) : undefined;
    const before = await this.#replacement.publishedBefore(named, this.#holder);
    if (before !== undefined || this.#holder === "server") return before;
    if (!hasThreshold || (this.#role === "root" && replace === undefined && threshold === undefined)) return undefined;
    return await this.#replacement.unchanged(named, this.#holder);
  }

  async #findKeys(current: TrustedCollection, named: readonly NamedKey[]): Promise<readonly PublicKey[]> {
    const { context, newKeys } = this.#tools;
    if (this.#holder === "server") return [await context.repository.rotateKey(this.#role as ServerRole)];
    if (this.#isThresholdOnly) return [];
    const use = this.#role === "root" ? { role: this.#role } : { role: this.#role, gun: context.gun };
    const replaced = this.#replacement.oldKeys.map(({ canonicalId }) => canonicalId);
    const given = await newKeys.given();
    if (given !== undefined) return await this.#usable(keysToAdd(given, named, this.#replacement.oldKeys), current);
    return await this.#usable(await newKeys.made(use, replaced), current);
  }

  /** The keys as the role names them: for root, in certificates, which the present root keys issue for colleagues. */
  async #usable(keys: readonly PublicKey[], { root }: TrustedCollection): Promise<readonly PublicKey[]> {
    const { context, held } = this.#tools;
    if (this.#role !== "root") return keys;
    const issuers = keysOf(baseRoleSigners(root, "root"));
    const usable: PublicKey[] = [];
    // One after the other: each may ask for a passphrase.
    for (const key of keys) {
      const certificate = await certificateFor(context, held, { key, issuers });
      if (certificate === undefined) throw notHere(key.keyId);
      usable.push(certificate);
    }
    return usable;
  }

  #kept({ root }: TrustedCollection): readonly PublicKey[] {
    const gone = this.#replacement.oldKeys.map(({ keyId }) => keyId);
    const ids = root.body.roles.get(this.#role)?.keyIds ?? [];
    return ids
      .filter((id) => !gone.includes(id))
      .map((id) => root.body.keys.get(id))
      .filter((key) => key !== undefined);
  }

  #named({ root }: TrustedCollection): readonly NamedKey[] {
    return namedKeys(root.body.roles.get(this.#role), root.body.keys);
  }
}

const noKeys = { news: [], old: [] };

function thresholdIn({ root }: TrustedCollection, role: BaseRole): number {
  return root.body.roles.get(role)?.threshold ?? 1;
}

function notHere(keyId: string): KeyStoreError {
  return new KeyStoreError("KEY_NOT_FOUND", `the private key of ${keyId} is not on this machine`, {
    hint: "Give the file with the private key, or load it first: tagseal trust key load FILE",
  });
}
