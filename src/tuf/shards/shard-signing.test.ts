import assert from "node:assert/strict";
import { before, beforeEach, test } from "node:test";
import { later, target } from "../../../test/support/editing-story.ts";
import { index, releases, ShardedRepository } from "../../../test/support/sharded-repository.ts";
import type { CollectionEditor } from "../editor.ts";
import { listDelegations } from "../lookup.ts";
import type { RoleName } from "../metadata.ts";
import { indexRoleOf } from "./shard-index.ts";

const all = [releases, index, `${index}/000`, `${index}/001`, `${index}/002`];
let fresh: ShardedRepository;
let repository: ShardedRepository;

before(async () => {
  fresh = await ShardedRepository.create();
});
beforeEach(() => {
  repository = fresh.copy();
});

function add(tag: string, content = "new"): (editor: CollectionEditor) => void {
  return (editor) => void editor.addTarget(releases, tag, target(content));
}

/** What a reader of one tag fetches below `targets/releases`, or that it fails. */
async function asked(tag: string): Promise<readonly RoleName[]> {
  return (await repository.reader().read(tag)).asked;
}

test("a change signs the role, the shards of what changed, and the index", async () => {
  assert.deepEqual(await repository.change(add("v1.2")), [releases, index, `${index}/000`]);
  assert.deepEqual(await repository.change((editor) => void editor.removeTarget(releases, "latest")), [
    releases,
    index,
    `${index}/002`,
  ]);
  assert.deepEqual(await repository.change((editor) => editor.witness(releases)), [releases, index]);
  assert.deepEqual(await repository.change((editor) => editor.witness("targets/alice")), ["targets/alice"]);
  for (const tag of ["v1.2", "v2.0", "latest"]) assert.equal((await asked(tag)).includes(releases), false);
});

test("neither index nor shards are among the delegations", async () => {
  const collection = await repository.reader().update();
  assert.deepEqual([...collection.delegations.keys()], ["targets/alice", releases]);
  assert.deepEqual(
    listDelegations(collection).map(({ role }) => role.name),
    ["targets/alice", releases],
  );
  assert.deepEqual([...collection.shardIndexes.keys()], [releases]);
});

test("a signer who was added signs shards beside those of others", async () => {
  await repository.change((editor) => editor.addDelegation(releases, { addKeys: [repository.bob] }));
  assert.deepEqual(await asked("v1.0"), [index, `${index}/000`]);
  const bob = repository.held.without(repository.alice);
  assert.deepEqual(await repository.change(add("v1.2"), bob), [releases, index, `${index}/000`]);
  for (const tag of ["v1.2", "v2.0"]) assert.equal((await asked(tag)).includes(releases), false);
});

test("what a removed signer signed is signed again", async () => {
  await repository.change((editor) => editor.addDelegation(releases, { addKeys: [repository.bob] }));
  const roles = await repository.change((editor) => {
    editor.updateDelegation(releases, { removeKeys: [repository.alice.keyId] });
    editor.witness(releases);
  });
  assert.deepEqual(roles, ["targets", ...all]);
  assert.deepEqual(await asked("v2.0"), [index, `${index}/001`]);
});

test("shards that will expire are signed again with the next change", async () => {
  assert.deepEqual(await repository.change(add("v1.2"), repository.held, later(800)), [
    releases,
    index,
    `${index}/000`,
  ]);
  const roles = await repository.change(add("v1.3"), repository.held, later(950));
  assert.deepEqual(
    roles.filter((role) => role.startsWith(releases)),
    all,
  );
});

test("a role that loses its last entry, or gets other delegations, has no shards that count", async () => {
  const editing = (editor: CollectionEditor): void => {
    editor.addDelegation(`${releases}/nightly`, { addKeys: [repository.bob], addPaths: ["nightly-"] });
  };
  assert.deepEqual(await repository.change(editing), [releases]);
  assert.equal((await asked("v1.0")).includes(releases), true);
  await repository.change((editor) => {
    for (const tag of ["v1.0", "v1.1", "v2.0", "v2.1", "latest"]) editor.removeTarget(releases, tag);
  });
  assert.equal((await repository.reader().update()).shardIndexes.size, 0);
});

test("shards are removed, and can be made again", async () => {
  assert.deepEqual(await repository.change((editor) => void editor.unshard(releases)), [releases]);
  assert.equal((await asked("v1.0")).includes(releases), true);
  assert.equal((await repository.reader().update()).shardIndexes.size, 0);
  await repository.change((editor) => editor.shard(releases, ["v", ""]));
  assert.deepEqual(await asked("v1.0"), [index, `${index}/000`]);
});

test("a role that did not exist can be split at once", async () => {
  const role = "targets/bob";
  await repository.change((editor) => {
    editor.addDelegation(role, { addKeys: [repository.bob], addPaths: [""] });
    editor.addTarget(role, "v1.0", target("first v1.0"));
    editor.shard(role, ["v", ""]);
  });
  const signed = await repository.change((editor) => void editor.addTarget(role, "v1.1", target("new")));
  assert.deepEqual(signed, [role, indexRoleOf(role), `${indexRoleOf(role)}/000`]);
  const collection = await repository.reader().update({ onlyTarget: "v1.1" });
  assert.equal(repository.requests.includes(role), false);
  assert.equal(collection.delegations.get(role)?.body.targets.has("v1.1"), true);
});
