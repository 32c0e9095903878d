import { PublicKey } from "../../crypto/public-key.ts";
import { createRootCertificate } from "../../crypto/root-certificate.ts";
import { KeyStoreError, MetadataError } from "../../errors.ts";
import type { CollectionEditor } from "../../tuf/editor.ts";
import type { BaseRole, ServerRole } from "../../tuf/metadata.ts";
import { isServerRole } from "../../tuf/role-name.ts";
import type { TrustedCollection } from "../../tuf/trusted-collection.ts";
import { checkedCertificate } from "../publishing/root-choice.ts";
import { keysToReplace, type NamedKey, namedKey, namedKeys } from "./replaced-keys.ts";
import {
  areReplaced,
  outcomeOf,
  publishedBefore,
  type RoleRotation,
  type RotationOutcome,
  type RotationTools,
  unchanged,
} from "./role-rotation.ts";

/** New keys for a base role, named by a new root. */
export class BaseRoleRotation implements RoleRotation {
  readonly #role: BaseRole;
  readonly #tools: RotationTools;
  readonly #wantedHolder: "publisher" | "server" | undefined;
  readonly replacesServerKeys: boolean;
  #holder: "publisher" | "server" = "publisher";
  #newKeys: readonly PublicKey[] | undefined;
  #replaced: readonly NamedKey[] = [];
  #early: RotationOutcome | undefined;

  /** @param holder who gets the key; undefined: who has it now */
  constructor(role: BaseRole, holder: "publisher" | "server" | undefined, tools: RotationTools) {
    this.#role = role;
    this.#tools = tools;
    this.#wantedHolder = holder;
    this.replacesServerKeys = isServerRole(role);
  }

  get result(): RotationOutcome {
    const news = (this.#newKeys ?? []).map(namedKey);
    return this.#early ?? outcomeOf("rotated", this.#holder, { news, old: this.#replaced });
  }

  async apply(editor: CollectionEditor, current: TrustedCollection | undefined): Promise<boolean> {
    if (current === undefined || this.isIn(current)) return false;
    await this.#requireRootKey(current);
    this.#holder = await this.#holderOf(current);
    const named = this.#named(current);
    this.#early = await this.#settled(named);
    if (this.#early !== undefined) return false;
    const { replace } = this.#tools;
    this.#replaced =
      this.#holder === "server" ? named : keysToReplace(named, replace, { gun: current.gun, role: this.#role });
    this.#newKeys ??= await this.#findKeys();
    editor.rotateKey(this.#role, [...this.#kept(current), ...this.#newKeys]);
    return true;
  }

  isIn(collection: TrustedCollection): boolean {
    if (this.#early !== undefined) return true;
    const ids = this.#named(collection).map(({ keyId }) => keyId);
    return areReplaced(ids, this.#replaced, this.#newKeys);
  }

  /** Checked before the user is asked for the passphrase of a new key that could not be used. */
  async #requireRootKey({ root, gun }: TrustedCollection): Promise<void> {
    const { keyIds, threshold } = root.body.roles.get("root") ?? { keyIds: null, threshold: 1 };
    const keys = (keyIds ?? []).map((id) => root.body.keys.get(id)).filter((key) => key !== undefined);
    if ((await this.#tools.held.countHeld(keys)) >= threshold) return;
    const what = threshold === 1 ? "no root key is" : `fewer than ${threshold} root keys are`;
    const message = `cannot rotate the ${this.#role} key of ${gun}: ${what} on this machine`;
    const ids = keys.map((key) => namedKey(key).canonicalId).join(", ");
    throw new MetadataError("SIGNING_KEY_MISSING", message, {
      hint: `Every rotation is signed by the root key. Load it, or ask its owner. Its ID: ${ids}.`,
    });
  }

  /** A snapshot key stays with its holder unless the user says otherwise. */
  async #holderOf({ root }: TrustedCollection): Promise<"publisher" | "server"> {
    if (!isServerRole(this.#role)) return "publisher";
    if (this.#wantedHolder !== undefined) return this.#wantedHolder;
    const roleKeys = root.body.roles.get(this.#role) ?? { keyIds: null, threshold: 1 };
    return (await this.#tools.held.holdsOneOf(roleKeys, root.body.keys)) ? "publisher" : "server";
  }

  /** The root key again makes a new certificate for it, so only a choice of what to replace shows that nothing is left to do. */
  async #settled(named: readonly NamedKey[]): Promise<RotationOutcome | undefined> {
    const before = await publishedBefore(this.#tools, named, this.#holder);
    if (before !== undefined || this.#holder === "server") return before;
    if (this.#role === "root" && this.#tools.replace === undefined) return undefined;
    return await unchanged(this.#tools, named, this.#holder);
  }

  async #findKeys(): Promise<readonly PublicKey[]> {
    const { context, newKeys } = this.#tools;
    if (this.#holder === "server") return [await context.repository.rotateKey(this.#role as ServerRole)];
    const use = this.#role === "root" ? { role: this.#role } : { role: this.#role, gun: context.gun };
    const replaced = this.#replaced.map(({ canonicalId }) => canonicalId);
    const keys = (await newKeys.given()) ?? (await newKeys.made(use, replaced));
    return await Promise.all(keys.map(async (key) => await this.#usable(key)));
  }

  /** A key that can sign for the role; for root, its certificate. */
  async #usable(key: PublicKey): Promise<PublicKey> {
    const { context, held } = this.#tools;
    if (this.#role === "root" && key.isX509) return checkedCertificate(key, context.gun, context.now());
    const signingKey = await held.signingKey(key);
    if (signingKey === undefined)
      throw new KeyStoreError("KEY_NOT_FOUND", `the private key of ${key.keyId} is not on this machine`, {
        hint: "Give the file with the private key, or load it first: tagseal trust key load FILE",
      });
    if (this.#role !== "root") return key;
    return PublicKey.fromCertificatePem(await createRootCertificate(signingKey, context.gun, context.now()));
  }

  #kept({ root }: TrustedCollection): readonly PublicKey[] {
    const gone = this.#replaced.map(({ keyId }) => keyId);
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
