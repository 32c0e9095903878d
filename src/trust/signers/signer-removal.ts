import { MetadataError } from "../../errors.ts";
import { listDelegations } from "../../tuf/lookup.ts";
import type { CollectionEditor } from "../../tuf/editor.ts";
import type { TrustedCollection } from "../../tuf/trusted-collection.ts";
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

  constructor(context: TrustContext, name: string, confirmLastSigner: () => Promise<boolean>) {
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
    if (isLastSigner(current, own) && !(await this.#isConfirmed())) return false;
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

/**
 * True when the released tags are valid now and not without these keys. Keys are compared by canonical ID: docker compares
 * certificate IDs with those and so never notices that a signer with a certificate is the last.
 */
function isLastSigner(collection: TrustedCollection, canonicalIds: readonly string[]): boolean {
  const releases = collection.delegations.get(releasesRole);
  const role = listDelegations(collection).find((delegation) => delegation.role.name === releasesRole);
  if (releases === undefined || role === undefined || releases.body.targets.size === 0) return false;
  const { keys } = collection.targets.body.delegations;
  const signedBy = new Set(releases.signatures.map(({ keyId }) => keyId));
  const left = (role.role.keyIds ?? []).filter(
    (id) => signedBy.has(id) && !canonicalIds.includes(canonicalOf(keys.get(id), id)),
  );
  return left.length < role.threshold;
}

function canonicalOf(key: { readonly canonicalKeyId: string } | undefined, tufId: string): string {
  return key?.canonicalKeyId ?? tufId;
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
