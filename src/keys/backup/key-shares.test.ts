import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import type { TagsealError } from "../../errors.ts";
import { openAge, sealAge } from "./age-file.ts";
import { ShareCollection, addAll, makeShares } from "./key-shares.ts";
import { type KeyShare, shareText } from "./share-text.ts";

const fail = (source: string): void => assert.fail(`${source} is not forged`);

function collected(shares: readonly KeyShare[]): ShareCollection {
  const collection = new ShareCollection();
  for (const [index, share] of shares.entries()) collection.add(shareText(share), `file ${index + 1}`);
  return collection;
}

/** The same place on the curve with another value, and a right checksum. */
function forged(share: KeyShare): KeyShare {
  return { ...share, point: share.point.map((byte, index) => (index === 9 ? byte ^ 1 : byte)) };
}

test("any k of n shares give the identity, and k - 1 do not, for every k and n", async () => {
  const numbers = fc
    .tuple(fc.integer({ min: 2, max: 16 }), fc.integer({ min: 2, max: 16 }))
    .filter(([needed, made]) => needed <= made);
  await fc.assert(
    fc.asyncProperty(numbers, fc.infiniteStream(fc.nat(1000)), async ([needed, made], order) => {
      const { identity, recipient, shares } = await makeShares(needed, made);
      assert.match(recipient, /^age1/u);
      const ranks = shares.map(() => order.next().value);
      const shuffled = shares.toSorted((a, b) => (ranks[a.number - 1] ?? 0) - (ranks[b.number - 1] ?? 0));
      assert.equal(await collected(shuffled.slice(0, needed)).identity(fail), identity);
      assert.equal(await collected(shuffled).identity(fail), identity);
      await assert.rejects(collected(shuffled.slice(0, needed - 1)).identity(fail), { code: "SHARES_TOO_FEW" });
      // Without its guard: what fewer shares give has nothing to do with the identity.
      const lying = shuffled.slice(0, needed - 1).map((share) => ({ ...share, needed: needed - 1 }));
      if (needed > 2) await assert.rejects(collected(lying).identity(fail), { code: "SHARE_INVALID" });
    }),
    { numRuns: 40 },
  );
});

test("the joined identity opens what was sealed for the shares", async () => {
  const { recipient, shares } = await makeShares(3, 5);
  const sealed = await sealAge("the keys", { recipients: [recipient] });
  const identity = await collected([4, 0, 2].map((index) => shares[index] ?? assert.fail())).identity(fail);
  assert.equal(await openAge(sealed, { identities: [identity] }), "the keys");
});

test("too few shares are named by their numbers", async () => {
  const { shares } = await makeShares(3, 5);
  await assert.rejects(collected([shares[4], shares[1]].map((share) => share ?? assert.fail())).identity(fail), {
    code: "SHARES_TOO_FEW",
    message: "3 shares are needed, and only shares 2, 5 are here",
  });
  await assert.rejects(new ShareCollection().identity(fail), { code: "SHARES_TOO_FEW", message: /none is here/u });
});

test("a share of another set, one given twice and one with other numbers are refused by name", async () => {
  const one = await makeShares(2, 3);
  const other = await makeShares(2, 3);
  const collection = collected(one.shares.slice(0, 1));
  const text = (share: KeyShare | undefined) => shareText(share ?? assert.fail());
  assert.throws(() => collection.add(text(other.shares[1]), "mixed.txt"), {
    code: "SHARE_INVALID",
    message: /^mixed\.txt is of set [0-9A-F ]{11}, file 1 of set [0-9A-F ]{11}$/u,
  });
  assert.throws(() => collection.add(text(one.shares[0]), "again.txt"), {
    code: "SHARE_INVALID",
    message: "again.txt is share 1, as is file 1",
  });
  const changed = { ...(one.shares[1] ?? assert.fail()), needed: 3 };
  assert.throws(() => collection.add(shareText(changed), "changed.txt"), { code: "SHARE_INVALID" });
  assert.equal(collection.count, 1);
});

test("a forged share with a right checksum is noticed, and named when there are more shares than needed", async () => {
  const { identity, shares } = await makeShares(3, 5);
  const [first, second, third, fourth] = shares;
  assert.ok(first && second && third && fourth);
  await assert.rejects(collected([first, forged(second), third]).identity(fail), {
    code: "SHARE_INVALID",
    message: /one of them was changed/u,
  });
  for (const place of [0, 1, 2, 3]) {
    const mixed: KeyShare[] = shares.slice(0, 4).map((share, index) => (index === place ? forged(share) : share));
    const named: string[] = [];
    assert.equal(await collected(mixed).identity((source) => named.push(source)), identity);
    assert.deepEqual(named, [`file ${place + 1}`]);
  }
});

test("points that no honest share has are refused, not joined", async () => {
  const { shares } = await makeShares(2, 3);
  const [first, second] = shares;
  assert.ok(first && second);
  const at = (place: number, share: KeyShare) => ({
    ...share,
    point: new Uint8Array([...share.point.slice(0, 32), place]),
  });
  const same = second.point[32] ?? 0;
  for (const points of [
    [at(0, first), second],
    [at(same, first), second],
  ])
    await assert.rejects(collected(points).identity(fail), { code: "SHARE_INVALID" });
});

test("of many shares the usable ones are taken and the others reported; with too few usable ones the first problem is raised", async () => {
  const { identity, shares } = await makeShares(3, 5);
  const given = shares.map((share) => ({ text: shareText(share), source: `share-${share.number}.txt` }));
  const damaged = given.map((page, index) => (index === 1 ? { ...page, text: page.text.replace(/.$/u, "?") } : page));
  const problems: TagsealError[] = [];
  const collection = new ShareCollection();
  addAll(collection, damaged, (problem) => problems.push(problem));
  assert.equal(await collection.identity(fail), identity);
  assert.deepEqual(
    problems.map(({ message }) => message),
    ["share-2.txt has a typing error: group 19 has a character that no share has"],
  );
  assert.throws(() => addAll(new ShareCollection(), damaged.slice(0, 3), () => undefined), {
    code: "SHARE_INVALID",
    message: /^share-2\.txt/u,
  });
});

test("only 2 ≤ k ≤ n ≤ 16 is split", async () => {
  for (const [needed, made] of [
    [1, 3],
    [4, 3],
    [2, 17],
    [0, 0],
    [Number.NaN, 3],
  ] as const)
    await assert.rejects(makeShares(needed, made), { code: "USAGE" });
});
