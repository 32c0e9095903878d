/**
 * An overview of one stored collection, for the operator. Nothing is verified here, so that a damaged collection can be shown, too;
 * `collection-check.ts` verifies.
 */

import { parseCertificateBundle } from "../../crypto/x509.ts";
import { TagsealError } from "../../errors.ts";
import type { MetadataFile, RoleName, RootFile, ServerRole, SnapshotFile, TargetsFile } from "../../tuf/metadata.ts";
import { parseMetadata } from "../../tuf/notary-v1/parse.ts";
import { isDelegation } from "../../tuf/role-name.ts";
import { shardIndexOf } from "../../tuf/shards/shard-index.ts";
import type { MetadataStore } from "../storage/metadata-store.ts";
import type { FileVersion } from "../storage/stored-file.ts";
import type { Finding } from "./findings.ts";
import { type HoldsKey, holdsOneOf, type PlaceOfKey } from "./server-held-keys.ts";

/** An expiry that the server cannot extend. */
export interface OwnersExpiry {
  /** a role, or `certificate` for the root's */
  readonly what: RoleName;
  readonly expiresAt: Date;
}

/** A signer of the collection. */
export interface SignerOverview {
  readonly role: RoleName;
  readonly keyIds: readonly string[];
  readonly threshold: number;
  /** names that this role signed; 0 when it never published */
  readonly tags: number;
}

/** A key of the server's that the current root names. */
export interface ServerKeyOverview {
  readonly role: ServerRole;
  readonly keyId: string;
  /** see {@link PlaceOfKey} */
  readonly place: string;
}

/** One collection. */
export interface CollectionOverview {
  readonly gun: string;
  /** number of different names in the targets and all delegations */
  readonly tags: number;
  /** files kept, superseded ones included */
  readonly files: number;
  /** bytes of these */
  readonly bytes: number;
  /** when the newest file not signed by the server was stored */
  readonly publishedAt: Date | undefined;
  /** versions of the current files, by role */
  readonly versions: Readonly<Record<RoleName, number>>;
  /** what its owners must sign again, earliest first */
  readonly expiries: readonly OwnersExpiry[];
  /** the repository key's role first, then delegations by name */
  readonly signers: readonly SignerOverview[];
  /** who holds the key of the snapshot */
  readonly snapshotKey: "server" | "owner" | "unknown";
  /** those that the server is known to hold */
  readonly serverKeys: readonly ServerKeyOverview[];
  /** why some of this is missing; `tagseal server check` shows all problems */
  readonly problems: readonly Finding[];
}

/**
 * Reads one collection.
 *
 * @returns undefined when there is no such collection
 * @throws TagsealError `STORAGE_FAILED`
 */
export async function overviewOf(
  store: MetadataStore,
  gun: string,
  keys: ServersKeys,
): Promise<CollectionOverview | undefined> {
  const versions = await store.versions(gun);
  if (versions.length === 0) return undefined;
  return await new Overview(store, gun, versions).make(keys);
}

/** What is known of a server's keys. */
export interface ServersKeys {
  readonly holdsKey: HoldsKey;
  readonly placeOfKey: PlaceOfKey;
}

const rolesOfServers: readonly ServerRole[] = ["snapshot", "timestamp"];
const serverRoles: ReadonlySet<RoleName> = new Set(rolesOfServers);

class Overview {
  readonly #store: MetadataStore;
  readonly #gun: string;
  readonly #versions: readonly FileVersion[];
  readonly #problems: Finding[] = [];

  constructor(store: MetadataStore, gun: string, versions: readonly FileVersion[]) {
    this.#store = store;
    this.#gun = gun;
    this.#versions = versions;
  }

  async make(keys: ServersKeys): Promise<CollectionOverview> {
    const root = (await this.#current("root")) as RootFile | undefined;
    const snapshot = (await this.#current("snapshot")) as SnapshotFile | undefined;
    const targets = await this.#targets(root);
    const snapshotKey = await this.#snapshotKey(root, keys.holdsKey);
    const signed = [...targets.values()].flatMap(({ file }) => (file === undefined ? [] : [file]));
    const owned = [root, ...signed, snapshotKey === "server" ? undefined : snapshot];
    const published = this.#versions.filter(({ role }) => !serverRoles.has(role)).map(({ createdAt }) => createdAt);
    return {
      gun: this.#gun,
      tags: differentTags(signed),
      files: this.#versions.length,
      bytes: this.#versions.reduce((sum, { length }) => sum + length, 0),
      publishedAt: published.toSorted((a, b) => a.getTime() - b.getTime()).at(-1),
      versions: Object.fromEntries(this.#versions.map(({ role, version }) => [role, version])),
      expiries: [...expiriesOf(owned), ...certificateExpiries(root)].toSorted(
        (a, b) => a.expiresAt.getTime() - b.expiresAt.getTime(),
      ),
      signers: [...targets].map(([role, { keyIds, threshold, file }]) => {
        return { role, keyIds: keyIds ?? [], threshold, tags: file?.body.targets.size ?? 0 };
      }),
      snapshotKey,
      serverKeys: await this.#serverKeys(root, keys),
      problems: this.#problems,
    };
  }

  /** The targets role and every delegation that is reachable from it, with its file, if any. */
  async #targets(root: RootFile | undefined): Promise<Map<RoleName, SigningRole>> {
    const found = new Map<RoleName, SigningRole>();
    const visit = async (role: RoleName, keys: Omit<SigningRole, "file">): Promise<void> => {
      if (found.has(role)) return;
      const file = (await this.#current(role)) as TargetsFile | undefined;
      // Shards repeat what the role above them says.
      if (file !== undefined && shardIndexOf(file) !== undefined) return;
      found.set(role, { ...keys, file });
      for (const delegated of file?.body.delegations.roles ?? [])
        if (isDelegation(delegated.name)) await visit(delegated.name, delegated);
    };
    await visit("targets", root?.body.roles.get("targets") ?? { keyIds: [], threshold: 1 });
    return found;
  }

  async #snapshotKey(root: RootFile | undefined, holdsKey: HoldsKey): Promise<CollectionOverview["snapshotKey"]> {
    if (root === undefined) return "unknown";
    const { keyIds } = root.body.roles.get("snapshot") ?? {};
    const isHeld = await holdsOneOf(holdsKey, this.#gun, "snapshot", keyIds);
    return isHeld === undefined ? "unknown" : isHeld ? "server" : "owner";
  }

  async #serverKeys(
    root: RootFile | undefined,
    { holdsKey, placeOfKey }: ServersKeys,
  ): Promise<readonly ServerKeyOverview[]> {
    const found: ServerKeyOverview[] = [];
    for (const role of rolesOfServers)
      for (const keyId of root?.body.roles.get(role)?.keyIds ?? [])
        if ((await holdsKey(this.#gun, role, keyId)) === true)
          found.push({ role, keyId, place: await placeOfKey(keyId) });
    return found;
  }

  /** Undefined when there is none, or when it cannot be read: the problem is then recorded. */
  async #current(role: RoleName): Promise<MetadataFile | undefined> {
    if (!this.#versions.some((file) => file.role === role)) return undefined;
    const file = await this.#store.current(this.#gun, role);
    try {
      return file && parseMetadata(role, file.bytes);
    } catch (error) {
      if (!(error instanceof TagsealError)) throw error;
      this.#problems.push({ code: error.code, message: error.message });
      return undefined;
    }
  }
}

interface SigningRole {
  readonly keyIds: readonly string[] | null;
  readonly threshold: number;
  readonly file: TargetsFile | undefined;
}

function differentTags(files: readonly TargetsFile[]): number {
  const names = new Set<string>();
  for (const { body } of files) for (const name of body.targets.keys()) names.add(name);
  return names.size;
}

function expiriesOf(files: readonly (MetadataFile | undefined)[]): OwnersExpiry[] {
  return files.flatMap((file) => (file === undefined ? [] : [{ what: file.role, expiresAt: file.body.expiresAt }]));
}

/** The first expiry among the certificates of each key: readers then refuse a root key. */
function certificateExpiries(root: RootFile | undefined): OwnersExpiry[] {
  const keyIds = root?.body.roles.get("root")?.keyIds ?? [];
  return keyIds.flatMap((keyId) => {
    const key = root?.body.keys.get(keyId);
    const ends = key?.isX509 === true ? parseCertificateBundle(key.bytes).map(({ notAfter }) => notAfter) : [];
    const [first] = ends.toSorted((a, b) => a.getTime() - b.getTime());
    return first === undefined ? [] : [{ what: "certificate", expiresAt: first }];
  });
}
