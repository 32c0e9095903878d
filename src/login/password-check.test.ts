import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { PasswordCheck, type PasswordClaim } from "./password-check.ts";
import type { PasswordFile } from "./password-file.ts";

const file: PasswordFile = {
  hashes: new Map([
    ["alice", "hash of wonderland"],
    ["bob", "hash of builder"],
  ]),
  decoy: "hash of nothing",
};

/** Counts comparisons, and remembers which hashes they were with. */
function checker() {
  const clock = { now: new Date("2026-11-23T12:00:00Z") };
  const compared: string[] = [];
  const compare = async (password: string, hash: string): Promise<boolean> => {
    compared.push(hash);
    await Promise.resolve();
    return hash === `hash of ${password}`;
  };
  const passwords = new PasswordCheck(compare, () => clock.now);
  const check = (claim: Partial<PasswordClaim> = {}, content = file) =>
    passwords.check({ user: "alice", password: "wonderland", address: "192.0.2.1", ...claim }, content);
  const wait = (ms: number): void => void (clock.now = new Date(clock.now.getTime() + ms));
  const fail = async (times: number, claim: Partial<PasswordClaim> = {}): Promise<void> => {
    for (let time = 0; time < times; time += 1) await check({ password: `guess ${time}`, ...claim });
  };
  return { check, compared, wait, fail };
}

describe("checking passwords", () => {
  it("is paid only once in a while for a right password", async () => {
    const { check, compared, wait } = checker();
    assert.equal(await check(), "right");
    assert.equal(await check(), "right");
    assert.equal(compared.length, 1);
    wait(6 * 60_000);
    assert.equal(await check(), "right");
    assert.equal(compared.length, 2);
  });

  it("is paid once by many requests at the same time", async () => {
    const { check, compared } = checker();
    const outcomes = await Promise.all(Array.from({ length: 20 }, () => check()));
    assert.deepEqual(new Set(outcomes), new Set(["right"]));
    assert.equal(compared.length, 1);
  });

  it("I9: does not remember a wrong password as right, nor one user's password for another", async () => {
    const { check } = checker();
    assert.equal(await check({ password: "builder" }), "wrong");
    assert.equal(await check(), "right");
    assert.equal(await check({ user: "bob" }), "wrong");
    assert.equal(await check({ password: "builder" }), "wrong");
  });

  it("forgets a password that no longer matches the file", async () => {
    const { check } = checker();
    assert.equal(await check(), "right");
    const changed = { ...file, hashes: new Map([["alice", "hash of looking glass"]]) };
    assert.equal(await check({}, changed), "wrong");
    assert.equal(await check({}, { ...file, hashes: new Map() }), "wrong");
  });

  it("works as hard for users who do not exist, and never finds them", async () => {
    const { check, compared } = checker();
    assert.equal(await check({ user: "mallory" }), "wrong");
    assert.equal(await check({ user: "mallory", password: "nothing" }), "wrong");
    assert.deepEqual(compared, ["hash of nothing", "hash of nothing"]);
  });
});

describe("guessing passwords", () => {
  it("ends after ten times for a user at an address, until a minute has passed", async () => {
    const { check, compared, fail, wait } = checker();
    await fail(10);
    const worked = compared.length;
    assert.equal(await check(), "throttled");
    assert.equal(compared.length, worked);
    wait(61_000);
    assert.equal(await check(), "right");
  });

  it("does not lock the user out elsewhere, nor where the right password is remembered", async () => {
    const { check, fail } = checker();
    assert.equal(await check({ address: "192.0.2.2" }), "right");
    await fail(10);
    assert.equal(await check({ address: "192.0.2.3" }), "right");
    assert.equal(await check(), "right");
  });

  it("ends after fifty times for an address, whatever the users", async () => {
    const { check, fail } = checker();
    for (let user = 0; user < 10; user += 1) await fail(5, { user: `user${user}` });
    assert.equal(await check(), "throttled");
    assert.equal(await check({ address: "192.0.2.2" }), "right");
  });

  it("ends after two hundred times for a user, whatever the addresses", async () => {
    const { check, fail } = checker();
    for (let host = 0; host < 40; host += 1) await fail(5, { address: `198.51.100.${host}` });
    assert.equal(await check({ address: "203.0.113.1" }), "throttled");
    assert.equal(await check({ address: "203.0.113.1", user: "bob", password: "builder" }), "right");
  });

  it("does not begin again with another address of the same network, or another spelling", async () => {
    const networks = [
      ["2001:db8:0:1::1", "2001:db8:0:1:ffff::2", "2001:db8::2:0:0:0:1"],
      ["::ffff:192.0.2.7", "192.0.2.7", "192.0.2.8"],
      ["fe80::1%eth0", "fe80::2%eth1", "fe80:0:0:1::1"],
    ] as const;
    for (const [first, same, other] of networks) {
      const { check, fail } = checker();
      await fail(10, { address: first });
      assert.equal(await check({ address: same }), "throttled", same);
      assert.equal(await check({ address: other }), "right", other);
    }
  });

  it("cannot be done all at once", async () => {
    const { check, compared } = checker();
    const guesses = Array.from({ length: 60 }, (_, number) => check({ password: `guess ${number}` }));
    const outcomes = await Promise.all(guesses);
    assert.equal(compared.length, 10);
    assert.equal(outcomes.filter((outcome) => outcome === "throttled").length, 50);
  });

  it("cannot make other users wait forever", async () => {
    const { check } = checker();
    const crowd = Array.from({ length: 500 }, (_, number) =>
      check({ user: `user${number}`, address: `10.0.0.${number}` }),
    );
    assert.equal((await Promise.all(crowd)).filter((outcome) => outcome === "throttled").length, 500 - 64);
  });
});
