/** Which keys of a server the roots of its collections name, and for what. */

import type { RootFile, ServerRole } from "../tuf/metadata.ts";
import type { NotaryKey } from "./notary-signer-database.ts";

/** How a root uses a key of the server. */
export interface KeyUse {
  readonly gun: string;
  readonly role: ServerRole;
  /** named by the newest root: without it nothing more can be published */
  readonly isCurrent: boolean;
}

const serverRoles: readonly ServerRole[] = ["timestamp", "snapshot"];

/** Which keys the collections of a move use: built from their roots, queried while their keys are imported. */
export class KeyUses {
  readonly #uses = new Map<string, KeyUse[]>();

  /** Records the server's keys in the roots of one collection, oldest first. */
  add(gun: string, roots: readonly RootFile[]): void {
    for (const root of roots) {
      for (const role of serverRoles) {
        for (const keyId of root.body.roles.get(role)?.keyIds ?? [])
          this.#note(keyId, { gun, role, isCurrent: root === roots.at(-1) });
      }
    }
  }

  /** The uses of a key. Any publisher may name a key of another collection in a root, so there may be several. */
  find(keyId: string): readonly KeyUse[] {
    return this.#uses.get(keyId) ?? [];
  }

  /** Keys that must exist: only a server can make timestamps. A snapshot key may be the publisher's own. */
  *required(): Generator<KeyUse & { readonly keyId: string }> {
    for (const [keyId, uses] of this.#uses) {
      for (const use of uses) if (use.isCurrent && use.role === "timestamp") yield { keyId, ...use };
    }
  }

  #note(keyId: string, use: KeyUse): void {
    const others = this.find(keyId).filter(({ gun, role }) => gun !== use.gun || role !== use.role);
    this.#uses.set(keyId, [...others, use]);
  }
}

/** A key serves the purpose in its row or, without one, the collection that names it. */
export function mayServe({ gun, role }: Pick<NotaryKey, "gun" | "role">, use: KeyUse): boolean {
  return gun === "" || (gun === use.gun && role === use.role);
}
