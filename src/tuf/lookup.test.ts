import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { SimulatedRepository, simulatedKey } from "../../test/support/simulated-repository.ts";
import { SimulatedClient } from "../../test/support/update-story.ts";
import { findTarget, listDelegations, listTargets, sha256Of, walkedFiles } from "./lookup.ts";
import type { RoleName } from "./metadata.ts";
import type { TrustedCollection } from "./trusted-collection.ts";

/** Roles with their paths, in order, and the targets in each. */
type Layout = Readonly<Record<RoleName, { readonly paths?: readonly string[]; readonly targets?: readonly string[] }>>;

async function collectionOf(layout: Layout): Promise<TrustedCollection> {
  const repository = await SimulatedRepository.unpublished();
  for (const [role, { paths, targets }] of Object.entries(layout)) {
    if (role !== "targets") repository.delegate(role, paths === undefined ? {} : { paths });
    for (const name of targets ?? []) repository.addTarget(name, role, `${name} of ${role}`);
  }
  await repository.publish();
  return await new SimulatedClient(repository).update();
}

describe("finding a target", () => {
  test("searches level by level: a sibling wins over a grandchild", async () => {
    const collection = await collectionOf({
      "targets/a": {},
      "targets/a/c": { targets: ["v"] },
      "targets/b": { targets: ["v"] },
    });
    assert.equal(findTarget(collection, "v")?.role, "targets/b");
    assert.equal(findTarget(collection, "v", ["targets/a", "targets"])?.role, "targets/a/c");
  });

  test("prefers what comes first: targets over delegations, earlier delegations over later ones", async () => {
    const collection = await collectionOf({
      targets: { targets: ["x"] },
      "targets/b": { targets: ["x", "y"] },
      "targets/a": { targets: ["x", "y"] },
    });
    assert.equal(findTarget(collection, "x")?.role, "targets");
    assert.equal(findTarget(collection, "y")?.role, "targets/b");
  });

  test("searches the roles in the requested order, each without the others", async () => {
    const collection = await collectionOf({
      targets: { targets: ["x"] },
      "targets/releases": { targets: ["x"] },
      "targets/alice": { targets: ["z"] },
    });
    assert.equal(findTarget(collection, "x", ["targets/releases", "targets"])?.role, "targets/releases");
    assert.equal(findTarget(collection, "x", ["targets", "targets/releases"])?.role, "targets");
    assert.equal(findTarget(collection, "z", ["targets/releases", "targets"])?.role, "targets/alice");
    assert.equal(findTarget(collection, "z", ["targets/releases"]), undefined);
    assert.equal(findTarget(collection, "z", ["targets/unheard-of"]), undefined);
    assert.equal(findTarget(collection, "x", []), undefined);
  });

  test("in one role skips what is below another requested role", async () => {
    const collection = await collectionOf({ "targets/a": {}, "targets/a/b": { targets: ["v"] } });
    assert.equal(findTarget(collection, "v", ["targets", "targets/a"])?.role, "targets/a/b");
    const skipped = await collectionOf({
      "targets/a": {},
      "targets/a/b": { targets: ["v"] },
      "targets/c": { targets: ["v"] },
    });
    assert.equal(findTarget(skipped, "v", ["targets", "targets/a"])?.role, "targets/c");
  });

  test("I9: accepts a role only within its paths, and those of all roles above it", async () => {
    const collection = await collectionOf({
      "targets/a": { paths: ["team-a/"], targets: ["team-a/x", "other/x"] },
      "targets/a/b": { paths: ["team-a/b/", "other/"], targets: ["team-a/b/y", "other/y", "team-a/z"] },
      "targets/none": { paths: [], targets: ["n"] },
    });
    const role = (name: string): RoleName | undefined => findTarget(collection, name)?.role;
    assert.equal(role("team-a/x"), "targets/a");
    assert.equal(role("team-a/b/y"), "targets/a/b");
    for (const name of ["other/x", "other/y", "team-a/z", "n"]) assert.equal(role(name), undefined);
    assert.deepEqual(
      listTargets(collection).map((found) => found.name),
      ["team-a/x", "team-a/b/y"],
    );
  });

  test("does not enter a subtree whose top does not cover the name", async () => {
    const collection = await collectionOf({
      "targets/a": { paths: ["x"] },
      "targets/a/b": { paths: ["xy"], targets: ["xyz"] },
    });
    assert.equal(findTarget(collection, "xyz")?.role, "targets/a/b");
    assert.equal(findTarget(collection, "yyz"), undefined);
  });

  test("skips roles without metadata, with everything below them", async () => {
    const repository = await SimulatedRepository.unpublished();
    repository.delegate("targets/a", { withFile: false });
    await repository.publish();
    const collection = await new SimulatedClient(repository).update();
    assert.equal(findTarget(collection, "v"), undefined);
  });
});

test("a list gives each name once, from the role that wins", async () => {
  const collection = await collectionOf({
    targets: { targets: ["x"] },
    "targets/releases": { targets: ["x", "y"] },
    "targets/alice": { targets: ["z"] },
  });
  const list = (roles?: RoleName[]): string[][] => listTargets(collection, roles).map(({ name, role }) => [name, role]);
  assert.deepEqual(list(), [
    ["x", "targets"],
    ["y", "targets/releases"],
    ["z", "targets/alice"],
  ]);
  assert.deepEqual(list(["targets/releases", "targets"]), [
    ["x", "targets/releases"],
    ["y", "targets/releases"],
    ["z", "targets/alice"],
  ]);
});

test("all files come with their signatures and the names that they may sign", async () => {
  const collection = await collectionOf({
    targets: { targets: ["x"] },
    "targets/alice": { targets: ["x", "y"] },
    "targets/bob": { paths: ["y"], targets: ["x", "y"] },
  });
  const files = walkedFiles(collection);
  assert.deepEqual(
    files.map(({ file }) => [file.role, file.signatures.length]),
    [
      ["targets", 1],
      ["targets/alice", 1],
      ["targets/bob", 1],
    ],
  );
  const all = files.flatMap(({ file, paths }) =>
    [...file.body.targets.keys()].filter((name) => paths.covers(name)).map((name) => `${file.role} ${name}`),
  );
  assert.deepEqual(all, ["targets x", "targets/alice x", "targets/alice y", "targets/bob y"]);
});

test("delegations are listed with the IDs of their bare keys", async () => {
  const repository = await SimulatedRepository.unpublished();
  const certified = await repository.rootKey("certified");
  const plain = simulatedKey();
  repository.delegate("targets/a", { keys: [certified, plain] });
  repository.delegate("targets/a/b", { threshold: 2 });
  await repository.publish();
  const listed = listDelegations(await new SimulatedClient(repository).update());
  assert.deepEqual(
    listed.map(({ role, threshold }) => [role.name, threshold]),
    [
      ["targets/a", 1],
      ["targets/a/b", 2],
    ],
  );
  assert.deepEqual(listed[0]?.canonicalKeyIds, [certified.privateKey.publicKey.keyId, plain.listed.keyId]);
});

test("a delegation key that is an unreadable certificate is listed under the ID it has", async () => {
  const repository = await SimulatedRepository.unpublished();
  const { PublicKey } = await import("../crypto/public-key.ts");
  const key = { ...simulatedKey(), listed: new PublicKey("ecdsa-x509", Buffer.from("no certificate")) };
  repository.delegate("targets/a", { keys: [key] });
  await repository.publish();
  const [listed] = listDelegations(await new SimulatedClient(repository).update());
  assert.deepEqual(listed?.canonicalKeyIds, [key.listed.keyId]);
});

test("I9: a target without a SHA-256 names no image", async () => {
  const collection = await collectionOf({ targets: { targets: ["x"] } });
  const found = findTarget(collection, "x");
  assert.ok(found);
  assert.equal(sha256Of(found).length, 32);
  for (const hashes of [new Map(), new Map([["sha512", Buffer.alloc(64)]]), new Map([["sha256", Buffer.alloc(31)]])]) {
    assert.throws(() => sha256Of({ ...found, target: { ...found.target, hashes } }), {
      code: "METADATA_MALFORMED",
      message: "no valid hash, expecting sha256",
    });
  }
});
