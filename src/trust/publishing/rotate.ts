import { isServerRole } from "../../tuf/role-name.ts";
import { PublicKey } from "../../crypto/public-key.ts";
import { createRootCertificate } from "../../crypto/root-certificate.ts";
import { MetadataError } from "../../errors.ts";
import type { CollectionEditor } from "../../tuf/editor.ts";
import type { BaseRole } from "../../tuf/metadata.ts";
import type { TrustedCollection } from "../../tuf/trusted-collection.ts";
import { HeldKeys } from "./held-keys.ts";
import { type CollectionChange, publishChange } from "./publish.ts";
import type { TrustContext } from "../trust-context.ts";

/** The keys a role has after a rotation. */
export interface RotateResult {
  readonly role: BaseRole;
  /** TUF key IDs: for `root` those of certificates */
  readonly newKeyIds: readonly string[];
  readonly oldKeyIds: readonly string[];
}

/**
 * Replaces the keys of a base role: a new key here for `root` and `targets`, a new key of the server for `timestamp` and `snapshot`.
 * Old private keys are kept: after an unacknowledged rotation the user must still be able to sign, and old root keys sign the new root.
 *
 * A key of the server is replaced even if the timestamp has expired: the key may be lost.
 *
 * @throws MetadataError `REPOSITORY_NOT_SIGNED`; `SIGNING_KEY_MISSING` without the root key
 * @throws NetworkError as `publishChange`
 * @see Notary v1: key rotation
 */
export async function rotateKey(context: TrustContext, role: BaseRole): Promise<RotateResult> {
  const held = new HeldKeys(context);
  const rotation = new KeyRotation(role, held, async () => await newKey(context, held, role));
  await publishChange(context, held, rotation, { initialise: false });
  return { role, ...rotation.keyIds };
}

class KeyRotation implements CollectionChange {
  readonly #role: BaseRole;
  readonly #held: HeldKeys;
  readonly #makeKey: () => Promise<PublicKey>;
  #key: PublicKey | undefined;
  #oldKeyIds: readonly string[] = [];

  constructor(role: BaseRole, held: HeldKeys, makeKey: () => Promise<PublicKey>) {
    this.#role = role;
    this.#held = held;
    this.#makeKey = makeKey;
  }

  get keyIds(): Pick<RotateResult, "newKeyIds" | "oldKeyIds"> {
    return { newKeyIds: this.#key === undefined ? [] : [this.#key.keyId], oldKeyIds: this.#oldKeyIds };
  }

  get replacesServerKeys(): boolean {
    return isServerRole(this.#role);
  }

  async apply(editor: CollectionEditor, current: TrustedCollection | undefined): Promise<boolean> {
    if (current === undefined || this.isIn(current)) return false;
    await this.#requireRootKey(current);
    this.#oldKeyIds = current.root.body.roles.get(this.#role)?.keyIds ?? [];
    // One key, however often a conflict makes the publication start again.
    this.#key ??= await this.#makeKey();
    editor.rotateKey(this.#role, [this.#key]);
    return true;
  }

  /** Checked before the user is asked for the passphrase of a new key that could not be used. */
  async #requireRootKey({ root }: TrustedCollection): Promise<void> {
    const roleKeys = root.body.roles.get("root") ?? { keyIds: null, threshold: 1 };
    if (await this.#held.holdsOneOf(roleKeys, root.body.keys)) return;
    throw new MetadataError(
      "SIGNING_KEY_MISSING",
      `cannot rotate the ${this.#role} key: no root key is on this machine`,
      {
        hint: "Every rotation is signed by the root key. Load it, or ask its owner.",
      },
    );
  }

  isIn(collection: TrustedCollection): boolean {
    const { keyIds } = collection.root.body.roles.get(this.#role) ?? { keyIds: [] };
    return this.#key !== undefined && keyIds?.length === 1 && keyIds[0] === this.#key.keyId;
  }
}

async function newKey(context: TrustContext, held: HeldKeys, role: BaseRole): Promise<PublicKey> {
  if (isServerRole(role)) return await context.repository.rotateKey(role);
  if (role === "targets") return (await held.make({ role, gun: context.gun })).publicKey;
  const key = await held.make({ role });
  return PublicKey.fromCertificatePem(await createRootCertificate(key, context.gun, context.now()));
}
