/** What every publication repairs: the root and its certificates, without which readers accept nothing that it publishes. */

import { isExpired } from "../../tuf/expiry.ts";
import type { CollectionEditor } from "../../tuf/editor.ts";
import type { RoleName } from "../../tuf/metadata.ts";
import { hasRootExpired } from "../../tuf/root-trust.ts";
import type { TrustedCollection } from "../../tuf/trusted-collection.ts";
import type { HeldKeys } from "../publishing/held-keys.ts";
import type { TrustContext } from "../trust-context.ts";
import { certificateEndings } from "./endings.ts";
import { baseRoleSigners, keysOf, type RoleSigners } from "../../tuf/role-signers.ts";
import { expiredElsewhere } from "./expired-elsewhere.ts";
import { RenewedCertificates } from "./renewed-certificates.ts";

/** The repair of one publication, applied after its change, as often as a conflict makes it start again. */
export class Repair {
  readonly #context: TrustContext;
  readonly #held: HeldKeys;
  readonly #certificates: RenewedCertificates;

  constructor(context: TrustContext, held: HeldKeys) {
    this.#context = context;
    this.#held = held;
    this.#certificates = new RenewedCertificates(held, context.now);
  }

  /**
   * Adds to the draft what the change did not repair itself. The editor signs expired files by itself.
   *
   * @returns false when there was nothing to add
   * @throws KeyStoreError `SIGNING_KEY_MISSING` when something has expired without which readers refuse the collection, and its keys are not
   *   here: before any passphrase is asked for
   */
  async addTo(editor: CollectionEditor, current: TrustedCollection): Promise<boolean> {
    const now = this.#context.now();
    const isRootExpired = hasRootExpired(current.root, { gun: current.gun, now });
    const blocked: { readonly role: RoleName; readonly signers: RoleSigners }[] = [];
    const require = async (role: RoleName, signers: RoleSigners): Promise<void> => {
      if ((await this.#held.countHeld(keysOf(signers))) < signers.roleKeys.threshold) blocked.push({ role, signers });
    };
    if (isRootExpired) await require("root", baseRoleSigners(current.root, "root"));
    if (isExpired(current.targets.body, now)) await require("targets", editor.signersOf("targets"));
    if (blocked.length > 0) throw expiredElsewhere(blocked, current.gun);
    return isRootExpired && (await this.#renewCertificates(editor, now));
  }

  /** Tells those who pin certificates. */
  report(collection: TrustedCollection): void {
    const { gun, notify } = this.#context;
    const named = collection.root.body.roles.get("root")?.keyIds ?? [];
    for (const id of this.#certificates.ids.filter((made) => named.includes(made))) {
      notify({ kind: "warning", gun, message: newCertificate(id) });
    }
  }

  async #renewCertificates(editor: CollectionEditor, now: Date): Promise<boolean> {
    const signers = editor.signersOf("root");
    const ended = certificateEndings(signers).filter(({ expiresAt }) => expiresAt < now);
    const renewable = ended.filter(({ certificate }) => certificate.isSelfIssued);
    const held = [];
    for (const { certificate } of renewable) if (await this.#held.holds(certificate.key)) held.push(certificate);
    const usable = keysOf(signers).length - (ended.length - held.length);
    if (usable < signers.roleKeys.threshold) throw expiredElsewhere([{ role: "root", signers }], this.#context.gun);
    if (held.length > 0) editor.rotateKey("root", await this.#certificates.replaceIn(signers, held));
    return held.length > 0;
  }
}

/** The warning about a root certificate, by its TUF ID, in the place of another for the same key. */
export function newCertificate(id: string): string {
  return `the root key has a new certificate, ${id}: readers that pin the old one need it for their first contact`;
}
