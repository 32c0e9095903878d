import { hasCode, UsageError } from "../../errors.ts";
import { type Digest, digestAlgorithm, digestHex } from "../../reference/digest.ts";
import type { CollectionEditor } from "../../tuf/editor.ts";
import type { RoleName, Target } from "../../tuf/metadata.ts";
import { targetsFileOf, type TrustedCollection } from "../../tuf/trusted-collection.ts";
import { HeldKeys } from "./held-keys.ts";
import { type CollectionChange, publishChange } from "./publish.ts";
import { digestOf, releasedEntryOf, releasesRole } from "../reading/released-tags.ts";
import { signableRoles } from "./signable-roles.ts";
import { addSignerTo, checkSignerName, signerRole } from "../signers/signer-delegation.ts";
import type { TrustContext } from "../trust-context.ts";

/** Tags to sign, or what comes to be them: it is waited for while the collection is read. */
export type ExpectedTags = readonly TagToSign[] | Promise<readonly TagToSign[]>;

/** One tag to bind to one digest. */
export interface TagToSign {
  readonly tag: string;
  readonly digest: Digest;
  /** size of the manifest in bytes */
  readonly length: number;
}

/** How {@link signTags} treats a repository without signatures. */
export interface SignOptions {
  /**
   * `targets` (default): initialise, and sign with the new repository key, as `docker push` does.
   * A signer name: initialise, add that signer with its local key (made if there is none), and sign as the signer, as `docker trust sign` does.
   * `false`: refuse with `REPOSITORY_NOT_SIGNED`.
   */
  readonly initialise?: "targets" | { readonly signer: string } | false;
}

/** What was signed, in the requested order. */
export interface SignResult {
  readonly initialised: boolean;
  readonly signed: readonly SignedInRoles[];
}

/** A tag and the roles that now bind it to the digest. */
export interface SignedInRoles {
  readonly tag: string;
  readonly digest: Digest;
  readonly roles: readonly RoleName[];
}

/**
 * Signs tags in one publish. Returns only after the server acknowledged and the result was read back and verified.
 *
 * @throws UsageError `REFERENCE_INVALID` for a digest other than sha256, `SIGNER_NAME_INVALID`
 * @throws MetadataError `SIGNING_KEY_MISSING` when no key here may sign for a tag; `REPOSITORY_NOT_SIGNED`; what an update can refuse
 * @throws KeyStoreError `PASSPHRASE_WRONG`, `PASSPHRASE_UNAVAILABLE`
 * @throws NetworkError `PUBLISH_CONFLICT`, `PUBLISH_UNCONFIRMED`, `TRUST_SERVER_REFUSED`
 */
export async function signTags(
  context: TrustContext,
  tags: readonly TagToSign[],
  options: SignOptions = {},
): Promise<SignResult> {
  return await signExpectedTags(context, tags, options);
}

/** As {@link signTags}, with tags that may still be looked up. What they are rejected with is thrown before anything is made. */
export async function signExpectedTags(
  context: TrustContext,
  tags: ExpectedTags,
  options: SignOptions = {},
): Promise<SignResult> {
  const { initialise = "targets" } = options;
  if (typeof initialise === "object") checkSignerName(initialise.signer);
  // What it is rejected with is thrown where it is awaited, unless something else fails first.
  if (tags instanceof Promise) tags.catch(() => undefined);
  else requireSha256Of(tags);
  const held = new HeldKeys(context);
  const change = new TagSigning(context, held, tags, initialise === false ? "targets" : initialise);
  const { collection, initialised } = await publishChange(context, held, change, { initialise: initialise !== false });
  if (initialised !== undefined && typeof initialise === "object") announceSigner(context, initialise.signer);
  for (const signed of change.signed) report(context, signed, collection);
  return { initialised: initialised !== undefined, signed: change.signed };
}

/** The change that signs tags; what it signed is known once it was applied. */
export class TagSigning implements CollectionChange {
  readonly #context: TrustContext;
  readonly #held: HeldKeys;
  readonly #expected: ExpectedTags;
  #tags: readonly TagToSign[] = [];
  readonly #initialise: "targets" | { readonly signer: string };
  #signed: SignedInRoles[] = [];
  #announced = false;

  constructor(
    context: TrustContext,
    held: HeldKeys,
    expected: ExpectedTags,
    initialise: "targets" | { readonly signer: string },
  ) {
    this.#context = context;
    this.#held = held;
    this.#expected = expected;
    this.#initialise = initialise;
  }

  get signed(): readonly SignedInRoles[] {
    return this.#signed;
  }

  /** @throws UsageError `REFERENCE_INVALID` for a digest other than sha256 */
  readonly ready = async (): Promise<void> => {
    this.#tags = await this.#expected;
    requireSha256Of(this.#tags);
  };

  async apply(editor: CollectionEditor, current: TrustedCollection | undefined): Promise<boolean> {
    await this.ready();
    const initialRoles = current === undefined ? await this.#initialRoles(editor) : undefined;
    this.#signed = [];
    let changed = false;
    for (const { tag, digest, length } of this.#tags) {
      const roles = initialRoles ?? (current === undefined ? [] : await signableRoles(current, tag, this.#held));
      this.#signed.push({ tag, digest, roles });
      for (const role of roles) changed = editor.addTarget(role, tag, targetOf(digest, length)) || changed;
    }
    this.#announce(current);
    return changed;
  }

  isIn(collection: TrustedCollection): boolean {
    return this.#signed.every(({ tag, digest, roles }) =>
      roles.every((role) => isSigned(collection, role, tag, digest)),
    );
  }

  async #initialRoles(editor: CollectionEditor): Promise<RoleName[]> {
    if (this.#initialise === "targets") return ["targets"];
    const { signer } = this.#initialise;
    const { publicKey } = await this.#held.keptOrMade({ role: signer }, [signerRole(signer)]);
    addSignerTo(editor, signer, [publicKey]);
    return [signerRole(signer), releasesRole];
  }

  /** Once, before the first passphrase is asked for. */
  #announce(current: TrustedCollection | undefined): void {
    if (this.#announced) return;
    this.#announced = true;
    if (current !== undefined) this.#warnOfRestarts(current);
    for (const signing of this.#signed) {
      const existing = current === undefined ? undefined : releasedEntryOf(current, signing.tag);
      this.#context.notify({ kind: "signing", gun: this.#context.gun, ...signing, existing });
    }
  }

  /** Entries signed by keys that were since removed are not kept. */
  #warnOfRestarts(current: TrustedCollection): void {
    const { gun, notify } = this.#context;
    for (const role of new Set(this.#signed.flatMap(({ roles }) => roles))) {
      const invalid = current.invalidDelegations.get(role);
      const count = invalid?.file.body.targets.size ?? 0;
      if (count === 0 || !hasCode(invalid?.error, "METADATA_THRESHOLD_NOT_MET")) continue;
      notify({ kind: "warning", gun, message: startsEmpty(role, count) });
    }
  }
}

/** The warning about entries that a role loses because keys that no longer count signed them. */
export function startsEmpty(role: RoleName, count: number): string {
  return `${role} was last signed by keys that no longer count: it starts empty, without the ${count === 1 ? "entry" : `${count} entries`} it had`;
}

/** The warning about a tag that is signed where clients do not look. */
export function notReleased({
  gun,
  tag,
  roles,
}: Pick<SignedInRoles, "tag" | "roles"> & { readonly gun: string }): string {
  return `${gun}:${tag} is signed by ${roles.join(", ")}, but clients do not take it from there: it is not in ${releasesRole}`;
}

/** Only the sha256 of the manifest, as docker writes it, so that every signer writes the same entry. */
function targetOf(digest: Digest, length: number): Target {
  return { hashes: new Map([["sha256", Buffer.from(digestHex(digest), "hex")]]), length };
}

function isSigned(collection: TrustedCollection, role: RoleName, tag: string, digest: Digest): boolean {
  const target = targetsFileOf(collection, role)?.body.targets.get(tag);
  return target !== undefined && digestOf(target) === digest;
}

function requireSha256Of(tags: readonly TagToSign[]): void {
  for (const { digest } of tags) requireSha256(digest);
}

/** Requires a digest that content trust can bind. @throws UsageError `REFERENCE_INVALID` for another algorithm */
export function requireSha256(digest: Digest): void {
  if (digestAlgorithm(digest) === "sha256") return;
  throw new UsageError("REFERENCE_INVALID", `cannot sign ${digest}: content trust binds tags to sha256 digests`);
}

function announceSigner(context: TrustContext, signer: string): void {
  context.notify({ kind: "signer-added", gun: context.gun, signer });
}

function report(context: TrustContext, signed: SignedInRoles, collection: TrustedCollection): void {
  const { gun, notify } = context;
  if (releasedEntryOf(collection, signed.tag)?.digest !== signed.digest) {
    notify({ kind: "warning", gun, message: notReleased({ gun, ...signed }) });
  }
  notify({ kind: "signed", gun, ...signed });
}
