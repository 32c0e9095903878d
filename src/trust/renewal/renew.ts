import type { CollectionEditor } from "../../tuf/editor.ts";
import type { MetadataFile, RoleName, RoleVersion } from "../../tuf/metadata.ts";
import { targetsFileOf, type TrustedCollection } from "../../tuf/trusted-collection.ts";
import { HeldKeys } from "../publishing/held-keys.ts";
import { type CollectionChange, publishChange } from "../publishing/publish.ts";
import type { TrustContext } from "../trust-context.ts";
import { type EndingStatus, statusOfEndings } from "./expiry-status.ts";
import { expiredElsewhere } from "./expired-elsewhere.ts";
import { planRenewal, type RenewalWish } from "./renewal-plan.ts";
import { RenewedCertificates } from "./renewed-certificates.ts";

/** A role that was signed again. */
export interface RenewedRole extends RoleVersion {
  readonly expiresAt: Date;
}

/** The result of {@link renewCollection}. */
export interface RenewResult {
  /** empty: this machine has no key of the collection, and nothing was published */
  readonly renewed: readonly RenewedRole[];
  /** TUF IDs of new certificates for root keys: those who pin the old ones must pin these */
  readonly newRootCertificates: readonly string[];
  /** what is due, or has expired, and was not renewed: its keys are elsewhere */
  readonly remaining: readonly EndingStatus[];
  /** roles of which some keys are here, and too few to sign alone: their renewal can be proposed */
  readonly proposable: readonly RoleName[];
}

/**
 * Signs everything of a collection again that the keys here can sign, in one publication, also what has expired: targets, delegations, the
 * snapshot if its key is here, and the root if it or a certificate in it expires before the others will. Such a certificate is replaced
 * by one for the same key, as a rotation that the old certificate's key signs. Keys of roles that are not signed stay locked.
 *
 * @throws KeyStoreError `SIGNING_KEY_MISSING` when something has expired without which readers refuse the collection, and its keys are not
 *   here; `PASSPHRASE_WRONG`, `PASSPHRASE_UNAVAILABLE`
 * @throws MetadataError `REPOSITORY_NOT_SIGNED`, what an update can refuse; NetworkError as `publishChange`
 */
export async function renewCollection(context: TrustContext): Promise<RenewResult> {
  const held = new HeldKeys(context);
  const renewal = new Renewal(context, held);
  try {
    const { collection } = await publishChange(context, held, renewal, { initialise: false });
    return await renewal.resultIn(collection);
  } catch (error) {
    if (!(error instanceof NothingHeldError)) throw error;
    const { remaining, proposable } = error;
    return { renewed: [], newRootCertificates: [], remaining, proposable };
  }
}

/** Ends a publication that would be empty. */
class NothingHeldError extends Error {
  readonly remaining: readonly EndingStatus[];
  readonly proposable: readonly RoleName[];

  constructor(remaining: readonly EndingStatus[], proposable: readonly RoleName[]) {
    super("no key of the collection is here");
    this.remaining = remaining;
    this.proposable = proposable;
  }
}

/** Signs everything again that the keys here can sign; in a proposal, everything that has a key here. */
export class Renewal implements CollectionChange {
  readonly #context: TrustContext;
  readonly #held: HeldKeys;
  readonly #certificates: RenewedCertificates;
  readonly #isProposal: boolean;
  #before: ReadonlyMap<RoleName, number> = new Map();

  constructor(context: TrustContext, held: HeldKeys, { isProposal = false }: Omit<RenewalWish, "now"> = {}) {
    this.#context = context;
    this.#held = held;
    this.#isProposal = isProposal;
    this.#certificates = new RenewedCertificates(held, context.now);
  }

  async apply(editor: CollectionEditor, current: TrustedCollection | undefined): Promise<boolean> {
    if (current === undefined || (this.#before.size > 0 && this.isIn(current))) return false;
    const plan = await planRenewal(current, this.#held, { now: this.#context.now(), isProposal: this.#isProposal });
    if (plan.roles.length === 0) {
      if (this.#isProposal) return false;
      throw new NothingHeldError(await this.#remainingIn(current), await this.#proposableIn(current));
    }
    if (plan.blocked.length > 0) throw expiredElsewhere(plan.blocked, current.gun);
    for (const role of plan.witnessed) editor.witness(role);
    if (plan.certificates.length > 0)
      editor.rotateKey("root", await this.#certificates.replaceIn(editor.signersOf("root"), plan.certificates));
    else if (plan.roles.includes("root")) editor.renewRoot();
    this.#before = new Map(plan.roles.map((role) => [role, versionOf(current, role)]));
    return true;
  }

  /** Another publisher's newer file counts as well. */
  isIn(collection: TrustedCollection): boolean {
    return [...this.#before].every(([role, version]) => versionOf(collection, role) > version);
  }

  async resultIn(collection: TrustedCollection): Promise<RenewResult> {
    const renewed = [...this.#before.keys()].flatMap((role) => {
      const body = fileOf(collection, role)?.body;
      return body === undefined ? [] : { role, version: body.version, expiresAt: body.expiresAt };
    });
    const named = collection.root.body.roles.get("root")?.keyIds ?? [];
    return {
      renewed,
      newRootCertificates: this.#certificates.ids.filter((id) => named.includes(id)),
      remaining: await this.#remainingIn(collection),
      proposable: await this.#proposableIn(collection),
    };
  }

  async #proposableIn(collection: TrustedCollection): Promise<readonly RoleName[]> {
    const now = this.#context.now();
    const alone = await planRenewal(collection, this.#held, { now });
    const together = await planRenewal(collection, this.#held, { now, isProposal: true });
    return together.roles.filter((role) => !alone.roles.includes(role));
  }

  async #remainingIn(collection: TrustedCollection): Promise<readonly EndingStatus[]> {
    const endings = await statusOfEndings(this.#context, collection, {});
    return endings.filter(({ state }) => state !== "ok");
  }
}

function versionOf(collection: TrustedCollection, role: RoleName): number {
  const file = fileOf(collection, role) ?? collection.invalidDelegations.get(role)?.file;
  return file?.body.version ?? 0;
}

function fileOf(collection: TrustedCollection, role: RoleName): MetadataFile | undefined {
  if (role === "root" || role === "snapshot") return collection[role];
  return targetsFileOf(collection, role);
}
