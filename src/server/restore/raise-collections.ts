/**
 * After a restore, signs the snapshot and timestamp of collections again with versions above the lost ones. Next to a running server this is one more
 * publication for each collection; a simultaneous publisher wins or loses as always.
 */

import { hasCode } from "../../errors.ts";
import { prepareRaise, type VersionChange } from "../../tuf/version-raise.ts";
import type { Lifetimes } from "../freshness/lifetimes.ts";
import type { SigningService } from "../signer/signing-service.ts";
import type { MetadataStore } from "../storage/metadata-store.ts";

/** What to raise, and how far. */
export interface Raising {
  readonly store: MetadataStore;
  readonly signer: Pick<SigningService, "find">;
  readonly lifetimes: Lifetimes;
  readonly now: () => Date;
  /** versions, from 1 to `maxVersionStep` */
  readonly by: number;
  /** a collection that was already raised this far since this moment is not raised again: an interrupted run can be repeated */
  readonly doneSince: Date;
  readonly dryRun: boolean;
}

/** What was done to one collection. */
export interface RaisedCollection {
  readonly gun: string;
  /** `raised`, or with `dryRun` would be; `already` raised before; `absent` when there is no such collection */
  readonly outcome: "raised" | "already" | "absent";
  readonly timestamp?: VersionChange;
  /** absent when the owner signs it: only a publication raises it then */
  readonly snapshot?: VersionChange;
}

const attempts = 5;
/** How many changes are searched for an earlier raise: a collection with more publications since then needs no other. */
const maxChanges = 1000;

/**
 * Raises one collection.
 *
 * @throws MetadataError for a root that readers refuse, and beyond the highest version
 * @throws TagsealError `UPDATE_REFUSED` when the server does not hold the timestamp's key; `STORAGE_FAILED`, `STORAGE_CONFLICT`; the signer's errors
 */
export async function raiseCollection(gun: string, raising: Raising): Promise<RaisedCollection> {
  for (let attempt = 1; ; attempt += 1) {
    try {
      return await raiseOnce(gun, raising);
    } catch (error) {
      if (!hasCode(error, "STORAGE_CONFLICT") || attempt === attempts) throw error;
    }
  }
}

async function raiseOnce(gun: string, raising: Raising): Promise<RaisedCollection> {
  const { store, signer, lifetimes, by, dryRun } = raising;
  // Read before anything else: if a publication follows from here on, the commit below detects it.
  const current = await store.current(gun, "timestamp");
  if (current === undefined) return { gun, outcome: "absent" };
  if (await wasRaised(gun, raising)) return { gun, outcome: "already" };
  const now = raising.now();
  const raise = await prepareRaise({
    gun,
    stored: { current: async (role) => (role === "timestamp" ? current : await store.current(gun, role)) },
    keys: { find: (keyId, role) => signer.find(gun, role, keyId) },
    now,
    by,
    timestampLifetimeMs: lifetimes.timestampMs,
    snapshotLifetimeMs: lifetimes.snapshotMs,
  });
  if (raise === undefined) return { gun, outcome: "absent" };
  const { timestamp, snapshot } = raise;
  if (!dryRun) await store.publish({ gun, base: current.sha256, files: await raise.sign(), at: now });
  return { gun, outcome: "raised", timestamp, ...(snapshot === undefined ? {} : { snapshot }) };
}

/** The changefeed keeps every timestamp's version: a step this large between two of them is not a publication. */
async function wasRaised(gun: string, { store, by, doneSince }: Raising): Promise<boolean> {
  const changes = await store.changes({ gun, from: 0, limit: maxChanges, backwards: true });
  return changes.some((change, at) => {
    const before = changes[at - 1];
    if (before?.category !== "update" || change.category !== "update" || change.createdAt < doneSince) return false;
    return change.version - before.version >= by && by > 1;
  });
}
