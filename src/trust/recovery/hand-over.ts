import type { ServerRole } from "../../tuf/metadata.ts";
import type { PublicKey } from "../../crypto/public-key.ts";
import { MetadataError } from "../../errors.ts";
import type { CollectionEditor } from "../../tuf/editor.ts";
import type { TrustedCollection } from "../../tuf/trusted-collection.ts";
import { notSigned } from "../reading/collection-reading.ts";
import { readForWriting } from "../reading/reading-for-writing.ts";
import { HeldKeys } from "../publishing/held-keys.ts";
import { type CollectionChange, publishChange } from "../publishing/publish.ts";
import type { TrustContext } from "../trust-context.ts";

/** What a hand-over changed. */
export interface HandOverResult {
  /** roles that now have the new server's keys; none when they had them already */
  readonly roles: readonly ServerRole[];
}

/**
 * Hands the server keys of a moved collection over to its new server, when the former server's keys did not move: one root names its
 * keys for the timestamp, and for the snapshot unless that is signed here. Both at once, because with one alone no server could complete
 * the publication. Readers notice nothing: the root's own keys stay, and versions continue to rise. An expired timestamp is accepted
 * when its keys are lost.
 *
 * @throws MetadataError `REPOSITORY_NOT_SIGNED`; `SIGNING_KEY_MISSING` without the root key; what an update can refuse
 * @throws NetworkError as `publishChange`
 * @see Notary v1: key rotation
 */
export async function handOver(context: TrustContext): Promise<HandOverResult> {
  const held = new HeldKeys(context);
  // A preview: publishing reads again and reports problems.
  const collection = await readForWriting({ ...context, notify: () => undefined }, { replacesServerKeys: true });
  if (collection === undefined) throw notSigned(context);
  const wanted = await foreignRoles(context, held, collection);
  if (wanted.size === 0) {
    // A server that has its keys can sign: an expired timestamp is then refused as always.
    await readForWriting(context);
    return { roles: [] };
  }
  await requireRootKey(held, collection);
  const change = new HandOver(wanted);
  await publishChange(context, held, change, { initialise: false });
  return { roles: [...wanted.keys()] };
}

/** The roles that another server signs, with this server's keys for them. A server answers with the key it holds, if the root names it. */
async function foreignRoles(
  { repository }: TrustContext,
  held: HeldKeys,
  { root }: TrustedCollection,
): Promise<ReadonlyMap<ServerRole, PublicKey>> {
  const wanted = new Map<ServerRole, PublicKey>();
  for (const role of ["timestamp", "snapshot"] as const) {
    const roleKeys = root.body.roles.get(role) ?? { keyIds: null, threshold: 1 };
    if (role === "snapshot" && (await held.holdsOneOf(roleKeys, root.body.keys))) continue;
    const key = await repository.getKey(role);
    if (roleKeys.keyIds?.includes(key.keyId) !== true) wanted.set(role, key);
  }
  return wanted;
}

async function requireRootKey(held: HeldKeys, { gun, root }: TrustedCollection): Promise<void> {
  const roleKeys = root.body.roles.get("root") ?? { keyIds: null, threshold: 1 };
  if (await held.holdsOneOf(roleKeys, root.body.keys)) return;
  throw new MetadataError("SIGNING_KEY_MISSING", `cannot hand ${gun} over: no root key of it is on this machine`, {
    hint: "Run this command on the machine that has the root key.",
  });
}

class HandOver implements CollectionChange {
  readonly replacesServerKeys = true;
  readonly #keys: ReadonlyMap<ServerRole, PublicKey>;

  constructor(keys: ReadonlyMap<ServerRole, PublicKey>) {
    this.#keys = keys;
  }

  async apply(editor: CollectionEditor, current: TrustedCollection | undefined): Promise<boolean> {
    if (current === undefined || this.isIn(current)) return false;
    for (const [role, key] of this.#keys) editor.rotateKey(role, [key]);
    return true;
  }

  isIn({ root }: TrustedCollection): boolean {
    return [...this.#keys].every(([role, key]) => {
      const { keyIds } = root.body.roles.get(role) ?? { keyIds: [] };
      return keyIds?.length === 1 && keyIds[0] === key.keyId;
    });
  }
}
