/** Changes that wait for signatures on a running server: who signs is verified, readers get nothing of it, and the last signature publishes. */

import assert from "node:assert/strict";
import { describe, it, type TestContext } from "node:test";
import type { PublicKey } from "../../src/crypto/public-key.ts";
import type { ServerOptions } from "../../src/server/run/server-options.ts";
import type { HeldKeys } from "../support/held-keys.ts";
import { proposeTag, type SentProposal, sharedRole, shareReleases } from "./proposed-tag.ts";
import { serve, type TestServer } from "./running-server.ts";
import { httpSource, readCollection, UploadingPublisher } from "./uploading-publisher.ts";

const gun = "docker.io/library/alpine";

interface World {
  readonly server: TestServer;
  readonly publisher: UploadingPublisher;
  readonly keys: readonly PublicKey[];
  /** the publisher with these of the three keys */
  readonly holding: (...indexes: readonly number[]) => HeldKeys;
}

async function world(t: TestContext, options: Partial<ServerOptions> = {}, snapshotBy?: "client"): Promise<World> {
  const server = await serve(t, options);
  const publisher = await new UploadingPublisher(server.url, gun, options.now).begin(snapshotBy);
  const keys = await shareReleases(publisher);
  const holding = (...indexes: readonly number[]): HeldKeys =>
    publisher.held.without(...keys.filter((_key, index) => !indexes.includes(index)));
  return { server, publisher, keys, holding };
}

const url = ({ url: base }: TestServer, id = ""): string => `${base}/v2/${gun}/_trust/proposals/${id}`;

async function send(server: TestServer, body: string): Promise<{ status: number; state?: string; code?: string }> {
  const response = await fetch(url(server), { method: "POST", body });
  const answer = (await response.json()) as { state?: string; errors?: readonly { code: string }[] };
  const code = answer.errors?.[0]?.code;
  return {
    status: response.status,
    ...(answer.state === undefined ? {} : { state: answer.state }),
    ...(code === undefined ? {} : { code }),
  };
}

async function listed(server: TestServer): Promise<readonly string[]> {
  const { proposals } = (await (await fetch(url(server))).json()) as { proposals: readonly { id: string }[] };
  return proposals.map(({ id }) => id);
}

/** The proposal with an edit without a new signature. */
function tampered(one: SentProposal, edit: (document: { files: Record<string, Signed> }) => void): string {
  const document = JSON.parse(one.body);
  edit(document);
  return JSON.stringify(document);
}

interface Signed {
  signed: Record<string, unknown>;
  signatures: unknown[];
}

/** The same content, signed by others: signatures cover the expiry, so it is made once. */
async function signedBy(one: SentProposal, held: HeldKeys, keys: readonly PublicKey[]): Promise<string> {
  const file = one.proposal.files.get(sharedRole);
  assert.ok(file);
  const signatures: object[] = [];
  for (const key of keys) {
    const signing = await held.signingKeys(key);
    assert.ok(signing);
    const { method, value } = await signing.sign(file.signedBytes);
    signatures.push({ keyid: key.keyId, method, sig: Buffer.from(value).toString("base64") });
  }
  return tampered(one, ({ files }) => {
    const entry = files[sharedRole];
    if (entry !== undefined) entry.signatures = signatures;
  });
}

describe("proposals on a server", () => {
  it("the second signature publishes, with a snapshot and a timestamp, and the proposal is gone", async (t) => {
    const { server, publisher, keys, holding } = await world(t);
    const one = await proposeTag(publisher, "v2", { held: holding(0) });
    assert.deepEqual(await send(server, one.body), { status: 200, state: "open" });
    assert.deepEqual(await listed(server), [one.id]);
    assert.equal((await fetch(`${server.url}/v2/${gun}/_trust/tuf/2.${sharedRole}.json`)).status, 404);
    const before = await readCollection(server.url, gun);
    assert.equal(before.delegations.get(sharedRole)?.body.targets.has("v2"), false, "readers get nothing of it");
    assert.deepEqual(await send(server, await signedBy(one, holding(1), keys.slice(1, 2))), {
      status: 200,
      state: "published",
    });
    const after = await readCollection(server.url, gun);
    assert.equal(after.delegations.get(sharedRole)?.body.targets.has("v2"), true);
    assert.ok(after.snapshot.body.version > before.snapshot.body.version);
    assert.deepEqual(await listed(server), []);
    assert.ok(server.lines.some(({ event }) => event === "published"));
  });

  it("sending a signature twice is harmless, and no second signature", async (t) => {
    const { server, publisher, holding } = await world(t);
    const one = await proposeTag(publisher, "v2", { held: holding(0) });
    for (let time = 0; time < 3; time += 1)
      assert.deepEqual(await send(server, one.body), { status: 200, state: "open" });
    const kept = (await (await fetch(url(server, one.id))).json()) as { files: Record<string, Signed> };
    assert.equal(kept.files[sharedRole]?.signatures.length, 1);
    assert.equal(kept.files[sharedRole]?.signed["version"], 2);
  });

  it("I7: signatures that arrive at the same time are all kept", async (t) => {
    const { server, publisher, keys } = await world(t);
    const all = [...keys, ...Array.from({ length: 5 }, () => publisher.held.generate())];
    const response = await publisher.send(
      await publisher.signed((editor) =>
        editor.addDelegation(sharedRole, { addKeys: all.slice(3), threshold: all.length }),
      ),
    );
    assert.equal(response.status, 200);
    const one = await proposeTag(publisher, "v2", { held: publisher.held.without(...all.slice(1)) });
    await send(server, one.body);
    const bodies = await Promise.all(all.map((key) => signedBy(one, publisher.held, [key])));
    const states = (await Promise.all(bodies.map((body) => send(server, body)))).map(({ state }) => state);
    assert.equal(states.filter((state) => state === "published").length, 1, states.join(" "));
    const read = await readCollection(server.url, gun);
    assert.equal(read.delegations.get(sharedRole)?.signatures.length, all.length);
  });

  it("a publication that overtook it refuses further signatures, and room is made for new proposals", async (t) => {
    const { server, publisher, keys, holding } = await world(t, { limits: { maxProposals: 1 } });
    const one = await proposeTag(publisher, "v2", { held: holding(0) });
    await send(server, one.body);
    const other = await proposeTag(publisher, "v3", { held: holding(0) });
    assert.deepEqual(await send(server, other.body), { status: 400, code: "LIMIT_REACHED" });
    await publisher.send(await publisher.signed((editor) => editor.witness(sharedRole)));
    assert.deepEqual(await send(server, await signedBy(one, holding(1), keys.slice(1, 2))), {
      status: 400,
      code: "VERSION",
    });
    const next = await proposeTag(publisher, "v4", { held: holding(0) });
    assert.deepEqual(await send(server, next.body), { status: 200, state: "open" });
    assert.deepEqual(await listed(server), [next.id]);
  });

  it("I1, I8, I9: what must not be published is not kept", async (t) => {
    const { server, publisher, holding } = await world(t);
    const one = await proposeTag(publisher, "v2", { held: holding(0) });
    const stranger = await signedBy(one, publisher.held, [publisher.held.generate()]);
    const edited = (edit: (entry: Signed) => void): string =>
      tampered(one, ({ files }) => edit(files[sharedRole] ?? assert.fail()));
    const variants: Readonly<Record<string, string>> = {
      nothing: "",
      "another repository": one.body.replace(gun, "docker.io/library/other"),
      "a stranger's signature": stranger,
      "no signature": edited((entry) => void (entry.signatures = [])),
      "content that was changed": one.body.replace('"length":2', '"length":3'),
      "a member that no reader knows": edited((entry) => void (entry.signed["more"] = 1)),
      "a role that is not there": one.body.replaceAll(`"${sharedRole}"`, '"targets/nowhere"'),
      "the server's role": one.body.replaceAll(`"${sharedRole}"`, '"snapshot"'),
      "an end in the past": one.body.replace(/"expires":"[^"]*","files"/u, '"expires":"2020-01-01T00:00:00Z","files"'),
    };
    for (const [what, body] of Object.entries(variants)) {
      const { status, code } = await send(server, body);
      assert.deepEqual([status, code], [400, "INVALID_UPDATE"], what);
    }
    assert.deepEqual(await listed(server), []);
  });

  it("a file that would be valid for too long is refused", async (t) => {
    const { server, publisher, holding } = await world(t);
    const later = new Date(Date.now() + 3 * 86_400_000);
    const { status, code } = await send(
      server,
      (await proposeTag(publisher, "v2", { held: holding(0), now: later })).body,
    );
    assert.deepEqual([status, code], [400, "INVALID_UPDATE"]);
  });

  it("bounds size, number and time, and a server that keeps none says that there is no such path", async (t) => {
    let ahead = 0;
    const now = (): Date => new Date(Date.now() + ahead);
    const limits = { maxProposalBytes: 100_000, proposalLifetimeMs: 60_000 };
    const { server, publisher, holding } = await world(t, { limits, now });
    const one = await proposeTag(publisher, "v2", { held: holding(0), now: now() });
    assert.equal((await send(server, one.body)).state, "open");
    assert.equal((await fetch(url(server), { method: "POST", body: "x".repeat(100_001) })).status, 413);
    const { proposals } = (await (await fetch(url(server))).json()) as { proposals: readonly { expires: string }[] };
    assert.ok(Date.parse(proposals[0]?.expires ?? "") <= now().getTime() + 60_000);
    ahead = 60_001;
    assert.deepEqual(await listed(server), []);
    assert.equal((await fetch(url(server, one.id))).status, 404);
    const none = await serve(t, { limits: { maxProposals: 0 } });
    for (const [method, path] of [
      ["GET", url(none)],
      ["POST", url(none)],
      ["GET", url(none, one.id)],
    ] as const)
      assert.equal((await fetch(path, { method, ...(method === "POST" ? { body: one.body } : {}) })).status, 404);
  });

  it("with the snapshot key at its owner it keeps what is complete, and the owner publishes", async (t) => {
    const { server, publisher, keys, holding } = await world(t, {}, "client");
    const one = await proposeTag(publisher, "v2", { held: holding(0) });
    await send(server, one.body);
    assert.deepEqual(await send(server, await signedBy(one, holding(1), keys.slice(1, 2))), {
      status: 200,
      state: "complete",
    });
    assert.deepEqual(await listed(server), [one.id]);
  });

  it("is withdrawn, and goes with its repository", async (t) => {
    const { server, publisher, holding } = await world(t);
    const [one, two] = [
      await proposeTag(publisher, "v2", { held: holding(0) }),
      await proposeTag(publisher, "v3", { held: holding(1) }),
    ];
    for (const { body } of [one, two]) await send(server, body);
    assert.equal((await fetch(url(server, one.id), { method: "DELETE" })).status, 200);
    assert.equal((await fetch(url(server, one.id), { method: "DELETE" })).status, 404);
    assert.deepEqual(await listed(server), [two.id]);
    await fetch(`${server.url}/v2/${gun}/_trust/tuf/`, { method: "DELETE" });
    assert.deepEqual(await listed(server), []);
    await assert.rejects(httpSource(server.url, gun).fetch("root", 1));
  });

  it("withdrawn, it is still completed by the missing key, until another publication takes its version", async (t) => {
    const { server, publisher, keys, holding } = await world(t);
    const one = await proposeTag(publisher, "v2", { held: holding(0) });
    const both = await signedBy(one, holding(0, 1), keys.slice(0, 2));
    await send(server, one.body);
    assert.equal((await fetch(url(server, one.id), { method: "DELETE" })).status, 200);
    assert.deepEqual(await send(server, both), { status: 200, state: "published" });
    assert.equal((await send(server, both)).code, "VERSION");
  });

  it("a read-only server takes and forgets none", async (t) => {
    const { server, publisher, holding } = await world(t);
    const one = await proposeTag(publisher, "v2", { held: holding(0) });
    await send(server, one.body);
    const { dataDir } = server;
    await server.close();
    const frozen = await serve(t, { dataDir, readOnly: true });
    assert.deepEqual(await listed(frozen), [one.id]);
    assert.equal((await send(frozen, one.body)).status, 503);
    assert.equal((await fetch(url(frozen, one.id), { method: "DELETE" })).status, 503);
  });
});
