import { deepEqual, equal, ok, rejects } from "node:assert/strict";
import { readdir } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { digestFromHex } from "../../src/reference/digest.ts";
import { listTags } from "../../src/trust/reading/list.ts";
import { signExpectedTags, signTags } from "../../src/trust/publishing/sign.ts";
import { addSigner } from "../../src/trust/signers/signer.ts";
import { verifyTag } from "../../src/trust/reading/verify.ts";
import type { Asked } from "./tampering-proxy.ts";
import { digestOf, tagOf, trustStory, warningsOf } from "./trust-story.ts";

const story = trustStory();

const conflict = {
  status: 400,
  body: Buffer.from(
    '{"errors":[{"code":"VERSION","message":"A newer version of metadata is already available.","detail":{}}]}\n',
  ),
};
const updating = { status: 500, body: Buffer.from('{"errors":[{"code":"UPDATING","message":"x"}]}\n') };

function isPublish({ method }: Asked): boolean {
  return method === "POST";
}

test("a warm verification is one request, and a signature four", async () => {
  const proxy = await story.tamperingProxy();
  const context = await (await story.person()).open("requests/app", { via: proxy });
  await signTags(context, [tagOf("v1")]);
  proxy.requests.length = 0;
  await verifyTag(context, "v1");
  deepEqual(proxy.requests, ["GET timestamp.json"]);
  proxy.requests.length = 0;
  await signTags(context, [tagOf("v2")]);
  deepEqual(proxy.requests, ["GET timestamp.json", "POST ", "GET timestamp.json", "GET snapshot.<sha256>.json"]);
});

test("tags that are still being looked up are waited for while the collection is read", async () => {
  const { person, proxy } = await story.contested("expected/app");
  const asked = Promise.withResolvers<ReturnType<typeof tagOf>[]>();
  proxy.tamper = async (_, forward) => {
    asked.resolve([tagOf("late")]);
    return await forward();
  };
  const { signed } = await signExpectedTags(await person.open("expected/app", { via: proxy }), asked.promise);
  deepEqual(
    signed.map(({ tag }) => tag),
    ["late"],
  );
});

test("where tags cannot be looked up, that is the error, and no key is made", async () => {
  const person = await story.person();
  const context = await person.open("expected/nothing");
  const missing = new Error("there is no such image");
  await rejects(signExpectedTags(context, Promise.reject(missing)), missing);
  deepEqual(await person.keys.list(), []);
  const tags = Promise.resolve([{ ...tagOf("v1"), digest: digestFromHex("sha512", "ab".repeat(64)) }]);
  await rejects(signExpectedTags(context, tags), { code: "REFERENCE_INVALID" });
  deepEqual(await person.keys.list(), []);
});

test("what was published is remembered: the publisher's next verification downloads nothing but the timestamp", async () => {
  const person = await story.person();
  await signTags(await person.open("remembered/app"), [tagOf("v1")]);
  const proxy = await story.tamperingProxy();
  await verifyTag(await person.open("remembered/app", { via: proxy }), "v1");
  deepEqual(proxy.requests, ["GET timestamp.json"]);
});

test("a publisher who loses the race applies its change to what the winner published", async () => {
  const { person, honest, proxy } = await story.contested("race/app");
  const racing = await person.open("race/app", { via: proxy });
  let races = 0;
  proxy.tamper = async (asked, forward) => {
    if (isPublish(asked) && races++ < 3) await signTags(honest, [tagOf(`winner-${races}`)]);
    return await forward();
  };
  await signTags({ ...racing, exclusively: async (work) => await work() }, [tagOf("loser")]);
  deepEqual(
    (await listTags(honest)).map(({ tag }) => tag),
    ["loser", "v1", "winner-1", "winner-2", "winner-3"],
  );
  equal(person.events.filter(({ kind }) => kind === "retrying").length, 3);
});

test("a lost race that the server reports as an internal error is one all the same", async () => {
  const { person, honest, proxy } = await story.contested("postgres/app");
  let races = 0;
  proxy.tamper = async (asked, forward) => {
    if (!isPublish(asked) || races++ > 0) return await forward();
    await signTags({ ...honest, exclusively: async (work) => await work() }, [tagOf("winner")]);
    return updating;
  };
  await signTags(await person.open("postgres/app", { via: proxy }), [tagOf("loser")]);
  deepEqual(
    (await listTags(honest)).map(({ tag }) => tag),
    ["loser", "v1", "winner"],
  );
});

test("when the answer is lost the change is found to be published, and not published twice", async () => {
  const person = await story.person();
  const proxy = await story.tamperingProxy();
  const context = await person.open("lost/app", { via: proxy });
  await signTags(context, [tagOf("v1")]);
  let posts = 0;
  proxy.tamper = async (asked, forward) => {
    const answer = await forward();
    return isPublish(asked) && posts++ === 0 ? "cut" : answer;
  };
  await signTags(context, [tagOf("v2")]);
  equal(posts, 1);
  equal((await verifyTag(context, "v2")).digest, digestOf("v2"));
});

test("when the answer to the first publish is lost, the new keys stay and the repository is the publisher's", async () => {
  const person = await story.person();
  const proxy = await story.tamperingProxy();
  const context = await person.open("lost-first/app", { via: proxy });
  let posts = 0;
  proxy.tamper = async (asked, forward) => {
    const answer = await forward();
    return isPublish(asked) && posts++ === 0 ? "cut" : answer;
  };
  deepEqual((await signTags(context, [tagOf("v1")])).initialised, true);
  equal((await person.keys.list()).length, 2);
  await signTags(context, [tagOf("v2")]);
});

test("publishing to a server that always reports conflicts ends, and the change is not reported as signed", async () => {
  const person = await story.person();
  const proxy = await story.tamperingProxy();
  const context = await person.open("never/app", { via: proxy });
  await signTags(context, [tagOf("v1")]);
  person.events.length = 0;
  proxy.tamper = async (asked, forward) => (isPublish(asked) ? conflict : await forward());
  await rejects(signTags(context, [tagOf("v2")]), { code: "PUBLISH_CONFLICT" });
  ok(!person.events.some(({ kind }) => kind === "signed"));
});

test("a refusal is final, gives the server's reason, and leaves no key of a first publish behind but the root", async () => {
  const person = await story.person();
  const proxy = await story.tamperingProxy();
  const detail = { Name: "ErrBadRoot", Error: { Msg: "no roots today" } };
  const body = Buffer.from(JSON.stringify({ errors: [{ code: "INVALID_UPDATE", message: "x", detail }] }));
  proxy.tamper = async (asked, forward) => (isPublish(asked) ? { status: 400, body } : await forward());
  await rejects(signTags(await person.open("refused/app", { via: proxy }), [tagOf("v1")]), {
    code: "TRUST_SERVER_REFUSED",
    message: "The root metadata is invalid: no roots today",
  });
  deepEqual(
    (await person.keys.list()).map(({ role }) => role),
    ["root"],
  );
  ok(warningsOf(person).some((text) => text.includes("the new root key") && text.includes("is kept")));
  equal(proxy.requests.filter((line) => line.startsWith("POST")).length, 1);
});

test("with a server that cannot be reached no passphrase is asked for and no key is made", async () => {
  const person = await story.person();
  const proxy = await story.tamperingProxy();
  proxy.tamper = async () => "cut";
  const context = await person.open("unreachable/app", { via: proxy });
  await rejects(signTags(context, [tagOf("v1")]), { code: "NETWORK_UNREACHABLE" });
  deepEqual(await person.keys.list(), []);
});

test("I7: a server that acknowledges and does not publish is found out", async () => {
  const person = await story.person();
  const proxy = await story.tamperingProxy();
  const context = await person.open("liar/app", { via: proxy });
  await signTags(context, [tagOf("v1")]);
  person.events.length = 0;
  proxy.tamper = async (asked, forward) => (isPublish(asked) ? { status: 200, body: Buffer.of() } : await forward());
  await rejects(signTags(context, [tagOf("v2")]), { code: "PUBLISH_UNCONFIRMED" });
  ok(!person.events.some(({ kind }) => kind === "signed"));
});

test("when another publisher moves the tag before it is read back, that is reported instead of signed", async () => {
  const { person, honest, proxy } = await story.contested("overtaken/app");
  let posts = 0;
  proxy.tamper = async (asked, forward) => {
    const answer = await forward();
    if (isPublish(asked) && posts++ === 0)
      await signTags({ ...honest, exclusively: async (work) => await work() }, [tagOf("v2", "theirs")]);
    return answer;
  };
  await rejects(signTags(await person.open("overtaken/app", { via: proxy }), [tagOf("v2", "ours")]), {
    code: "PUBLISH_CONFLICT",
  });
});

test("nothing is staged on disk, before or after a failure", async () => {
  const person = await story.person();
  const proxy = await story.tamperingProxy();
  const context = await person.open("staged/app", { via: proxy });
  await signTags(context, [tagOf("v1")]);
  proxy.tamper = async (asked, forward) => (isPublish(asked) ? { status: 400, body: Buffer.of() } : await forward());
  await rejects(signTags(context, [tagOf("v2")]), { code: "TRUST_SERVER_REFUSED" });
  deepEqual(await readdir(join(person.dockerConfigDir, "trust/tuf/localhost:5000/staged/app")), [
    ".tagseal-confirmed",
    "metadata",
  ]);
  proxy.tamper = async (_, forward) => await forward();
  await signTags(context, [tagOf("v3")]);
  deepEqual(
    (await listTags(context)).map(({ tag }) => tag),
    ["v1", "v3"],
  );
});

test("an abort ends waiting for a silent server at once, and says that nothing is known to be published", async () => {
  const person = await story.person();
  const proxy = await story.tamperingProxy();
  const abort = new AbortController();
  const context = await person.open("abort/app", { via: proxy, signal: abort.signal });
  await signTags(context, [tagOf("v1")]);
  proxy.tamper = async (asked, forward) => (isPublish(asked) ? "silence" : await forward());
  const started = performance.now();
  setTimeout(() => abort.abort(), 100);
  await rejects(signTags(context, [tagOf("v2")]), { code: "CANCELLED" });
  ok(performance.now() - started < 1_000);
});

test("eight publishers with separate trust directories sign 40 tags in one repository, none is lost", async () => {
  const owner = await story.person();
  await signTags(await owner.open("busy/app"), [tagOf("v0")]);
  const publishers = await Promise.all(
    Array.from({ length: 8 }, async () => await (await story.person({ keys: owner.keys })).open("busy/app")),
  );
  await Promise.all(
    publishers.map(async (publisher, index) => {
      for (let count = 0; count < 5; count++) await signTags(publisher, [tagOf(`p${index}-${count}`)]);
    }),
  );
  equal((await listTags(await owner.open("busy/app"))).length, 41);
});

test("eight people initialise one repository at once: one does, the others sign in it, and no key is left over", async () => {
  const people = await Promise.all(Array.from({ length: 8 }, async () => await story.person()));
  const outcomes = await Promise.allSettled(
    people.map(async (person, index) => await signTags(await person.open("rush/app"), [tagOf(`v${index}`)])),
  );
  const winners = outcomes.filter(({ status }) => status === "fulfilled");
  equal(winners.length, 1);
  for (const [index, outcome] of outcomes.entries()) {
    const roles = (await people[index]?.keys.list())?.map(({ role }) => role) ?? [];
    if (outcome.status === "fulfilled") deepEqual(roles.sort(), ["root", "targets"]);
    else {
      // They hold no key of the repository that came to be.
      equal(outcome.reason.code, "SIGNING_KEY_MISSING");
      ok(!roles.includes("targets"));
    }
  }
});

test("adding a signer and signing race without losing either", async () => {
  const person = await story.person();
  await signTags(await person.open("mixed/app"), [tagOf("v1")]);
  const { PrivateKey } = await import("../../src/crypto/private-key.ts");
  const names = ["alice", "bob", "carol", "dave"];
  await Promise.all(
    names.map(async (name) => {
      const context = await (await story.person({ keys: person.keys })).open("mixed/app");
      await addSigner(context, name, [PrivateKey.generate("ecdsa").publicKey]);
    }),
  );
  const { inspectTrust } = await import("../../src/trust/reading/inspect.ts");
  deepEqual(
    (await inspectTrust(await person.open("mixed/app"))).signers.map(({ name }) => name),
    names,
  );
});
