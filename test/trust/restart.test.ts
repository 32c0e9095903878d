/** A repository made again under a new root, while the server is honest, and while it puts another root in the place of the new one. */
import { deepEqual, equal, fail, notDeepEqual, rejects } from "node:assert/strict";
import { test } from "node:test";
import { PrivateKey } from "../../src/crypto/private-key.ts";
import type { PublicKey } from "../../src/crypto/public-key.ts";
import type { Accident } from "../../src/trust/accidents/accident.ts";
import { planAccidents } from "../../src/trust/accidents/accident-plan.ts";
import { repair } from "../../src/trust/accidents/accident-repair.ts";
import { restartCollection } from "../../src/trust/accidents/restart.ts";
import { MemoryTrustCache } from "../../src/trust/memory-cache.ts";
import { signTags } from "../../src/trust/publishing/sign.ts";
import { readForWriting } from "../../src/trust/reading/reading-for-writing.ts";
import { verifyTag } from "../../src/trust/reading/verify.ts";
import type { TrustContext } from "../../src/trust/trust-context.ts";
import { parseMetadata } from "../../src/tuf/notary-v1/parse.ts";
import type { TamperingProxy } from "./tampering-proxy.ts";
import { digestOf, type Person, tagOf, trustStory } from "./trust-story.ts";

const story = trustStory();
/** What a hijacker presents under the same names. */
const hijacked = trustStory();

interface Owner {
  readonly person: Person;
  readonly context: TrustContext;
  readonly proxy: TamperingProxy;
  /** of the next root */
  readonly key: PublicKey;
}

/** An owner who has lost the root key of a repository, and a hijacker's repository of that name. */
async function accident(repository: string): Promise<Owner> {
  const { person, proxy } = await story.contested(repository);
  const key = PrivateKey.generate("ecdsa");
  const lost = (await person.keys.list()).find(({ role }) => role === "root");
  await person.keys.remove(lost?.keyId ?? "");
  await person.keys.add(key, { role: "root" });
  await signTags(await (await hijacked.person()).open(repository), [tagOf("v1", "evil")]);
  const context = await person.open(repository, { via: proxy, access: "admin" });
  return { person, context, proxy, key: key.publicKey };
}

/** The hijacker's files, whatever is asked. */
function hijack({ proxy, context: { gun } }: Owner): void {
  proxy.tamper = async ({ file }) => {
    const answer = await fetch(`${hijacked.url}/v2/${gun}/_trust/tuf/${file}`);
    return { status: answer.status, body: new Uint8Array(await answer.arrayBuffer()) };
  };
}

/** What the owner remembers, for a command that is hijacked when the new root takes the place of the old one: all has been read back then. */
function hijackedLate(owner: Owner): TrustContext {
  const { context } = owner;
  const rememberOnly = async (root: Uint8Array): Promise<void> => {
    hijack(owner);
    await context.rememberOnly(root);
  };
  return { ...context, rememberOnly };
}

async function rootKeysRemembered({ cache }: TrustContext): Promise<readonly (string | undefined)[]> {
  const { body } = parseMetadata("root", (await cache.load("root")) ?? fail("no root is remembered"));
  return (body.roles.get("root")?.keyIds ?? []).map((id) => body.keys.get(id)?.bareKeyId);
}

test("a collection made again has the same tags under the new root, which its owner follows and other readers do not", async () => {
  const { context, key } = await accident("restarted/app");
  const reader = await (await story.person()).open("restarted/app");
  await verifyTag(reader, "v1");
  const { rootKeyId, tags, dropped } = await restartCollection(context, key);
  deepEqual([rootKeyId, tags, dropped], [key.canonicalKeyId, 1, []]);
  equal((await verifyTag(context, "v1")).digest, digestOf("v1"));
  deepEqual(await rootKeysRemembered(context), [key.bareKeyId]);
  await rejects(verifyTag(reader, "v1"), { code: "ROOT_ROTATION_REFUSED" });
});

test("I3: a server that presents another root right after the publication is refused; the next run finishes", async () => {
  const owner = await accident("restarted/early");
  const { context, proxy, key } = owner;
  const oldKeys = await rootKeysRemembered(context);
  proxy.tamper = async ({ method }, forward) => {
    const answer = await forward();
    if (method === "POST") hijack(owner);
    return answer;
  };
  await rejects(restartCollection(context, key), { code: "PUBLISH_UNCONFIRMED" });
  deepEqual(await rootKeysRemembered(context), oldKeys);
  await rejects(restartCollection(context, key), { code: "ROOT_ROTATION_REFUSED" });
  proxy.tamper = async (_, forward) => await forward();
  await restartCollection(context, key);
  deepEqual(await rootKeysRemembered(context), [key.bareKeyId]);
  equal((await verifyTag(context, "v1")).digest, digestOf("v1"));
});

test("I3: a server that presents another root after the new one was read back is refused, and the new one is remembered", async () => {
  const owner = await accident("restarted/late");
  const { context, proxy, key } = owner;
  await rejects(restartCollection(hijackedLate(owner), key), { code: "ROOT_ROTATION_REFUSED" });
  deepEqual(await rootKeysRemembered(context), [key.bareKeyId]);
  await rejects(verifyTag(context, "v1"), { code: "ROOT_ROTATION_REFUSED" });
  proxy.tamper = async (_, forward) => await forward();
  equal((await verifyTag(context, "v1")).digest, digestOf("v1"));
});

test("I3: a run that only finishes an earlier one remembers the root that it found, and no other one", async () => {
  const owner = await accident("restarted/finished");
  const { context, key } = owner;
  const killed = { ...context, rememberOnly: async () => fail("killed") };
  await rejects(restartCollection(killed, key), { message: "killed" });
  notDeepEqual(await rootKeysRemembered(context), [key.bareKeyId]);
  await rejects(restartCollection(hijackedLate(owner), key), { code: "ROOT_ROTATION_REFUSED" });
  deepEqual(await rootKeysRemembered(context), [key.bareKeyId]);
});

test("I3: a run that is killed when the new root is written has trusted it: the rest of the old memory does no harm", async () => {
  const owner = await accident("restarted/killed");
  const { context, proxy, key } = owner;
  const { cache } = context;
  const killed = async (root: Uint8Array): Promise<void> => {
    await cache.load("root");
    await cache.store("root", root);
    fail("killed");
  };
  await rejects(restartCollection({ ...context, rememberOnly: killed }, key), { message: "killed" });
  deepEqual(await rootKeysRemembered(context), [key.bareKeyId]);
  equal((await verifyTag(context, "v1")).digest, digestOf("v1"));
  await signTags(context, [tagOf("v2")]);
  hijack(owner);
  await rejects(verifyTag(context, "v1"), { code: "ROOT_ROTATION_REFUSED" });
  proxy.tamper = async (_, forward) => await forward();
  equal((await verifyTag(context, "v2")).digest, digestOf("v2"));
});

test("I3: a machine that never saw a repository repairs the one that it showed before, or none", async () => {
  const { person, proxy, key } = await accident("restarted/unseen");
  const stranger = await story.person({ keys: person.keys });
  const context = await stranger.open("restarted/unseen", { via: proxy, access: "admin" });
  const shown = (await readForWriting({ ...context, cache: new MemoryTrustCache() })) ?? fail("it is not there");
  const memoryOf = () => undefined;
  const lost: Accident[] = [{ what: "lost", role: "root" }];
  const plan = await planAccidents(context, shown, lost, { replace: [], withoutSpare: true, memoryOf });
  deepEqual(plan.firstRoot?.bytes, shown.root.bytes);
  equal(await context.cache.load("root"), undefined, "a plan changes nothing");
  const tools = { rootKey: async () => key, memoryOf, force: false };
  hijack({ person, context, proxy, key });
  await rejects(repair(context, plan, tools), { code: "ROOT_ROTATION_REFUSED" });
  proxy.tamper = async (_, forward) => await forward();
  await repair(context, plan, tools);
  deepEqual(await rootKeysRemembered(context), [key.bareKeyId]);
  const again = await planAccidents(context, shown, lost, { replace: [], withoutSpare: true, memoryOf });
  equal(again.firstRoot, undefined);
});

test("I3: a server that presents another repository after the deletion is refused, and nothing of it is remembered", async () => {
  const owner = await accident("restarted/other");
  const { context, proxy, key } = owner;
  const oldKeys = await rootKeysRemembered(context);
  proxy.tamper = async ({ method }, forward) => {
    const answer = await forward();
    if (method === "DELETE") hijack(owner);
    return answer;
  };
  await rejects(restartCollection(context, key), { code: "PUBLISH_CONFLICT" });
  deepEqual(await rootKeysRemembered(context), oldKeys);
});
