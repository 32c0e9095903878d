import { deepEqual, equal, ok, rejects } from "node:assert/strict";
import { test } from "node:test";
import { PrivateKey } from "../../src/crypto/private-key.ts";
import { initialiseCollection } from "../../src/trust/publishing/initialise.ts";
import { signTags } from "../../src/trust/publishing/sign.ts";
import { addSigner } from "../../src/trust/signers/signer.ts";
import type { TrustContext } from "../../src/trust/trust-context.ts";
import { deleteCollection } from "../support/delete-collection.ts";
import { verifyTag } from "../../src/trust/reading/verify.ts";
import type { Answer, Tampering } from "./tampering-proxy.ts";
import { digestOf, tagOf, trustStory } from "./trust-story.ts";

const story = trustStory();
const quick = { timeouts: { patienceMs: 250, minBytes: 64 } };

/** Keeps every answer it passes on, and gives them again when asked to. */
function recorder(): { record: Tampering; replay: Tampering; answers: ReadonlyMap<string, Answer> } {
  const answers = new Map<string, Answer>();
  return {
    answers,
    record: async ({ file }, forward) => {
      const answer = await forward();
      answers.set(file, answer);
      return answer;
    },
    replay: async ({ file }) => answers.get(file) ?? { status: 404, body: Buffer.of() },
  };
}

/** A repository with a signer, v1 released. */
async function repository(name: string): Promise<{ owner: TrustContext; alice: TrustContext }> {
  const owner = await (await story.person()).open(name);
  const person = await story.person();
  const key = PrivateKey.generate("ecdsa");
  await person.keys.add(key, { role: "alice" });
  await addSigner(owner, "alice", [key.publicKey]);
  const alice = await person.open(name);
  await signTags(alice, [tagOf("app", "old")]);
  return { owner, alice };
}

test("I3: a server that goes back to all its old files is refused by readers who saw newer ones", async () => {
  const { alice } = await repository("rollback/all");
  const proxy = await story.tamperingProxy();
  const reader = await (await story.person()).open("rollback/all", { via: proxy });
  const { record, replay } = recorder();
  proxy.tamper = record;
  equal((await verifyTag(reader, "app")).digest, digestOf("old"));
  await signTags(alice, [tagOf("app", "new")]);
  proxy.tamper = async (_, forward) => await forward();
  equal((await verifyTag(reader, "app")).digest, digestOf("new"));
  proxy.tamper = replay;
  await rejects(verifyTag(reader, "app"), { code: "METADATA_VERSION_ROLLBACK" });
});

for (const role of ["snapshot", "targets", "targets/releases"]) {
  test(`I3: one old ${role} file among new ones is refused`, async () => {
    const name = `rollback/${role.replace("/", "-")}`;
    const { owner, alice } = await repository(name);
    const proxy = await story.tamperingProxy();
    const { record, answers } = recorder();
    proxy.tamper = record;
    const sawTheOld = await (await story.person()).open(name, { via: proxy });
    await verifyTag(sawTheOld, "app");
    const isThatFile = (file: string): boolean => new RegExp(`^${role}\\.[0-9a-f]{64}\\.json$`).test(file);
    const old = [...answers].find(([file]) => isThatFile(file))?.[1];
    ok(old !== undefined);
    await addSigner(owner, "bob", [PrivateKey.generate("ecdsa").publicKey]);
    await signTags(alice, [tagOf("app", "new")]);
    proxy.tamper = async (asked, forward) => (isThatFile(asked.file) ? old : await forward());
    for (const reader of [sawTheOld, await (await story.person()).open(name, { via: proxy })]) {
      await rejects(verifyTag(reader, "app"), (error: { code: string }) =>
        ["METADATA_HASH_MISMATCH", "METADATA_LENGTH_MISMATCH", "RESPONSE_TOO_LARGE"].includes(error.code),
      );
    }
  });
}

test("another repository's files under this one's name are refused, on first use and later", async () => {
  await repository("swap/mine");
  const { alice: theirs } = await repository("swap/theirs");
  await signTags(theirs, [tagOf("app", "theirs")]);
  const newcomer = await (await story.person()).open("swap/mine", { via: await swapped() });
  await rejects(verifyTag(newcomer, "app"), { code: "ROOT_INVALID" });
  const reader = await story.person();
  await verifyTag(await reader.open("swap/mine"), "app");
  await rejects(verifyTag(await reader.open("swap/mine", { via: await swapped() }), "app"), (error: { code: string }) =>
    ["METADATA_THRESHOLD_NOT_MET", "ROOT_ROTATION_REFUSED", "ROOT_INVALID"].includes(error.code),
  );

  async function swapped(): Promise<{ url: string }> {
    const swapper = await story.tamperingProxy();
    swapper.tamper = async ({ file }) => {
      const answer = await fetch(`${story.url}/v2/localhost:5000/swap/theirs/_trust/tuf/${file}`);
      return { status: answer.status, body: new Uint8Array(await answer.arrayBuffer()) };
    };
    return swapper;
  }
});

test("a repository deleted and made again by another publisher is not taken for the old one", async () => {
  const publisher = await story.person();
  await signTags(await publisher.open("remade/app"), [tagOf("app", "old")]);
  const reader = await (await story.person()).open("remade/app");
  await verifyTag(reader, "app");
  const thief = await (await story.person()).open("remade/app", { access: "admin" });
  await deleteCollection(story.url, thief.gun);
  await signTags(thief, [tagOf("app", "stolen")]);
  await rejects(verifyTag(reader, "app"), (error: { code: string }) =>
    ["ROOT_ROTATION_REFUSED", "METADATA_THRESHOLD_NOT_MET"].includes(error.code),
  );
});

test("a repository this machine has seen and that is gone from the server is not silently made again", async () => {
  const person = await story.person();
  const context = await person.open("gone/app", { access: "admin" });
  await signTags(context, [tagOf("app")]);
  await deleteCollection(story.url, context.gun);
  await rejects(signTags(context, [tagOf("app")]), {
    code: "REPOSITORY_NOT_SIGNED",
    message: /any more, but this machine has seen it/,
  });
  await rejects(initialiseCollection(context), { code: "REPOSITORY_NOT_SIGNED" });
  equal((await person.keys.list()).length, 2);
});

test("I1: an endless, a silent and a dripping server are given up on, whatever the file", async () => {
  await repository("patience/app");
  for (const file of ["timestamp.json", "root.json", "snapshot."]) {
    const proxy = await story.tamperingProxy();
    proxy.tamper = async (asked, forward) => (asked.file.startsWith(file) ? "silence" : await forward());
    const started = performance.now();
    await rejects(verifyTag(await (await story.person()).open("patience/app", { via: proxy, ...quick }), "app"), {
      code: "NETWORK_TIMEOUT",
    });
    ok(performance.now() - started < 2_000, file);
    proxy.tamper = async (asked, forward) =>
      asked.file.startsWith(file) ? { status: 200, body: Buffer.alloc(3_000_000, " ") } : await forward();
    await rejects(
      verifyTag(await (await story.person()).open("patience/app", { via: proxy, ...quick }), "app"),
      (error: { code: string }) => ["RESPONSE_TOO_LARGE", "METADATA_MALFORMED", "JSON_MALFORMED"].includes(error.code),
    );
  }
});

test("an abort ends a verification against a silent server at once", async () => {
  const proxy = await story.tamperingProxy();
  proxy.tamper = async () => "silence";
  const abort = new AbortController();
  const context = await (await story.person()).open("abort/verify", { via: proxy, signal: abort.signal });
  const started = performance.now();
  setTimeout(() => abort.abort(), 30);
  await rejects(verifyTag(context, "app"), { code: "CANCELLED" });
  ok(performance.now() - started < 1_000);
});

test("a root that was pinned is named although what came after it was refused", async () => {
  await repository("pinned/app");
  const proxy = await story.tamperingProxy();
  proxy.tamper = async (asked, forward) => (asked.file.startsWith("targets.") ? "cut" : await forward());
  const person = await story.person();
  await rejects(verifyTag(await person.open("pinned/app", { via: proxy }), "app"), { code: "NETWORK_UNREACHABLE" });
  deepEqual(
    person.events.map(({ kind }) => kind),
    ["pinned-root"],
  );
  equal((await verifyTag(await person.open("pinned/app"), "app")).pinnedOnFirstUse, false);
});

test("I4: a refusal is never softened by what is cached", async () => {
  await repository("refuse/app");
  const proxy = await story.tamperingProxy();
  const reader = await (await story.person()).open("refuse/app", { via: proxy });
  await verifyTag(reader, "app");
  const garbage: Answer[] = [
    { status: 200, body: Buffer.from("<html>") },
    { status: 200, body: Buffer.from('{"signed":{"_type":"Timestamp"},"signatures":[]}') },
    { status: 400, body: Buffer.of() },
  ];
  for (const answer of garbage) {
    proxy.tamper = async (asked, forward) => (asked.file === "timestamp.json" ? answer : await forward());
    await rejects(verifyTag(reader, "app"), (error: { code: string }) => error.code !== "INTERNAL");
  }
});

test("I6: a publish that is redirected elsewhere is not sent there", async () => {
  const elsewhere = await story.tamperingProxy();
  const proxy = await story.tamperingProxy();
  proxy.tamper = async ({ method }, forward) =>
    method === "POST"
      ? { status: 307, headers: { location: `${elsewhere.url}/steal` }, body: Buffer.of() }
      : await forward();
  const publisher = await (await story.person()).open("redirect/app", { via: proxy });
  await rejects(signTags(publisher, [tagOf("app")]), { code: "REDIRECT_REFUSED" });
  deepEqual(elsewhere.requests, []);
});
