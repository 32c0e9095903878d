import type { PublicKey } from "../../crypto/public-key.ts";
import { hasCode, MetadataError } from "../../errors.ts";
import type { CollectionEditor, EditableCollection } from "../../tuf/editor.ts";
import { listDelegations } from "../../tuf/lookup.ts";
import type { RoleName, TargetsFile } from "../../tuf/metadata.ts";
import { parseMetadata } from "../../tuf/notary-v1/parse.ts";
import { isSignedBy } from "../../tuf/threshold.ts";
import type { TrustedCollection } from "../../tuf/trusted-collection.ts";
import type { HeldKeys } from "../publishing/held-keys.ts";
import type { CollectionChange } from "../publishing/publish.ts";
import { releasesRole } from "../reading/released-tags.ts";
import { addSignerTo, signerRole } from "./signer-delegation.ts";
import type { TrustContext } from "../trust-context.ts";

/** A signer to add, or keys to add to one. */
export interface NewSigner {
  readonly name: string;
  readonly keys: readonly PublicKey[];
  /** Those who approve it, and the server, count no version of a role that is not declared: such a role cannot start empty above its old one. */
  readonly isProposal?: boolean;
}

/**
 * The addition of one signer, or of keys to a signer.
 *
 * A server keeps the file of a removed signer, and what this signer alone released. Adding the same key again would bring all of that back
 * unasked. So such a role starts empty, above the version it had, if its key is here; otherwise the
 * user is warned about what comes back.
 */
export class SignerAddition implements CollectionChange {
  readonly #context: TrustContext;
  readonly #held: HeldKeys;
  readonly #name: string;
  readonly #keys: readonly PublicKey[];
  readonly #isProposal: boolean;
  #pasts: readonly TargetsFile[] = [];

  constructor(context: TrustContext, held: HeldKeys, { name, keys, isProposal = false }: NewSigner) {
    this.#context = context;
    this.#held = held;
    this.#name = name;
    this.#keys = keys;
    this.#isProposal = isProposal;
  }

  async prepare(current: TrustedCollection): Promise<EditableCollection> {
    const own = await this.#forgottenFile(current);
    const releases = current.invalidDelegations.get(releasesRole);
    const isReleasesUnsigned = hasCode(releases?.error, "METADATA_THRESHOLD_NOT_MET");
    this.#pasts = [own, isReleasesUnsigned ? releases?.file : undefined].filter((file) => file !== undefined);
    const invalidDelegations = new Map(current.invalidDelegations);
    for (const file of this.#pasts) invalidDelegations.set(file.role, { file, error: noLongerCounts(file.role) });
    return { ...current, invalidDelegations };
  }

  async apply(editor: CollectionEditor, current: TrustedCollection | undefined): Promise<boolean> {
    if (current !== undefined && this.isIn(current)) return false;
    addSignerTo(editor, this.#name, this.#keys);
    const canStartAnew = !this.#isProposal && (await this.#holdsOneOfTheKeys());
    for (const past of this.#pasts) {
      if (canStartAnew) startEmpty(editor, past.role);
      else if (past.body.targets.size > 0 && this.#isSignedByTheKeys(past)) this.#warnOfReturn(past);
    }
    return true;
  }

  isIn(collection: TrustedCollection): boolean {
    return [signerRole(this.#name), releasesRole].every((role) => this.#isDeclared(collection, role));
  }

  #isDeclared(collection: TrustedCollection, role: RoleName): boolean {
    const declared = listDelegations(collection).find((delegation) => delegation.role.name === role)?.role;
    if (declared?.paths?.includes("") !== true) return false;
    return this.#keys.every(({ keyId }) => declared.keyIds?.includes(keyId) === true);
  }

  /** The file that the server still has of a removed signer. */
  async #forgottenFile(current: TrustedCollection): Promise<TargetsFile | undefined> {
    const role = signerRole(this.#name);
    const meta = current.snapshot.body.meta.get(role);
    const sha256 = meta?.hashes.get("sha256");
    const isDeclared = current.targets.body.delegations.roles?.some(({ name }) => name === role) ?? false;
    if (meta === undefined || sha256 === undefined || isDeclared) return undefined;
    try {
      const bytes = await this.#context.repository.fetch(`${role}.${Buffer.from(sha256).toString("hex")}`, meta.length);
      return parseMetadata(role, bytes);
    } catch (error) {
      // Gone, or never readable: then nothing of it can come back.
      if (hasCode(error, "METADATA_MISSING") || error instanceof MetadataError) return undefined;
      throw error;
    }
  }

  async #holdsOneOfTheKeys(): Promise<boolean> {
    for (const key of this.#keys) {
      if (await this.#held.holds(key)) return true;
    }
    return false;
  }

  #isSignedByTheKeys(file: TargetsFile): boolean {
    const keys = new Map(this.#keys.map((key) => [key.keyId, key]));
    return isSignedBy(file, { keyIds: [...keys.keys()], threshold: 1 }, keys);
  }

  #warnOfReturn(past: TargetsFile): void {
    const { gun, notify } = this.#context;
    const tags = [...past.body.targets.keys()].sort();
    const shown = tags.slice(0, 10).join(", ") + (tags.length > 10 ? `, and ${tags.length - 10} more` : "");
    const message = `${this.#name} signed in ${past.role} of ${gun} before, and with the same key these entries count again: ${shown}`;
    notify({ kind: "warning", gun, message });
  }
}

/** A draft that is signed again with nothing in it. */
function startEmpty(editor: CollectionEditor, role: RoleName): void {
  const placeholder = "placeholder";
  editor.addTarget(role, placeholder, { hashes: new Map([["sha256", new Uint8Array(32)]]), length: 0 });
  editor.removeTarget(role, placeholder);
}

function noLongerCounts(role: RoleName): MetadataError {
  return new MetadataError("METADATA_THRESHOLD_NOT_MET", `${role} was signed by keys that no longer counted`);
}
