/** What every `TrustCache` must do. An implementation's test calls this with a way to open the memory of one machine. */
import assert from "node:assert/strict";
import { test } from "node:test";
import type { TrustCache } from "../../src/trust/ports.ts";

/** Opens what a new machine remembers of one collection, as many times as processes of that machine do. */
export type NewMachine = () => Promise<() => TrustCache>;

const bytes = (text: string): Buffer => Buffer.from(text);

/** What a cache need not be able to do is not checked where it is absent. */
export function trustCacheContract(name: string, newMachine: NewMachine): void {
  test(`${name}: remembers nothing at first`, async () => {
    const cache = (await newMachine())();
    for (const role of ["root", "targets", "snapshot", "timestamp", "targets/releases", "targets/a/b"])
      assert.equal(await cache.load(role), undefined, role);
    assert.equal(await cache.confirmedAt?.("timestamp"), undefined);
    assert.equal(await cache.firstSeenAt?.("timestamp"), undefined);
    assert.equal(await cache.pastRoot?.(1), undefined);
    assert.equal((await cache.stagedChanges?.()) ?? 0, 0);
  });

  test(`${name}: gives back the bytes of each role as they were stored, also to another process`, async () => {
    const open = await newMachine();
    const cache = open();
    const files = ["root", "targets", "targets/a", "targets/a/b", "targets/releases", "snapshot", "timestamp"];
    for (const role of files) {
      await cache.load(role);
      await cache.store(role, bytes(`{"signed": "${role}"}`));
    }
    for (const reader of [cache, open()])
      for (const role of files)
        assert.deepEqual(Buffer.from((await reader.load(role)) ?? []).toString(), `{"signed": "${role}"}`);
  });

  test(`${name}: replaces a file as a whole, and that one alone`, async () => {
    const cache = (await newMachine())();
    await cache.store("targets", bytes("a longer file than the next"));
    await cache.store("snapshot", bytes("snapshot"));
    await cache.load("targets");
    await cache.store("targets", bytes("short"));
    assert.deepEqual(Buffer.from((await cache.load("targets")) ?? []).toString(), "short");
    assert.deepEqual(Buffer.from((await cache.load("snapshot")) ?? []).toString(), "snapshot");
  });

  test(`${name}: keeps past roots, if it can`, async () => {
    const open = await newMachine();
    const cache = open();
    if (cache.keepPastRoot === undefined || cache.pastRoot === undefined) return;
    await cache.keepPastRoot(1, bytes("first"));
    await cache.keepPastRoot(2, bytes("second"));
    assert.deepEqual(Buffer.from((await open().pastRoot?.(2)) ?? []).toString(), "second");
    assert.equal(await cache.pastRoot(3), undefined);
  });

  test(`${name}: one root takes the place of all that is remembered, if it can`, async () => {
    const open = await newMachine();
    const cache = open();
    if (cache.rememberOnly === undefined) return;
    for (const role of ["root", "targets", "targets/a", "snapshot", "timestamp"]) await cache.store(role, bytes(role));
    await cache.keepPastRoot?.(1, bytes("first"));
    await cache.rememberOnly(bytes("another"));
    for (const reader of [cache, open()]) {
      assert.deepEqual(Buffer.from((await reader.load("root")) ?? []).toString(), "another");
      for (const role of ["targets", "targets/a", "snapshot", "timestamp"])
        assert.equal(await reader.load(role), undefined, role);
      assert.equal(await reader.pastRoot?.(1), undefined);
      assert.equal(await reader.firstSeenAt?.("timestamp"), undefined);
    }
    await cache.store("root", bytes("its successor"));
    assert.deepEqual(Buffer.from((await open().load("root")) ?? []).toString(), "its successor");
  });

  test(`${name}: one publisher at a time, if it can; what the work returns or throws comes back, and the next one starts`, async () => {
    const open = await newMachine();
    const [one, other] = [open(), open()];
    if (one.exclusively === undefined || other.exclusively === undefined) return;
    const steps: string[] = [];
    const work = (who: string) => async (): Promise<string> => {
      steps.push(`${who} begins`);
      await new Promise((resolve) => setTimeout(resolve, 5));
      steps.push(`${who} ends`);
      return who;
    };
    assert.deepEqual(await Promise.all([one.exclusively(work("a")), other.exclusively(work("b"))]), ["a", "b"]);
    const order = ["a begins", "a ends", "b begins", "b ends"];
    assert.deepEqual(steps, steps[0] === "a begins" ? order : [...order.slice(2), ...order.slice(0, 2)]);
    const failing = one.exclusively(async () => {
      throw new RangeError("no");
    });
    await assert.rejects(failing, RangeError);
    assert.equal(await other.exclusively(work("c")), "c");
  });
}
