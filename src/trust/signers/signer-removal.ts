import { MetadataError, UsageError } from "../../errors.ts";
import { listDelegations } from "../../tuf/lookup.ts";
import type { CollectionEditor } from "../../tuf/editor.ts";
import type { TrustedCollection } from "../../tuf/trusted-collection.ts";
import { needsSignaturesOf } from "../delegations/declared-delegations.ts";
import type { CollectionChange } from "../publishing/publish.ts";
import { releasesRole } from "../reading/released-tags.ts";
import { signerRole } from "./signer-delegation.ts";
import type { TrustContext } from "../trust-context.ts";

/** The removal of one signer. */
export class SignerRemoval implements CollectionChange {
  readonly #context: TrustContext;
  readonly #name: string;
  readonly #confirmLastSigner: () => Promise<boolean>;
  #confirmed = false;
  #declined = false;
  #applied = false;
  #leavesNone = false;

  /** @throws UsageError `SIGNER_NAME_INVALID` for `releases` */
  constructor(context: TrustContext, name: string, confirmLastSigner: () => Promise<boolean>) {
    if (name === "releases")
      throw new UsageError("SIGNER_NAME_INVALID", "releases is a reserved keyword and cannot be removed");
    this.#context = context;
    this.#name = name;
    this.#confirmLastSigner = confirmLastSigner;
  }

  /** True when the question was answered no. */
  get declined(): boolean {
    return this.#declined;
  }

  /** True when no signer is left: without a signer's key no tag can be signed while there is a list of releases. */
  get leavesNoSigner(): boolean {
    return this.#leavesNone;
  }

  async apply(editor: CollectionEditor, current: TrustedCollection | undefined): Promise<boolean> {
    if (current === undefined) return false;
    if (this.#applied && this.isIn(current)) return false;
    const keyIds = this.#keyIds(current);
    // A key shared by two signers stays in releases for the other one.
    const own = keyIds.filter((id) => !isSharedKey(current, this.#name, id));
    if (needsSignaturesOf(current, releasesRole, own) && !(await this.#isConfirmed())) return false;
    this.#applied = true;
    this.#leavesNone = !listDelegations(current).some(
      ({ role }) => role.name !== releasesRole && role.name !== signerRole(this.#name),
    );
    if (own.length > 0 && declares(current, releasesRole)) editor.updateDelegation(releasesRole, { removeKeys: own });
    editor.removeDelegation(signerRole(this.#name));
    return true;
  }

  isIn(collection: TrustedCollection): boolean {
    return !declares(collection, signerRole(this.#name));
  }

  async #isConfirmed(): Promise<boolean> {
    this.#confirmed ||= await this.#confirmLastSigner();
    this.#declined = !this.#confirmed;
    return this.#confirmed;
  }

  #keyIds(current: TrustedCollection): readonly string[] {
    const signer = listDelegations(current).find(({ role }) => role.name === signerRole(this.#name));
    if (signer !== undefined) return signer.canonicalKeyIds;
    throw new MetadataError("SIGNER_UNKNOWN", `no signer ${this.#name} for repository ${this.#context.gun}`);
  }
}

function isSharedKey(collection: TrustedCollection, name: string, canonicalId: string): boolean {
  return listDelegations(collection).some(
    ({ role, canonicalKeyIds }) =>
      role.name !== releasesRole && role.name !== signerRole(name) && canonicalKeyIds.includes(canonicalId),
  );
}

function declares(collection: TrustedCollection, role: string): boolean {
  return collection.targets.body.delegations.roles?.some(({ name }) => name === role) ?? false;
}
