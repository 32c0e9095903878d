/**
 * I4: repositories that expire while docker 28, notary and Tagseal know them: what each says then, and that one command of the owner makes
 * all of them content again, with warm caches and with none. Programs in Go cannot be given another clock, so the files end in seconds.
 */
import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import { setTimeout as pause } from "node:timers/promises";
import { MemoryKeyStore } from "../../src/keys/memory-key-store.ts";
import { PrivateKey } from "../../src/crypto/private-key.ts";
import { signTags } from "../../src/trust/publishing/sign.ts";
import { witnessRoles } from "../../src/trust/publishing/witness.ts";
import { renewCollection } from "../../src/trust/renewal/renew.ts";
import { rotateKey } from "../../src/trust/rotation/rotate.ts";
import { addSigner } from "../../src/trust/signers/signer.ts";
import type { TrustContext } from "../../src/trust/trust-context.ts";
import { RestoreStory, tagseal } from "../server/restore-story.ts";
import { trustOn } from "../support/docker-words.ts";
import { missingPeers, Scope } from "../support/peers.ts";
import { tagOf } from "../trust/trust-story.ts";
import { WarmReaders } from "./warm-readers.ts";

const dayMs = 86_400_000;
/** From the publication until the files end: the time in which all readers read once. */
const marginMs = 35_000;
const leafWords = /could not validate the path to a trusted root: unable to retrieve valid leaf certificates/u;
const day = (days: number): number => days * dayMs - marginMs;

interface Expiring {
  readonly gun: string;
  readonly owner: TrustContext;
  readonly warm: WarmReaders;
}

describe("a repository that expired", { skip: missingPeers(["docker 28", "notary", "openssl"]) }, () => {
  const scope = new Scope("expired-repository");
  /** how far the server's clock and the owner's are behind */
  let behindMs = 0;
  const now = (): Date => new Date(Date.now() - behindMs);
  let story: RestoreStory;
  let endsAt = 0;
  let sleeping: WarmReaders | undefined;
  const made = new Map<string, Expiring>();

  const inRepository = (name: string): Expiring => made.get(name) ?? assert.fail(name);
  const open = async (name: string): Promise<TrustContext> => {
    const gun = `localhost:5000/expired/${name}`;
    const user = story.user(`owner-${name}`);
    const owner = { ...(await story.open(user, gun)), now };
    made.set(name, { gun, owner, warm: new WarmReaders(story, gun) });
    return owner;
  };
  /** The same machine without a key that would sign more than is wanted. */
  const without = async (context: TrustContext, role: string): Promise<TrustContext> => {
    const keys = new MemoryKeyStore();
    for (const kept of await context.keys.list()) {
      const key = kept.role === role ? undefined : await context.keys.signingKey(kept.keyId);
      if (key instanceof PrivateKey)
        await keys.add(key, { role: kept.role, ...(kept.gun === undefined ? {} : { gun: kept.gun }) });
    }
    return { ...context, keys };
  };
  const isContent = async (name: string): Promise<void> => {
    const { gun, warm } = inRepository(name);
    await warm.see("v1");
    await new WarmReaders(story, gun, "afterwards").see("v1");
  };
  /** Refused by docker and notary, in these words. */
  const isRefused = async ({ docker, notary, gun }: WarmReaders, words: RegExp): Promise<void> => {
    for (const { code, stdout, stderr } of [
      await docker.docker(["pull", `${gun}:v1`], { env: trustOn }),
      await notary.notary(["list", gun]),
    ]) {
      assert.notEqual(code, 0);
      assert.match(stdout + stderr, words);
    }
  };
  /** docker and notary refuse the root that they remember before they ask for another one. Tagseal asks. */
  const isContentOnceForgotten = async (name: string): Promise<void> => {
    const { gun, warm } = inRepository(name);
    assert.equal((await tagseal(warm.tagseal, "list", gun)).code, 0);
    await new WarmReaders(story, gun, "afterwards").see("v1");
    await isRefused(warm, leafWords);
    assert.equal((await tagseal(warm.docker, "trust", "delete", "--force", gun)).code, 0);
    await warm.notary.notaryOk(["delete", gun]);
    await warm.see("v1");
  };

  before(async () => {
    const lifetimes = { timestampMs: dayMs, snapshotMs: marginMs };
    story = await RestoreStory.begin(scope, { now, lifetimes, upkeep: false });
    behindMs = day(3_650);
    const old = ["root", "certificate", "renewed"];
    for (const name of old) await signTags(await open(name), [tagOf("v1")]);
    behindMs = 0;
    // The root's file is renewed with any publication in its last months; its certificate is not.
    await rotateKey(inRepository("certificate").owner, "timestamp");
    for (const name of old) await witnessRoles(await without(inRepository(name).owner, "root"), ["targets"]);
    behindMs = day(1_095);
    await signTags(await open("targets"), [tagOf("v1")]);
    const signed = await open("delegation");
    const alice = PrivateKey.generate("ecdsa");
    await (signed.keys as MemoryKeyStore).add(alice, { role: "alice" });
    await addSigner(signed, "alice", [alice.publicKey]);
    await signTags(signed, [tagOf("v1")]);
    const own = await open("snapshot");
    await signTags(own, [tagOf("v1")]);
    await rotateKey(own, "snapshot", { holder: "publisher" });
    behindMs = 0;
    await witnessRoles(await without(signed, "alice"), ["targets"]);
    await signTags(await open("server"), [tagOf("v1")]);
    endsAt = Date.now() + marginMs;
    sleeping = new WarmReaders(story, inRepository("renewed").gun, "asleep");
    await sleeping.see("v1");
    await renewCollection(inRepository("renewed").owner);
    await Promise.all([...made.values()].map(async ({ warm }) => await warm.see("v1")));
    await pause(endsAt + 1_500 - Date.now());
  });
  after(async () => await scope.close());

  it("root and certificate: refused by all, and renewed under a new certificate of the same key", async () => {
    const { owner, warm } = inRepository("root");
    await warm.refuse({ docker: leafWords, notary: leafWords, tagseal: /ROOT_INVALID/u });
    const { renewed, newRootCertificates } = await renewCollection(owner);
    assert.ok(renewed.some(({ role }) => role === "root"));
    assert.equal(newRootCertificates.length, 1);
    await isContentOnceForgotten("root");
  });

  it("the certificate alone: refused by all, and renewed by the next signature", async () => {
    const { owner, warm } = inRepository("certificate");
    await warm.refuse({ docker: leafWords, notary: leafWords, tagseal: /ROOT_INVALID/u });
    await signTags(owner, [tagOf("v1")]);
    await isContentOnceForgotten("certificate");
  });

  it("a certificate renewed in time: readers that read before it ended go on; docker and notary refuse if they did not", async () => {
    const { gun, warm } = inRepository("renewed");
    await warm.see("v1");
    const asleep = sleeping ?? assert.fail("read before the renewal, and never since");
    assert.equal((await tagseal(asleep.tagseal, "list", gun)).code, 0);
    await isRefused(asleep, leafWords);
  });

  it("targets: refused by all; docker and notary cannot repair it, the owner's next signature does", async () => {
    const { owner, warm, gun } = inRepository("targets");
    const words = /targets expired at/u;
    await warm.refuse({ docker: words, notary: words, tagseal: /targets expired at .*METADATA_EXPIRED/su });
    const witness = await warm.notary.notary(["witness", gun, "targets", "-p"]);
    assert.notEqual(witness.code, 0);
    await signTags(owner, [tagOf("v1")]);
    await isContent("targets");
  });

  it("a signer's files: its tags are not there for any reader, until it signs", async () => {
    const { owner, warm, gun } = inRepository("delegation");
    const pull = await warm.docker.docker(["pull", `${gun}:v1`], { env: trustOn });
    assert.notEqual(pull.code, 0);
    assert.match(pull.stderr, /No valid trust data for v1/u);
    const { stdout } = await warm.notary.notaryOk(["list", gun]);
    assert.doesNotMatch(stdout, /v1/u);
    const ours = await tagseal(warm.tagseal, "list", gun);
    assert.equal(ours.code, 0);
    assert.doesNotMatch(ours.stdout, /v1/u);
    assert.match(ours.stderr, /targets\/releases expired at/u);
    await renewCollection(owner);
    await isContent("delegation");
  });

  it("a snapshot that the owner signs: refused by all, and renewed with the rest", async () => {
    const { owner, warm } = inRepository("snapshot");
    const words = /snapshot expired at/u;
    await warm.refuse({ docker: words, notary: words, tagseal: /snapshot expired at .*METADATA_EXPIRED/su });
    await renewCollection(owner);
    await isContent("snapshot");
  });

  it("a snapshot that the server signs: renewed before a reader notices", async () => {
    await isContent("server");
  });
});
