import type { PublicKey } from "../../crypto/public-key.ts";
import { MetadataError } from "../../errors.ts";
import type { CollectionEditor } from "../../tuf/editor.ts";
import { listDelegations, type ListedDelegation } from "../../tuf/lookup.ts";
import type { RoleKeys, RoleName, TargetsFile } from "../../tuf/metadata.ts";
import { isDirectChild, parentOf } from "../../tuf/role-name.ts";
import { keysOf } from "../../tuf/role-signers.ts";
import { missingKeysHint } from "../../tuf/role-signing.ts";
import { countDistinct, isSignedBy } from "../../tuf/threshold.ts";
import type { TrustedCollection } from "../../tuf/trusted-collection.ts";
import { expiredDelegations } from "../renewal/endings.ts";
import { releasesRole, signerName } from "../reading/released-tags.ts";
import { keysToReplace, type NamedKey, namedKeys } from "./replaced-keys.ts";
import { KeyReplacement } from "./key-replacement.ts";
import type { RoleRotation, RotationOutcome, RotationTools } from "./role-rotation.ts";

/**
 * New keys for a delegation, and in the list of releases for the keys that they replace.
 *
 * What the old key alone signed counts no longer. So the roles are signed again in the same publication, by the new key if it is here.
 */
export class SignerRotation implements RoleRotation {
  readonly #role: RoleName;
  readonly #tools: RotationTools;
  readonly #isForced: boolean;
  readonly #replacement: KeyReplacement;
  #roles: readonly RoleName[];

  /** @param isForced also when readers lose what the old key signed until its owner signs again */
  constructor(role: RoleName, isForced: boolean, tools: RotationTools) {
    this.#role = role;
    this.#tools = tools;
    this.#replacement = new KeyReplacement(tools);
    this.#isForced = isForced;
    this.#roles = [role];
  }

  get result(): RotationOutcome {
    return this.#replacement.outcome("signer");
  }

  async apply(editor: CollectionEditor, current: TrustedCollection | undefined): Promise<boolean> {
    if (current === undefined || this.isIn(current)) return false;
    const { newKeys, replace, context } = this.#tools;
    const named = this.#named(current);
    await this.#requireParentKey(current);
    this.#replacement.early =
      (await this.#replacement.publishedBefore(named, "signer")) ??
      (await this.#replacement.unchanged(named, "signer"));
    if (this.#replacement.early !== undefined) return false;
    const given = await newKeys.given();
    this.#replacement.oldKeys = keysToReplace(named, { replace, given }, { gun: context.gun, role: this.#role });
    const gone = this.#replacement.oldKeys.map(({ canonicalId }) => canonicalId);
    this.#replacement.newKeys ??= (await newKeys.given()) ?? (await newKeys.made({ role: keyRole(this.#role) }, gone));
    this.#roles = [this.#role, ...(this.#isToChangeReleases(current) ? [releasesRole] : [])];
    for (const role of this.#roles)
      editor.updateDelegation(role, { addKeys: this.#replacement.newKeys, removeKeys: gone });
    for (const role of this.#roles) await this.#signAgain(editor, current, role);
    return true;
  }

  isIn(collection: TrustedCollection): boolean {
    if (this.#replacement.early !== undefined) return true;
    return this.#roles.every((role) => this.#replacement.isIn(declared(collection, role)?.role.keyIds ?? []));
  }

  #named(current: TrustedCollection): readonly NamedKey[] {
    const role = declared(current, this.#role)?.role;
    if (role !== undefined)
      return namedKeys(role, declaringFile(current, this.#role)?.body.delegations.keys ?? new Map());
    const known = listDelegations(current).map((delegation) => delegation.role.name);
    const isBase = this.#role === "targets/repository" || this.#role === "targets/repo";
    const list = known.length === 0 ? "It has none." : `It has ${known.join(", ")}.`;
    throw new MetadataError("SIGNER_UNKNOWN", `no signer ${signerName(this.#role)} for repository ${current.gun}`, {
      hint: isBase ? "The role of the repository key is targets." : list,
    });
  }

  /** Checked before the user is asked for the passphrase of a new key that could not be used. */
  async #requireParentKey(current: TrustedCollection): Promise<void> {
    const parent = parentOf(this.#role);
    const roleKeys = parent === "targets" ? current.root.body.roles.get(parent) : declared(current, parent)?.role;
    const keys = parent === "targets" ? current.root.body.keys : declaringFile(current, parent)?.body.delegations.keys;
    const parentKeys = roleKeys === undefined || keys === undefined ? [] : keysOf({ roleKeys, keys });
    const held = await this.#tools.held.heldOf(parentKeys);
    const threshold = roleKeys?.threshold ?? 1;
    if (countDistinct(held) >= threshold) return;
    const whose = parent === "targets" ? "the repository key is" : `the key of ${parent} is`;
    const what = threshold === 1 ? `${whose} not` : `fewer than ${threshold} keys of ${parent} are`;
    const one = `Load the key that signs ${parent}, or ask its owner to run this command.`;
    throw new MetadataError("SIGNING_KEY_MISSING", `cannot rotate the key of ${this.#role}: ${what} on this machine`, {
      hint: threshold === 1 ? one : missingKeysHint(parentKeys, held, threshold),
    });
  }

  /** A key that another signer has too stays in the list of releases for that one. */
  #isToChangeReleases(current: TrustedCollection): boolean {
    if (!isDirectChild("targets", this.#role)) return false;
    const isReplaced = (id: string): boolean => this.#replacement.oldKeys.some(({ canonicalId }) => canonicalId === id);
    const others = listDelegations(current).filter(
      ({ role }) => role.name !== this.#role && isDirectChild("targets", role.name),
    );
    const releases = others.find(({ role }) => role.name === releasesRole);
    const shared = others.filter(({ role }) => role.name !== releasesRole);
    return (
      releases?.canonicalKeyIds.some(isReplaced) === true &&
      !shared.some(({ canonicalKeyIds }) => canonicalKeyIds.some(isReplaced))
    );
  }

  async #signAgain(editor: CollectionEditor, current: TrustedCollection, role: RoleName): Promise<void> {
    const file = current.delegations.get(role) ?? expiredDelegations(current).find((expired) => expired.role === role);
    if (file === undefined) return;
    const { roleKeys, keys } = this.#keysAfter(current, role);
    if (await this.#canSign(roleKeys, keys)) editor.witness(role);
    else if (!isSignedBy(file, roleKeys, keys)) this.#lose(file);
  }

  #keysAfter(current: TrustedCollection, role: RoleName): { roleKeys: RoleKeys; keys: Map<string, PublicKey> } {
    const delegation = declared(current, role)?.role;
    const gone = this.#replacement.oldKeys.map(({ keyId }) => keyId);
    const kept = (delegation?.keyIds ?? []).filter((id) => !gone.includes(id));
    const keys = new Map(declaringFile(current, role)?.body.delegations.keys);
    for (const key of this.#replacement.newKeys ?? []) keys.set(key.keyId, key);
    const keyIds = [...new Set([...kept, ...(this.#replacement.newKeys ?? []).map(({ keyId }) => keyId)])];
    return { roleKeys: { keyIds, threshold: delegation?.threshold ?? 1 }, keys };
  }

  async #canSign(roleKeys: RoleKeys, keys: ReadonlyMap<string, PublicKey>): Promise<boolean> {
    return (await this.#tools.held.countHeld(keysOf({ roleKeys, keys }))) >= roleKeys.threshold;
  }

  #lose(file: TargetsFile): void {
    const { gun, notify } = this.#tools.context;
    const name = signerName(this.#role);
    const lost = `readers lose the ${file.body.targets.size} tags of ${file.role} until ${name} signs it again`;
    const again = `tagseal trust witness ${gun} ${this.#role} ${releasesRole}`;
    if (this.#isForced) {
      notify({ kind: "warning", gun, message: `${lost}: on the machine with the new key, ${again}` });
      return;
    }
    const message = `${file.role} of ${gun} is signed by the old key, and the new private key is not on this machine: ${lost}`;
    throw new MetadataError("SIGNING_KEY_MISSING", message, {
      hint: `Add the new key first: tagseal trust signer add --key KEY.pub ${name} ${gun}. Then run on the machine that has it: ${again}. Then repeat this command; --force replaces the key at once.`,
    });
  }
}

/** docker keeps a signer's private key under the signer's name. */
function keyRole(role: RoleName): string {
  return isDirectChild("targets", role) ? signerName(role) : role;
}

function declared(collection: TrustedCollection, role: RoleName): ListedDelegation | undefined {
  return listDelegations(collection).find((delegation) => delegation.role.name === role);
}

function declaringFile(collection: TrustedCollection, role: RoleName): TargetsFile | undefined {
  const parent = parentOf(role);
  return parent === "targets" ? collection.targets : collection.delegations.get(parent);
}
