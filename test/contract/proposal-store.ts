/** What every `ProposalStore` must do. Part of the contract of `MetadataStore`, which has one. */

import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { it } from "node:test";
import type { StoredProposal } from "../../src/server/storage/proposal-store.ts";
import type { NewFile } from "../../src/server/storage/stored-file.ts";
import type { OpenStore } from "./metadata-store.ts";

const gun = "docker.io/library/alpine";
const at = new Date("2026-11-23T04:00:00.123Z");
const end = new Date("2026-12-07T04:00:00.123Z");
const hex = (text: string): string => createHash("sha256").update(text).digest("hex");

function proposal(name: string, text = name, more: Partial<StoredProposal> = {}): StoredProposal {
  const bytes = Buffer.from(text);
  return { id: hex(name), sha256: hex(text), createdAt: at, expiresAt: end, bytes, ...more };
}

const first = { replaces: undefined, limit: 3 };

/** Runs the contract against stores made by `open`. */
export function describeProposals(open: OpenStore): void {
  it("gives back a proposal, in its repository only, and lists them oldest first", async (t) => {
    const { proposals } = await open(t);
    const [one, two] = [proposal("one"), proposal("two", "two", { createdAt: new Date(at.getTime() - 1) })];
    await proposals.keep(gun, one, first);
    await proposals.keep(gun, two, first);
    const found = await proposals.find(gun, one.id);
    assert.ok(found);
    assert.deepEqual({ ...found, bytes: Buffer.from(found.bytes) }, one);
    assert.equal(await proposals.find("docker.io/library/alpine/other", one.id), undefined);
    const entry = ({ id, createdAt, expiresAt, bytes }: StoredProposal) => ({
      id,
      createdAt,
      expiresAt,
      length: bytes.length,
    });
    assert.deepEqual(await proposals.list(gun), [two, one].map(entry));
    assert.deepEqual(await proposals.list("docker.io/library/other"), []);
  });

  it("I7: replaces only the content that the caller has seen, so that no signature is lost", async (t) => {
    const { proposals } = await open(t);
    const [one, more, most] = [proposal("one"), proposal("one", "one, more"), proposal("one", "one, most")];
    await proposals.keep(gun, one, first);
    await assert.rejects(proposals.keep(gun, more, first), { code: "STORAGE_CONFLICT" });
    await proposals.keep(gun, more, { ...first, replaces: one.sha256 });
    await assert.rejects(proposals.keep(gun, most, { ...first, replaces: one.sha256 }), { code: "STORAGE_CONFLICT" });
    assert.equal((await proposals.find(gun, one.id))?.sha256, more.sha256);
  });

  it("refuses more than the limit, and more signatures of one that is there never", async (t) => {
    const { proposals } = await open(t);
    for (const name of ["one", "two"]) await proposals.keep(gun, proposal(name), { ...first, limit: 2 });
    await assert.rejects(proposals.keep(gun, proposal("three"), { ...first, limit: 2 }), { code: "LIMIT_REACHED" });
    await proposals.keep(gun, proposal("one", "more"), { replaces: hex("one"), limit: 1 });
    await proposals.keep("docker.io/library/other", proposal("three"), { ...first, limit: 1 });
    assert.equal((await proposals.list(gun)).length, 2);
  });

  it("forgets one, and those that have ended", async (t) => {
    const { proposals } = await open(t);
    const late = proposal("late", "late", { expiresAt: new Date(end.getTime() + 1) });
    for (const one of [proposal("one"), proposal("two"), late]) await proposals.keep(gun, one, first);
    assert.equal(await proposals.forget(gun, hex("one")), true);
    assert.equal(await proposals.forget(gun, hex("one")), false);
    assert.equal(await proposals.forgetExpired(new Date(end.getTime() - 1)), 0);
    assert.equal(await proposals.forgetExpired(end), 1);
    assert.deepEqual(
      (await proposals.list(gun)).map(({ id }) => id),
      [late.id],
    );
  });

  it("forgets proposals with their repository, and brings none back", async (t) => {
    const store = await open(t);
    const bytes = Buffer.from("timestamp");
    const timestamp: NewFile = { role: "timestamp", version: 1, sha256: hex("timestamp"), bytes };
    await store.publish({ gun, base: undefined, files: [timestamp], at });
    await store.proposals.keep(gun, proposal("one"), first);
    await store.remove(gun, end);
    assert.deepEqual(await store.proposals.list(gun), []);
    const [deletion] = await store.deletions(undefined, 1);
    assert.ok(deletion !== undefined && (await store.undelete(deletion, end)));
    assert.deepEqual(await store.proposals.list(gun), []);
  });
}
