/** The parts of a trust server without its sockets: a second replica on a directory that a running server uses, or one on its own. */

import type { TestContext } from "node:test";
import { CollectionReader } from "../../src/server/collections/collection-reader.ts";
import { FreshnessKeeper, type KeeperParts } from "../../src/server/freshness/freshness-keeper.ts";
import { type Lifetimes, renewalLead } from "../../src/server/freshness/lifetimes.ts";
import { Publications } from "../../src/server/collections/publications.ts";
import { ServerLog } from "../../src/service/log.ts";
import { openServerParts } from "../../src/server/run/server-parts.ts";
import type { SigningService } from "../../src/server/signer/signing-service.ts";
import type { MetadataStore } from "../../src/server/storage/metadata-store.ts";

/** One replica's parts. */
export interface Replica {
  readonly store: MetadataStore;
  readonly publications: Publications;
  readonly keeper: FreshnessKeeper;
  readonly lines: { readonly event: string; readonly [field: string]: unknown }[];
  /** Makes every use of a private key fail, as with a signer that has gone away; undefined brings it back. */
  readonly breakSigner: (reason: Error | undefined) => void;
}

/** Opens a directory that a server has set up. */
export async function openReplica(
  t: TestContext,
  dataDir: string,
  options: { readonly now: () => Date; readonly lifetimes: Lifetimes } & Partial<KeeperParts>,
): Promise<Replica> {
  const { now, lifetimes } = options;
  const lines: Replica["lines"] = [];
  const sink = (line: string): void => void lines.push(JSON.parse(line) as Replica["lines"][number]);
  const log = new ServerLog({ sink, level: "debug", now });
  const { store, signer: opened } = await openServerParts({ dataDir }, now, log);
  t.after(async () => await Promise.all([store.close(), opened.close()]));
  const { signer, breakSigner } = breakable(opened);
  const publications = new Publications({
    store,
    signer,
    reader: new CollectionReader(store, { maxBytes: 1_000_000 }),
    log,
    now,
    lifetimes,
  });
  const keeper = new FreshnessKeeper({ store, publications, log, lead: renewalLead(lifetimes), ...options });
  return { store, publications, keeper, lines, breakSigner };
}

/** The same signer until it is broken: every use of a private key fails from then on, and so does the probe. */
export function breakable(opened: SigningService): {
  signer: SigningService;
  breakSigner: (reason: Error | undefined) => void;
} {
  let broken: Error | undefined;
  const unlessBroken = async <T>(work: () => Promise<T>): Promise<T> => {
    if (broken !== undefined) throw broken;
    return await work();
  };
  const signer: SigningService = {
    presence: (of, role, keyId) => opened.presence(of, role, keyId),
    isAvailable: true,
    pendingKey: (gun, role) => opened.pendingKey(gun, role),
    find: (gun, role, keyId) => unlessBroken(() => opened.find(gun, role, keyId)),
    check: () => unlessBroken(() => opened.check()),
    close: () => opened.close(),
  };
  return { signer, breakSigner: (reason) => (broken = reason) };
}
