/** Building a trusted set by hand. Notary v1: attacks, building a trusted set. */

import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { SimulatedRepository, simulatedKey, simulatedNow } from "../../test/support/simulated-repository.ts";
import { sha256Hex } from "../crypto/sha256.ts";
import type { JsonObject } from "../encoding/json.ts";
import type { RoleName, RootFile } from "./metadata.ts";
import { parseMetadata } from "./notary-v1/parse.ts";
import { TrustedMetadata } from "./trusted-metadata.ts";

async function published(): Promise<SimulatedRepository> {
  const repository = await SimulatedRepository.unpublished();
  for (const role of ["targets/a", "targets/a/b"]) repository.delegate(role);
  await repository.publish();
  return repository;
}

function file(repository: SimulatedRepository, role: RoleName): Uint8Array {
  return repository.current.get(role) ?? new Uint8Array();
}

function setWith(repository: SimulatedRepository, ...roles: readonly RoleName[]): TrustedMetadata {
  const set = new TrustedMetadata({ gun: repository.gun, now: simulatedNow });
  for (const role of roles) set.load(role, file(repository, role));
  return set;
}

const complete = ["root", "timestamp", "snapshot", "targets", "targets/a", "targets/a/b"] as const;

describe("order", () => {
  test("unknown roles are refused", async () => {
    const repository = await published();
    assert.throws(() => setWith(repository).load("mirrors", file(repository, "targets")), {
      code: "METADATA_ROLE_UNKNOWN",
      message: "mirrors is an invalid role",
    });
  });

  test("nothing goes before the root, no delegation before targets, no child before its parent", async () => {
    const repository = await published();
    for (const role of complete.slice(1)) {
      assert.throws(() => setWith(repository).load(role, file(repository, role)), {
        code: "METADATA_ORDER",
        message: "root must be loaded first",
      });
    }
    const set = setWith(repository, "root");
    assert.throws(() => set.load("targets/a", file(repository, "targets/a")), {
      code: "METADATA_ORDER",
      message: "targets must be loaded first",
    });
    set.load("targets", file(repository, "targets"));
    assert.throws(() => set.load("targets/a/b", file(repository, "targets/a/b")), { code: "METADATA_ROLE_UNKNOWN" });
  });

  test("a role is loaded once", async () => {
    const repository = await published();
    const set = setWith(repository, ...complete);
    for (const role of complete) {
      assert.throws(() => set.load(role, file(repository, role)), {
        code: "METADATA_ORDER",
        message: `${role} has already been loaded`,
      });
    }
  });

  test("a delegation its parent does not declare is unknown", async () => {
    const repository = await published();
    const set = setWith(repository, "root", "targets");
    assert.throws(() => set.load("targets/z", file(repository, "targets/a")), {
      code: "METADATA_ROLE_UNKNOWN",
      message: "targets/z is not declared by targets",
    });
  });

  test("a finished set can no longer change", async () => {
    const repository = await published();
    const set = setWith(repository, ...complete.slice(0, 4));
    const collection = set.finish();
    assert.equal(collection.targets.body.version, 1);
    assert.throws(() => set.load("targets/a", file(repository, "targets/a")), { code: "METADATA_ORDER" });
    assert.throws(() => set.finish(), { code: "METADATA_ORDER" });
  });

  test("an incomplete set cannot be finished", async () => {
    const repository = await published();
    for (const roles of [[], ["root"], ["root", "targets"], ["root", "timestamp", "snapshot"]]) {
      assert.throws(() => setWith(repository, ...roles).finish(), { code: "METADATA_ORDER" });
    }
    assert.equal(setWith(repository, "root", "snapshot", "targets").finish().timestamp, undefined);
  });

  test("a parsed file is used without parsing it again", async () => {
    const repository = await published();
    const set = setWith(repository, "root");
    const parsed = parseMetadata("targets", file(repository, "targets"));
    assert.equal(set.load("targets", parsed), parsed);
    assert.equal(set.targets, parsed);
  });

  test("I9: a file parsed for one role does not pass for another", async () => {
    const repository = await published();
    const set = setWith(repository, "root", "targets");
    const parsed = parseMetadata("targets", file(repository, "targets/a/b"));
    assert.throws(() => set.load("targets/a", parsed), { code: "METADATA_TYPE_UNEXPECTED" });
  });

  test("the signers of a role are known as soon as what names them is loaded", async () => {
    const repository = await published();
    assert.throws(() => setWith(repository).signersOf("targets"), { code: "METADATA_ORDER" });
    const set = setWith(repository, "root", "targets");
    const ids = (role: RoleName): readonly string[] | null => set.signersOf(role).roleKeys.keyIds;
    for (const role of ["timestamp", "targets/a"])
      assert.deepEqual(ids(role), [repository.keys.get(role)?.[0]?.listed.keyId]);
    assert.throws(() => set.signersOf("mirrors"), { code: "METADATA_ROLE_UNKNOWN" });
  });
});

describe("names and sizes to fetch", () => {
  test("before anything is loaded only the timestamp has a limit besides that of its kind", async () => {
    const set = setWith(await published());
    assert.deepEqual(set.expected("timestamp"), { name: "timestamp", maxBytes: 1024 * 1024, meta: undefined });
    assert.deepEqual(set.expected("root"), { name: "root", maxBytes: 10 * 1024 * 1024, meta: undefined });
    assert.deepEqual(set.expected("targets"), { name: "targets", maxBytes: 100 * 1024 * 1024, meta: undefined });
  });

  test("the timestamp describes the snapshot, the snapshot all others", async () => {
    const repository = await published();
    const set = setWith(repository, "root", "timestamp");
    const expected = (role: RoleName): [string, number] => [
      `${role}.${sha256Hex(file(repository, role))}`,
      file(repository, role).length,
    ];
    const actual = (role: RoleName): [string, number] => [set.expected(role).name, set.expected(role).maxBytes];
    assert.deepEqual(actual("snapshot"), expected("snapshot"));
    assert.equal(set.expected("targets").name, "targets");
    set.load("snapshot", file(repository, "snapshot"));
    for (const role of ["targets", "targets/a", "root"]) assert.deepEqual(actual(role), expected(role));
  });

  test("a set that follows another knows what its snapshot said about the root", async () => {
    const repository = await published();
    const first = setWith(repository, "root", "snapshot");
    const next = new TrustedMetadata({ gun: repository.gun, now: simulatedNow, rootMeta: first.rootMeta });
    assert.equal(next.expected("root").name, `root.${sha256Hex(file(repository, "root"))}`);
  });

  test("without a SHA-256 the plain name is used, and the size is kept", async () => {
    const repository = await published();
    repository.corrupt("snapshot", {
      signed: (body) => {
        const meta = (body["meta"] as JsonObject)["targets/a"] as JsonObject;
        meta["hashes"] = { md5: "AAAA" };
      },
    });
    await repository.publish();
    const set = setWith(repository, "root", "snapshot", "targets");
    const { name, maxBytes } = set.expected("targets/a");
    assert.deepEqual([name, maxBytes], ["targets/a", file(repository, "targets/a").length]);
    assert.throws(() => set.load("targets/a", file(repository, "targets/a")), {
      code: "METADATA_HASH_MISMATCH",
      message: "no checksums for supported algorithms were provided for targets/a",
    });
  });
});

describe("comparing files with each other", () => {
  async function twoStates(): Promise<{ repository: SimulatedRepository; old: Map<RoleName, Uint8Array> }> {
    const repository = await published();
    const old = new Map(repository.current);
    for (const role of ["targets", "targets/a"]) repository.addTarget("v1", role);
    await repository.publish();
    return { repository, old };
  }

  test("a snapshot loaded first is compared with every later file", async () => {
    const { repository, old } = await twoStates();
    const set = setWith(repository, "root", "snapshot");
    assert.throws(() => set.load("targets", old.get("targets") ?? new Uint8Array()), {
      code: "METADATA_LENGTH_MISMATCH",
    });
    assert.equal(set.isLoaded("targets"), false);
    set.load("targets", file(repository, "targets"));
    const other = Buffer.from(
      Buffer.from(file(repository, "targets/a")).toString().replace('"version":2', '"version":3'),
    );
    assert.throws(() => set.load("targets/a", other), { code: "METADATA_HASH_MISMATCH" });
  });

  test("a snapshot loaded last is compared with everything loaded so far", async () => {
    const { repository, old } = await twoStates();
    for (const roles of [
      ["root", "targets"],
      ["root", "targets", "targets/a", "targets/a/b"],
    ]) {
      const set = setWith(repository, ...roles);
      assert.throws(() => set.load("snapshot", old.get("snapshot") ?? new Uint8Array()), {
        code: "METADATA_LENGTH_MISMATCH",
      });
      set.load("snapshot", file(repository, "snapshot"));
    }
  });

  test("a file the snapshot does not list is refused, however well signed, whichever came first", async () => {
    const { repository } = await twoStates();
    const a = file(repository, "targets/a");
    repository.current.delete("targets/a");
    await repository.publish();
    const first = setWith(repository, "root", "snapshot", "targets");
    assert.throws(() => first.load("targets/a", a), {
      code: "METADATA_HASH_MISMATCH",
      message: "the snapshot does not list targets/a",
    });
    const last = setWith(repository, "root", "targets");
    last.load("targets/a", a);
    assert.throws(() => last.load("snapshot", file(repository, "snapshot")), { code: "METADATA_HASH_MISMATCH" });
  });

  test("a timestamp is compared with the snapshot, before or after", async () => {
    const { repository, old } = await twoStates();
    const oldTimestamp = old.get("timestamp") ?? new Uint8Array();
    const after = setWith(repository, "root", "snapshot");
    assert.throws(() => after.load("timestamp", oldTimestamp), { code: "METADATA_HASH_MISMATCH" });
    const before = setWith(repository, "root");
    before.load("timestamp", oldTimestamp);
    assert.throws(() => before.load("snapshot", file(repository, "snapshot")), { code: "METADATA_HASH_MISMATCH" });
  });

  test("what a timestamp says about other roles does not matter", async () => {
    const repository = await published();
    repository.corrupt("timestamp", {
      signed: (body) => {
        const meta = body["meta"] as JsonObject;
        meta["root"] = { hashes: { sha256: "AAAA" }, length: 1 };
      },
    });
    await repository.publish();
    setWith(repository, "root", "timestamp", "snapshot", "targets").finish();
  });
});

describe("versions and expiry", () => {
  test("I3: below the minimum is a rollback, at the minimum is not", async () => {
    const repository = await published();
    repository.addTarget("v1");
    await repository.publish();
    for (const role of ["targets", "snapshot", "timestamp"]) {
      const bytes = file(repository, role);
      assert.throws(() => setWith(repository, "root").load(role, bytes, { minVersion: 3 }), {
        code: "METADATA_VERSION_ROLLBACK",
        message: "version 2 is lower than current version 3",
      });
      setWith(repository, "root").load(role, bytes, { minVersion: 2 });
    }
    assert.throws(() => setWith(repository).load("root", file(repository, "root"), { minVersion: 2 }), {
      code: "METADATA_VERSION_ROLLBACK",
    });
  });

  test("I4: an expired file is refused unless its time does not matter", async () => {
    const repository = await SimulatedRepository.unpublished();
    for (const role of ["root", "targets", "snapshot", "timestamp"]) repository.setExpiry(role, "2026-02-01T00:00:00Z");
    await repository.publish();
    const set = setWith(repository);
    for (const role of ["root", "timestamp", "snapshot", "targets"]) {
      assert.throws(() => set.load(role, file(repository, role)), {
        code: "METADATA_EXPIRED",
        hint:
          role === "timestamp" || role === "snapshot" ? /ask the operator of the server/ : /tagseal trust renew IMAGE/,
        message: `${role} expired at Sun Feb 1 00:00:00 UTC 2026`,
      });
      set.load(role, file(repository, role), { allowExpired: true });
    }
  });
});

describe("a delegation", () => {
  test("that is badly signed or expired is kept separately", async () => {
    const repository = await published();
    repository.corrupt("targets/a", { signWith: [simulatedKey()] });
    await repository.publish();
    const set = setWith(repository, "root", "targets");
    assert.throws(() => set.load("targets/a", file(repository, "targets/a")), { code: "METADATA_THRESHOLD_NOT_MET" });
    assert.equal(set.invalidDelegations.get("targets/a")?.file.body.version, 2);
    assert.equal(set.delegations.has("targets/a"), false);
    repository.setExpiry("targets/a", "2026-02-01T00:00:00Z");
    await repository.publish();
    assert.throws(() => set.load("targets/a", file(repository, "targets/a")), { code: "METADATA_EXPIRED" });
    assert.equal(set.invalidDelegations.get("targets/a")?.error.code, "METADATA_EXPIRED");
    set.load("targets/a", file(repository, "targets/a"), { allowExpired: true });
    assert.equal(set.invalidDelegations.size, 0);
    assert.equal(set.delegations.size, 1);
  });

  test("I3: below the minimum version is not kept, even if badly signed", async () => {
    const repository = await published();
    repository.corrupt("targets/a", { signWith: [] });
    await repository.publish();
    const set = setWith(repository, "root", "targets");
    assert.throws(() => set.load("targets/a", file(repository, "targets/a"), { minVersion: 9 }), {
      code: "METADATA_VERSION_ROLLBACK",
    });
    assert.equal(set.invalidDelegations.size, 0);
  });
});

describe("a root", () => {
  test("reports who signed it and whether it is trusted on first use only", async () => {
    const repository = await published();
    assert.equal(setWith(repository).rootVerdict, undefined);
    const verdict = setWith(repository, "root").rootVerdict;
    assert.deepEqual(verdict?.signers, [repository.keys.get("root")?.[0]?.listed.keyId]);
    assert.equal(verdict?.isFirstUse, true);
  });

  test("I9: must be signed by the one trusted before", async () => {
    const repository = await published();
    const other = await published();
    const previousRoot = parseMetadata("root", file(repository, "root"));
    const set = new TrustedMetadata({ gun: repository.gun, now: simulatedNow, previousRoot });
    assert.throws(() => set.load("root", file(other, "root")), {
      code: "ROOT_ROTATION_REFUSED",
      message:
        "could not rotate trust to a new trusted root: failed to validate data with current trusted certificates",
    });
    const loaded = set.load("root", file(repository, "root")) as RootFile;
    assert.equal(set.root, loaded);
    assert.equal(set.rootVerdict?.isFirstUse, false);
  });
});
