/**
 * What a client makes of files that are wrong although everything around them is consistent: snapshot and timestamp name exactly these
 * bytes. Notary v1: attacks, hostile but consistently re-hashed metadata.
 */

import assert from "node:assert/strict";
import { describe, test } from "node:test";
import type { JsonObject } from "../../src/encoding/json.ts";
import type { ErrorCode } from "../../src/errors.ts";
import { findTarget, listDelegations, listTargets } from "../../src/tuf/lookup.ts";
import type { BaseRole, RoleName } from "../../src/tuf/metadata.ts";
import { baseRoles } from "../../src/tuf/role-name.ts";
import { SimulatedRepository, simulatedKey, simulatedNow, simulatedTarget } from "../support/simulated-repository.ts";
import { SimulatedClient } from "../support/update-story.ts";

type Outcome = "ok" | ErrorCode;
const delegation = "targets/a";
const roles: readonly RoleName[] = ["root", "timestamp", "snapshot", "targets", delegation];

async function published(): Promise<SimulatedRepository> {
  const repository = await SimulatedRepository.unpublished();
  repository.delegate(delegation);
  repository.delegate("targets/a/b");
  repository.addTarget("v1", delegation);
  repository.addTarget("v1", "targets/a/b");
  await repository.publish();
  return repository;
}

/** Four honest publications, all of them seen by the client. */
async function seenAtVersionFour(): Promise<{ repository: SimulatedRepository; client: SimulatedClient }> {
  const repository = await published();
  for (let version = 2; version <= 4; version++) {
    for (const role of ["targets", delegation, "targets/a/b"]) repository.addTarget(`v${version}`, role);
    repository.editRoot((body) => body);
    await repository.publish();
  }
  const client = new SimulatedClient(repository);
  await client.update();
  return { repository, client };
}

interface Story {
  readonly corruption: string;
  readonly apply: (repository: SimulatedRepository, role: RoleName) => Promise<void> | void;
  readonly root: Outcome;
  readonly base: Outcome;
  /** `ok` for a delegation means: left out with everything below it */
  readonly delegation: Outcome;
  /** of a delegation whose keys signed what the client remembers */
  readonly delegationSeenBefore?: Outcome;
  /** where what the client remembers makes a difference */
  readonly whenSeenBefore?: Outcome;
}

function signed(change: (signed: JsonObject) => void): Story["apply"] {
  return (repository, role) => repository.corrupt(role, { signed: change });
}

function bytes(change: (bytes: Buffer) => Uint8Array): Story["apply"] {
  return (repository, role) => repository.corrupt(role, { bytes: change });
}

function raiseThreshold(repository: SimulatedRepository, role: RoleName): void {
  if (role === delegation) {
    const [key] = repository.keys.get(role) ?? [];
    repository.delegate(role, { keys: key === undefined ? [] : [key], threshold: 2 });
  } else {
    repository.editRoot((body) => {
      const keyIds = body.roles.get(role)?.keyIds ?? [];
      return { ...body, roles: new Map(body.roles).set(role, { keyIds, threshold: 2 }) };
    });
  }
}

const malformed = { root: "METADATA_MALFORMED", base: "METADATA_MALFORMED", delegation: "METADATA_MALFORMED" } as const;
const unsigned = { root: "ROOT_INVALID", base: "METADATA_THRESHOLD_NOT_MET", delegation: "ok" } as const;

/** By keys that signed before, and did not sign this. */
const disowned = { ...unsigned, delegationSeenBefore: "METADATA_THRESHOLD_NOT_MET" } as const;

const stories: readonly Story[] = [
  { corruption: "invalid JSON", apply: bytes((file) => file.subarray(1)), ...malformed },
  { corruption: "not an object", apply: bytes(() => Buffer.from("[]")), ...malformed },
  {
    corruption: "signed of the wrong type",
    apply: bytes(() => Buffer.from('{"signed":"text","signatures":[]}')),
    ...malformed,
  },
  { corruption: "a version that is text", apply: signed((body) => (body["version"] = "5")), ...malformed },
  { corruption: "an expiry that is not a time", apply: signed((body) => (body["expires"] = "soon")), ...malformed },
  {
    corruption: "another _type",
    apply: signed((body) => (body["_type"] = "targets")),
    root: "METADATA_TYPE_UNEXPECTED",
    base: "METADATA_TYPE_UNEXPECTED",
    delegation: "METADATA_TYPE_UNEXPECTED",
  },
  {
    corruption: "a version lowered by three",
    apply: signed((body) => (body["version"] = Number(body["version"]) - 3)),
    ...malformed,
    whenSeenBefore: "METADATA_VERSION_ROLLBACK",
  },
  {
    corruption: "broken signatures",
    apply: bytes((file) => Buffer.from(file.toString().replaceAll(/"sig":"..../g, '"sig":"AAAA'))),
    ...disowned,
  },
  { corruption: "no signatures", apply: (repository, role) => repository.corrupt(role, { signWith: [] }), ...disowned },
  {
    corruption: "a foreign signature",
    apply: (repository, role) => repository.corrupt(role, { signWith: [simulatedKey()] }),
    ...disowned,
  },
  { corruption: "a threshold of two and one signature", apply: raiseThreshold, ...unsigned },
  {
    corruption: "an expiry in the past",
    apply: signed((body) => (body["expires"] = "2026-02-28T12:00:00Z")),
    root: "METADATA_EXPIRED",
    base: "METADATA_EXPIRED",
    delegation: "ok",
  },
];

function expectedFor(story: Story, role: RoleName, isSeenBefore: boolean): Outcome {
  if (isSeenBefore && story.whenSeenBefore !== undefined) return story.whenSeenBefore;
  if (role === delegation && isSeenBefore) return story.delegationSeenBefore ?? story.delegation;
  if (role === delegation) return story.delegation;
  if (role !== "root") return story.base;
  // A root the client's own root did not sign is refused for that first.
  if (isSeenBefore && story.corruption.includes("signature") && !story.corruption.includes("threshold"))
    return "ROOT_ROTATION_REFUSED";
  return story.root;
}

for (const role of roles) {
  describe(`I9: ${role} with`, () => {
    for (const story of stories) {
      test(`${story.corruption}, first use: ${expectedFor(story, role, false)}`, async () => {
        const repository = await published();
        await story.apply(repository, role);
        await repository.publish();
        const client = new SimulatedClient(repository);
        assert.equal(await client.outcome(), expectedFor(story, role, false));
      });

      test(`${story.corruption}, newer than what was seen: ${expectedFor(story, role, true)}`, async () => {
        const { repository, client } = await seenAtVersionFour();
        await story.apply(repository, role);
        await repository.publish();
        assert.equal(await client.outcome(), expectedFor(story, role, true));
      });

      test(`${story.corruption}, while the timestamp is the one seen before`, async () => {
        const { repository, client } = await seenAtVersionFour();
        const before = new Map(repository.served);
        await story.apply(repository, role);
        await repository.publish();
        if (role !== "timestamp") repository.served.set("timestamp", before.get("timestamp") ?? new Uint8Array());
        // The raised threshold of the timestamp is in a root that clients have no reason to fetch.
        const expected = role === "timestamp" && story.apply !== raiseThreshold ? expectedFor(story, role, true) : "ok";
        if (role === "timestamp" && story.apply === raiseThreshold) {
          repository.served.set("timestamp", before.get("timestamp") ?? new Uint8Array());
        }
        assert.equal(await client.outcome(), expected);
      });
    }
  });
}

describe("a delegation that is left out", () => {
  test("takes what is below it along, and the rest stays", async () => {
    const repository = await published();
    repository.delegate("targets/z");
    repository.addTarget("v9", "targets/z");
    repository.corrupt(delegation, { signWith: [simulatedKey()] });
    await repository.publish();
    const collection = await new SimulatedClient(repository).update();
    assert.deepEqual([...collection.delegations.keys()], ["targets/z"]);
    assert.deepEqual(
      listTargets(collection).map((found) => found.name),
      ["v9"],
    );
  });

  test("because its parent changed its key and it was not signed again", async () => {
    const repository = await published();
    repository.delegate("targets/z");
    await repository.publish();
    repository.delegate(delegation);
    repository.role(delegation).changed = false;
    await repository.publish();
    const collection = await new SimulatedClient(repository).update();
    assert.deepEqual([...collection.delegations.keys()], ["targets/z"]);
    assert.deepEqual([...collection.invalidDelegations.keys()], [delegation]);
  });
});

describe("I9: a root", () => {
  for (const role of baseRoles) {
    test(`without keys for ${role} is refused`, async () => {
      const repository = await SimulatedRepository.unpublished();
      repository.editRoot((body) => ({ ...body, roles: new Map(body.roles).set(role, { keyIds: [], threshold: 1 }) }));
      await repository.publish();
      const expected = role === "root" ? "ROOT_INVALID" : "METADATA_THRESHOLD_NOT_MET";
      assert.equal(await new SimulatedClient(repository).outcome(), expected);
    });

    test(`without the role ${role} is malformed`, async () => {
      const repository = await published();
      repository.corrupt("root", { signed: (body) => delete (body["roles"] as JsonObject)[role] });
      await repository.publish();
      await assert.rejects(new SimulatedClient(repository).update(), {
        code: "METADATA_MALFORMED",
        message: `root type metadata invalid: missing ${role} role specification`,
      });
    });

    test(`with a threshold of 0 for ${role} is malformed`, async () => {
      const repository = await published();
      repository.corrupt("root", {
        signed: (body) => {
          ((body["roles"] as JsonObject)[role] as JsonObject)["threshold"] = 0;
        },
      });
      await repository.publish();
      await assert.rejects(new SimulatedClient(repository).update(), {
        code: "METADATA_MALFORMED",
        message: `root type metadata invalid: invalid threshold specified for ${role}: 0`,
      });
    });
  }

  test("whose role key changed without the file being signed again fails that role", async () => {
    for (const role of ["targets", "snapshot", "timestamp"] as const) {
      const repository = await published();
      const old = repository.keys.get(role) ?? [];
      repository.rotate(role, [simulatedKey()]);
      repository.keys.set(role, old);
      await repository.publish();
      assert.equal(await new SimulatedClient(repository).outcome(), "METADATA_THRESHOLD_NOT_MET");
    }
  });

  test("without extra roles or with them means the same", async () => {
    const repository = await published();
    repository.editRoot((body) => ({
      ...body,
      roles: new Map(body.roles).set("root.1", { keyIds: [], threshold: 1 }),
    }));
    await repository.publish();
    assert.equal(await new SimulatedClient(repository).outcome(), "ok");
  });

  test("says consistent_snapshot and is read all the same", async () => {
    const repository = await published();
    repository.editRoot((body) => ({ ...body, consistentSnapshot: true }));
    await repository.publish();
    assert.equal(await new SimulatedClient(repository).outcome(), "ok");
  });
});

describe("I9: structures that are wrong", () => {
  const cases: readonly [BaseRole, string, (body: JsonObject) => void][] = [
    ["snapshot", "missing root sha256 checksum information", (body) => delete (body["meta"] as JsonObject)["root"]],
    [
      "snapshot",
      "missing targets sha256 checksum information",
      (body) => delete (body["meta"] as JsonObject)["targets"],
    ],
    [
      "timestamp",
      "missing snapshot sha256 checksum information",
      (body) => delete (body["meta"] as JsonObject)["snapshot"],
    ],
    [
      "targets",
      "delegation role root invalid",
      (body) => {
        const [role] = (body["delegations"] as JsonObject)["roles"] as JsonObject[];
        if (role !== undefined) role["name"] = "root";
      },
    ],
    [
      "targets",
      "delegation role targets/a/b invalid",
      (body) => {
        const [role] = (body["delegations"] as JsonObject)["roles"] as JsonObject[];
        if (role !== undefined) role["name"] = "targets/a/b";
      },
    ],
  ];
  for (const [role, reason, change] of cases) {
    test(`${role}: ${reason}`, async () => {
      const repository = await published();
      repository.corrupt(role, { signed: change });
      await repository.publish();
      await assert.rejects(new SimulatedClient(repository).update(), {
        code: "METADATA_MALFORMED",
        message: `${role} type metadata invalid: ${reason}`,
      });
    });
  }
});

describe("legitimate changes", () => {
  test("a delegation dropped by its parent is no longer read", async () => {
    const { repository, client } = await seenAtVersionFour();
    repository.editTargets("targets", (body) => ({ ...body, delegations: { keys: new Map(), roles: null } }));
    await repository.publish();
    const collection = await client.update();
    assert.equal(collection.delegations.size, 0);
    repository.forget(delegation);
    repository.forget("targets/a/b");
    repository.addTarget("v5");
    await repository.publish();
    assert.equal(await client.outcome(), "ok");
  });

  test("a delegation that never had a file is passed over", async () => {
    const repository = await published();
    repository.delegate("targets/none", { withFile: false });
    await repository.publish();
    const collection = await new SimulatedClient(repository).update();
    assert.equal(collection.delegations.has("targets/none"), false);
    assert.ok(listDelegations(collection).some(({ role }) => role.name === "targets/none"));
  });

  test("the same version with other content is accepted", async () => {
    const { repository, client } = await seenAtVersionFour();
    repository.addTarget("v5");
    repository.setVersion("targets", 4);
    await repository.publish();
    assert.equal(findTarget(await client.update(), "v5")?.role, "targets");
  });

  test("75,000 targets, 75,000 files in the snapshot, delegations four deep", async () => {
    const repository = await SimulatedRepository.unpublished();
    const target = simulatedTarget("one for all");
    const many = new Map(Array.from({ length: 75_000 }, (_, index) => [`tag-${index}`, target]));
    repository.editTargets("targets", (body) => ({ ...body, targets: many }));
    for (const role of ["targets/a", "targets/a/b", "targets/a/b/c", "targets/a/b/c/d"]) repository.delegate(role);
    repository.addTarget("deep", "targets/a/b/c/d");
    repository.corrupt("snapshot", {
      signed: (body) => {
        const meta = body["meta"] as JsonObject;
        for (let index = 0; index < 75_000; index++) meta[`targets/never/${index}`] = meta["targets"] ?? null;
      },
    });
    await repository.publish();
    const collection = await new SimulatedClient(repository).update();
    assert.equal(findTarget(collection, "tag-74999")?.role, "targets");
    assert.equal(findTarget(collection, "deep")?.role, "targets/a/b/c/d");
  });
});

test("I4: the clock decides to the second", async () => {
  const repository = await published();
  repository.setExpiry("targets", "2026-03-05T00:00:00Z");
  await repository.publish();
  const client = new SimulatedClient(repository);
  assert.equal(await client.outcome({ now: new Date("2026-03-05T00:00:00Z") }), "ok");
  await assert.rejects(client.update({ now: new Date("2026-03-05T00:00:01Z") }), {
    code: "METADATA_EXPIRED",
    message: "targets expired at Thu Mar 5 00:00:00 UTC 2026",
  });
  assert.ok(simulatedNow < new Date("2026-03-05T00:00:00Z"));
});
