import type { PublicKey } from "../../crypto/public-key.ts";
import { MetadataError, UsageError } from "../../errors.ts";
import { CollectionEditor, type EditableCollection } from "../../tuf/editor.ts";
import { parseMetadata } from "../../tuf/notary-v1/parse.ts";
import type { HeldKeys } from "./held-keys.ts";
import { type RootChoice, rootKeysFor } from "./root-choice.ts";
import type { TrustContext } from "../trust-context.ts";

/** The keys of a new collection. */
export interface InitialiseResult {
  /** canonical */
  readonly rootKeyId: string;
  /** what readers pin */
  readonly rootCertificateId: string;
  /** set for a collection with several root keys: those who pin one pin all of them */
  readonly moreRootCertificateIds?: readonly string[];
  readonly targetsKeyId: string;
}

/** The keys that a new collection gets. */
export interface InitialKeys {
  readonly root?: RootChoice;
  /** in the key store of the context; one that is linked, or a new one, when omitted */
  readonly targets?: PublicKey;
}

/** A new collection: a fresh draft for each attempt, with the same keys. */
export interface InitialCollection {
  readonly keys: InitialiseResult;
  draft(): CollectionEditor;
}

/**
 * Prepares a collection that the server does not have. The server's keys are requested before any key is made here, so that with a server that is down,
 * or that refuses access, the user is not asked for a passphrase.
 *
 * A collection that another tool initialised on this machine and never published is used.
 *
 * @throws MetadataError `REPOSITORY_NOT_SIGNED` when the server lost or hides a collection that this machine has seen there
 * @see Notary v1: initialise
 */
export async function prepareCollection(
  context: TrustContext,
  held: HeldKeys,
  { root: choice = {}, targets: repositoryKey }: InitialKeys,
): Promise<InitialCollection> {
  const leftover = await findUnpublished(context);
  if (leftover !== undefined) return withChosenRoot(carriedOn(leftover), choice, context);
  const [snapshot, timestamp] = await Promise.all([
    context.repository.getKey("snapshot"),
    context.repository.getKey("timestamp"),
  ]);
  const rootKeys = await rootKeysFor(context, held, choice);
  const targets = repositoryKey ?? (await held.linkedOrMade({ role: "targets", gun: context.gun })).publicKey;
  const [rootKey, ...moreRootKeys] = rootKeys;
  const { threshold: rootThreshold = 1 } = choice;
  const keys = { rootKey, moreRootKeys, rootThreshold, targets, snapshot, timestamp };
  return {
    keys: keyIdsOf(rootKeys, targets),
    draft: () => CollectionEditor.create(context.gun, keys),
  };
}

/** What another tool initialised here and did not publish. */
async function findUnpublished(context: TrustContext): Promise<EditableCollection | undefined> {
  const { cache, gun } = context;
  const [root, targets, snapshot, timestamp] = await Promise.all(
    (["root", "targets", "snapshot", "timestamp"] as const).map(async (role) => await cache.load(role)),
  );
  if (root === undefined) return undefined;
  // Only a server makes timestamps: this collection has been published.
  if (timestamp !== undefined) throw goneFromServer(context);
  if (targets === undefined) return undefined;
  return {
    gun,
    root: parseMetadata("root", root),
    targets: parseMetadata("targets", targets),
    ...(snapshot === undefined ? {} : { snapshot: parseMetadata("snapshot", snapshot) }),
  };
}

function carriedOn(leftover: EditableCollection): InitialCollection {
  const { keys, roles } = leftover.root.body;
  const [rootKey, targetsKey] = (["root", "targets"] as const).map((role) =>
    keys.get(roles.get(role)?.keyIds?.[0] ?? ""),
  );
  if (rootKey === undefined || targetsKey === undefined) {
    throw new MetadataError(
      "METADATA_CACHE_CORRUPT",
      `the cached root of ${leftover.gun} names no root or targets key`,
    );
  }
  return { keys: keyIdsOf([rootKey], targetsKey), draft: () => CollectionEditor.from(leftover) };
}

/** What another tool prepared has its root key already. */
function withChosenRoot(
  collection: InitialCollection,
  { key, certificate, more = [], threshold = 1 }: RootChoice,
  { gun }: TrustContext,
): InitialCollection {
  const { rootKeyId, rootCertificateId } = collection.keys;
  const isOther = (key !== undefined && key.bareKeyId !== rootKeyId) || more.length > 0 || threshold > 1;
  if (!isOther && (certificate === undefined || certificate.keyId === rootCertificateId)) return collection;
  throw new UsageError("USAGE", `${gun} was initialised on this machine, with the root key ${rootKeyId}`, {
    hint: `Leave out the choice of a root key, or drop what was prepared: tagseal trust delete ${gun}`,
  });
}

/** The IDs of these keys. */
export function keyIdsOf(
  [rootKey, ...more]: readonly [PublicKey, ...PublicKey[]],
  targetsKey: PublicKey,
): InitialiseResult {
  return {
    rootKeyId: rootKey.canonicalKeyId,
    rootCertificateId: rootKey.keyId,
    ...(more.length === 0 ? {} : { moreRootCertificateIds: more.map(({ keyId }) => keyId) }),
    targetsKeyId: targetsKey.keyId,
  };
}

function goneFromServer({ gun, repository }: TrustContext): MetadataError {
  const message = `${repository.name} does not have trust data for ${gun} any more, but this machine has seen it there`;
  return new MetadataError("REPOSITORY_NOT_SIGNED", message, {
    hint: `If the server was restored from a backup, bring the repository back: tagseal trust recover-server ${gun}. Only if it was deleted on purpose, drop what this machine remembers of it to start again: tagseal trust delete ${gun}`,
  });
}
