/** `trust recover --rehearse`: the repair, played on a copy with a throwaway trust server on loopback. */
import { randomBytes } from "node:crypto";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { TagsealError } from "../../errors.ts";
import type { UserAndPassword } from "../../docker-config/credentials.ts";
import type { KeyStore } from "../../keys/key-store.ts";
import { RehearsalKeys } from "../../keys/rehearsal-keys.ts";
import type { ImageReference } from "../../reference/image-reference.ts";
import type { Sandbox } from "../../sandbox/sandbox.ts";
import type { AccidentPlan } from "../../trust/accidents/accident.ts";
import { repair, type RepairResult } from "../../trust/accidents/accident-repair.ts";
import { copyOf, whenItWasValid } from "../../trust/accidents/rehearsal-copy.ts";
import { MemoryTrustCache } from "../../trust/memory-cache.ts";
import { openTrustContext } from "../../trust/open-trust-context.ts";
import { readCollection } from "../../trust/reading/collection-reading.ts";
import { releasedEntries } from "../../trust/reading/released-tags.ts";
import type { TrustCache } from "../../trust/ports.ts";
import type { TrustContext } from "../../trust/trust-context.ts";
import type { TrustedCollection } from "../../tuf/trusted-collection.ts";
import type { Io } from "../io.ts";
import { withOpened } from "./opened-recovery.ts";
import type { SpareKey } from "../open/spare-key.ts";

/** What is rehearsed. */
export interface Rehearsed {
  readonly reference: ImageReference;
  readonly collection: TrustedCollection;
  readonly plan: AccidentPlan;
  /** the keys that may be used; they are not changed */
  readonly keys: KeyStore;
  /** keys that `--key` names, for the role of the accident */
  readonly given: readonly SpareKey[];
  readonly force: boolean;
}

/** What Tagseal saw as a reader. */
export interface Observation {
  readonly cached: boolean;
  /** tags with their digests; undefined when it refused */
  readonly tags: number | undefined;
  /** the same tags and digests as before */
  readonly same: boolean;
  /** the refusal, with its code */
  readonly refusal: string | undefined;
}

/** What came of a rehearsal. */
export interface RehearsalResult {
  readonly results: readonly RepairResult[];
  readonly observations: readonly Observation[];
}

/**
 * Plays a repair. The copy is on a trust server that listens on loopback, takes no other client, and lives in a private directory, which is removed
 * at the end; new keys exist in memory only. Asks for the passphrases that the repair would ask for.
 *
 * @throws what the repair would throw
 */
export async function rehearse(rehearsed: Rehearsed, io: Io): Promise<RehearsalResult> {
  const directory = await mkdtemp(join(tmpdir(), "tagseal-rehearsal-"));
  try {
    return await inDirectory(directory, rehearsed, io);
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
}

async function inDirectory(directory: string, rehearsed: Rehearsed, io: Io): Promise<RehearsalResult> {
  const { startSandbox } = await import("../../sandbox/sandbox.ts");
  const { collection } = rehearsed;
  // Servers take nothing that has expired, so the copy is made when it had not.
  let clock: (() => Date) | undefined = () => whenItWasValid(collection, io.now());
  const user = { username: "rehearsal", password: randomBytes(32).toString("hex") };
  const sandbox = await startSandbox({ directory, user, now: () => (clock ?? io.now)() });
  const contexts: TrustContext[] = [];
  const open = async (cache: TrustCache, now = io.now): Promise<TrustContext> => {
    const context = await openCopy({ sandbox, user, cache, now }, rehearsed, io);
    contexts.push(context);
    return context;
  };
  try {
    const memory = new MemoryTrustCache();
    const copying = await open(memory, clock);
    await copyTo(copying, collection);
    const before = await readCollection(copying);
    clock = undefined;
    const results = await playOn(await open(new MemoryTrustCache(memory)), rehearsed);
    const [warm, cold] = [await open(new MemoryTrustCache(memory)), await open(new MemoryTrustCache())];
    return { results, observations: [await observed(warm, before, true), await observed(cold, before, false)] };
  } finally {
    for (const context of contexts) context.close();
    await sandbox.close();
  }
}

/** The throwaway server with its only user: the copy is signed by real keys, and not for other users of this machine. */
interface CopyAccess {
  readonly sandbox: Sandbox;
  readonly user: UserAndPassword;
  readonly cache: TrustCache;
  readonly now: () => Date;
}

async function openCopy(
  { sandbox, user, cache, now }: CopyAccess,
  { reference, keys, given }: Rehearsed,
  { signal }: Io,
): Promise<TrustContext> {
  return await openTrustContext({
    reference,
    dockerConfigDir: sandbox.environment["DOCKER_CONFIG"] ?? sandbox.serverDirectory,
    env: sandbox.environment,
    credentials: async () => ({ kind: "basic", ...user }),
    cache,
    keys: new RehearsalKeys(withOpened(keys, given)),
    access: "admin",
    signal,
    now,
  });
}

async function copyTo({ repository, cache, now }: TrustContext, collection: TrustedCollection): Promise<void> {
  const [snapshot, timestamp] = [await repository.getKey("snapshot"), await repository.getKey("timestamp")];
  const serverKeys = new Map([
    ["snapshot", snapshot],
    ["timestamp", timestamp],
  ] as const);
  const files = await copyOf(collection, { serverKeys, now: now() });
  await repository.publish(files);
  for (const [role, bytes] of files) if (role === "root") await cache.store(role, bytes);
}

async function playOn(context: TrustContext, { plan, given, force }: Rehearsed): Promise<readonly RepairResult[]> {
  const [first] = given;
  return await repair(context, plan, {
    force,
    rootKey: async () => first?.publicKey ?? (await madeHere(context)),
    ...(given.length === 0 ? {} : { keys: async () => given.map(({ publicKey }) => publicKey) }),
    memoryOf: () => undefined,
  });
}

async function madeHere({ keys }: TrustContext) {
  const key = await keys.make({ role: "root" }, "ecdsa");
  if (key !== undefined) return key.publicKey;
  throw new TagsealError("INTERNAL", "a rehearsal makes every kind of key");
}

async function observed(context: TrustContext, before: TrustedCollection, cached: boolean): Promise<Observation> {
  try {
    const collection = await readCollection(context);
    const [now, then] = [tagsOf(collection), tagsOf(before)];
    return { cached, tags: now.length, same: now.join("\n") === then.join("\n"), refusal: undefined };
  } catch (error) {
    if (!(error instanceof TagsealError)) throw error;
    return { cached, tags: undefined, same: false, refusal: `${error.message} [${error.code}]` };
  }
}

function tagsOf(collection: TrustedCollection): readonly string[] {
  return releasedEntries(collection, () => undefined).map(({ tag, digest }) => `${tag} ${digest}`);
}
