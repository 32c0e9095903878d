import type { PublicKey } from "../../crypto/public-key.ts";
import { hasCode, MetadataError } from "../../errors.ts";
import type { CollectionEditor, EditableCollection } from "../../tuf/editor.ts";
import { listDelegations } from "../../tuf/lookup.ts";
import type { RoleName, TargetsFile } from "../../tuf/metadata.ts";
import { isSignedBy } from "../../tuf/threshold.ts";
import type { TrustedCollection } from "../../tuf/trusted-collection.ts";
import type { HeldKeys } from "../publishing/held-keys.ts";
import type { CollectionChange } from "../publishing/publish.ts";
import { releasesRole } from "../reading/released-tags.ts";
import { entriesReturn, forgottenFile } from "./forgotten-file.ts";
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
    const own = await forgottenFile(this.#context, current, signerRole(this.#name));
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
    notify({ kind: "warning", gun, message: entriesReturn(past, gun) });
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
