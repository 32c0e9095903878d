/** I4: the real command at later dates, against a running server whose clock moves with it: what expires is refused, shown with who must act, and repaired. */
import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import { movableClock } from "../support/movable-clock.ts";
import {
  certificates,
  client,
  missingPeers,
  passphrases,
  Scope,
  startTagsealServer,
  type Client,
  type TrustServer,
} from "../support/peers.ts";
import { makeSignerKey } from "../support/signer-key.ts";

const daySeconds = 86_400;
const digest = "a".repeat(64);

interface Ending {
  readonly role: string;
  readonly certificateId?: string;
  readonly state: string;
  readonly signedBy: string;
  readonly command?: string;
}

describe("later dates", { skip: missingPeers(["faketime", "openssl"]) }, () => {
  const scope = new Scope("later-dates");
  const clock = movableClock(scope, "all");
  const [one, two] = ["localhost:5999/later/one", "localhost:5999/later/two"];
  let server: TrustServer;
  let owner: Client;
  let alice: Client;
  let bob: Client;
  let reader: Client;

  const at = (days: number): void => clock.move(days * daySeconds);
  const user = (name: string): Client => client(scope, { server, name, env: clock.env });
  const verdict = async (who: Client, image: string): Promise<string> => {
    const { code, stdout, stderr } = await who.tagseal(["verify", "-q", image]);
    return code === 0 ? stdout.trim() : `${code} ${/\[([A-Z_]+)\]/u.exec(stderr)?.[1] ?? stderr}`;
  };
  const endings = async (who: Client, gun: string): Promise<readonly Ending[]> => {
    const [status] = JSON.parse((await who.tagsealOk(["trust", "status", "--json", gun])).stdout) as readonly {
      readonly roles: readonly Ending[];
    }[];
    return status?.roles ?? assert.fail();
  };
  const expired = async (who: Client, gun: string): Promise<readonly string[]> =>
    (await endings(who, gun))
      .filter(({ state }) => state === "expired")
      .map(({ role, certificateId, signedBy }) => `${certificateId === undefined ? role : "certificate"} ${signedBy}`);
  const sign = async (who: Client, gun: string, tag: string, ...options: readonly string[]): Promise<void> => {
    await who.tagsealOk(["trust", "target", "add", gun, tag, "--sha256", digest, "--size", "6", ...options]);
  };
  const signed = `sha256:${digest}`;
  const read = async (...readings: readonly (readonly [Client, string])[]): Promise<void> => {
    const verdicts = await Promise.all(readings.map(async ([who, image]) => await verdict(who, image)));
    assert.deepEqual(
      verdicts,
      readings.map(() => signed),
    );
  };

  before(async () => {
    // Server and clients still meet in twenty years.
    await certificates(scope, "certificates", [], 36_500);
    const env = { ...clock.env, TAGSEAL_SIGNER_PASSPHRASE: "correct horse battery staple" };
    server = await startTagsealServer(scope, { env });
    [owner, alice, bob, reader] = [user("owner"), user("alice"), user("bob"), user("reader")];
    const made = async ({ dockerConfig }: Client, role: string) =>
      await makeSignerKey({ dockerConfig, passphrase: passphrases.repository, use: { role } });
    const [own, alices, bobs] = [await made(owner, "owner"), await made(alice, "alice"), await made(bob, "bob")];
    await sign(owner, one, "by-owner");
    await owner.tagsealOk(["trust", "signer", "add", "--key", alices.publicKey, "alice", one]);
    await sign(alice, one, "by-alice", "--role", "targets/alice", "--role", "targets/releases");
    // Two keys sign targets, and the owner keeps the snapshot key.
    await sign(owner, two, "v1");
    await owner.tagsealOk(["trust", "key", "rotate", "--publisher-managed", two, "snapshot"]);
    const rotation = ["--threshold", "2", "--key", own.keyId, "--key", bobs.publicKey, two, "targets"];
    await shared(["trust", "key", "rotate", ...rotation]);
    await read([reader, `${one}:by-owner`], [reader, `${two}:v1`]);
    await read([reader, `${one}:by-alice`]);
  });
  after(() => scope.close());

  /** A change that the owner proposes, bob signs, and the owner, who has the snapshot key, publishes. */
  async function shared(argv: readonly string[]): Promise<void> {
    const { stdout } = await owner.tagsealOk([...argv, "--propose", "--json"]);
    const parsed = JSON.parse(stdout) as { proposal: { id: string } } | readonly { proposal: { id: string } }[];
    const { proposal } = "proposal" in parsed ? parsed : (parsed[0] ?? assert.fail());
    const signing = ["trust", "approve", two, proposal.id, "--yes", "--json"];
    const state = async (who: Client): Promise<string> =>
      (JSON.parse((await who.tagsealOk(signing)).stdout) as { readonly state: string }).state;
    assert.equal(await state(bob), "complete");
    assert.equal(await state(owner), "published");
  }

  it("timestamp: a reader whose clock is ahead of the server refuses it, and the operator must act", async () => {
    const ahead = movableClock(scope, "reader");
    ahead.move(30 * daySeconds);
    const early = client(scope, { server, name: "early", env: ahead.env });
    assert.equal(await verdict(early, `${one}:by-owner`), "3 METADATA_EXPIRED");
    assert.deepEqual(await expired(early, one), ["timestamp server"]);
    const { stdout } = await early.tagsealOk(["trust", "status", one]);
    assert.match(stdout, /^timestamp: the trust server does not renew it; ask the operator of the server$/mu);
    at(30);
    assert.equal(await verdict(early, `${one}:by-owner`), signed, "the server renews it when its clock is there");
  });

  it("targets and delegations: each is renewed by those who have its key", async () => {
    at(1_100);
    assert.equal(await verdict(reader, `${one}:by-owner`), "3 METADATA_EXPIRED");
    assert.deepEqual(await expired(owner, one), ["targets here", "targets/alice signer", "targets/releases signer"]);
    const { stdout } = await alice.tagsealOk(["trust", "status", one]);
    assert.match(stdout, /^targets: to renew it, run this where the repository key \w{7} is: tagseal trust renew /mu);
    const early = await alice.tagseal(["trust", "renew", one]);
    assert.match(early.stderr, /targets of \S+ has expired, and the keys [^]*\[SIGNING_KEY_MISSING\]/u);
    await owner.tagsealOk(["trust", "renew", one]);
    assert.equal(await verdict(reader, `${one}:by-owner`), signed);
    assert.equal(await verdict(reader, `${one}:by-alice`), "2 TAG_NOT_SIGNED");
    assert.deepEqual(await expired(alice, one), ["targets/alice here", "targets/releases here"]);
    await alice.tagsealOk(["trust", "renew", one]);
    await read([reader, `${one}:by-alice`], [user("newcomer"), `${one}:by-alice`]);
  });

  it("a snapshot of the owner, and targets that two keys sign: renewed by a proposal", async () => {
    at(1_100);
    assert.equal(await verdict(reader, `${two}:v1`), "3 METADATA_EXPIRED");
    assert.deepEqual(await expired(owner, two), ["targets owner", "snapshot here"]);
    const targets = (await endings(owner, two)).find(({ role }) => role === "targets");
    assert.equal(targets?.command, `tagseal trust renew --propose ${two}`);
    const alone = await owner.tagseal(["trust", "renew", two]);
    assert.match(alone.stderr, /\[SIGNING_KEY_MISSING\]/u);
    await shared(["trust", "renew", two]);
    await read([reader, `${two}:v1`], [user("late"), `${two}:v1`]);
    assert.deepEqual(await expired(owner, two), []);
  });

  it("root and its certificate, and everything at once", async () => {
    at(3_700);
    assert.equal(await verdict(reader, `${one}:by-owner`), "3 ROOT_INVALID");
    const everything = ["root here", "certificate here", "targets here", "targets/alice signer"];
    assert.deepEqual((await expired(owner, one)).slice(0, 4), everything);
    await owner.tagsealOk(["trust", "renew", one]);
    await alice.tagsealOk(["trust", "renew", one]);
    await read([reader, `${one}:by-owner`]);
    await read([reader, `${one}:by-alice`]);
    assert.deepEqual(await expired(owner, one), []);
  });

  it("trust recover --expired repairs what has truly expired", async () => {
    const gun = "localhost:5999/later/forgotten";
    at(3_700);
    await sign(owner, gun, "v1");
    assert.equal(await verdict(reader, `${gun}:v1`), signed);
    at(7_500);
    assert.equal(await verdict(reader, `${gun}:v1`), "3 ROOT_INVALID");
    const { stdout, stderr } = await owner.tagsealOk(["trust", "recover", "--expired", "--yes", gun]);
    assert.match(stdout + stderr, /expired/u);
    await read([reader, `${gun}:v1`], [user("at-last"), `${gun}:v1`]);
    assert.deepEqual(await expired(owner, gun), []);
  });
});
