import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { describe, test } from "node:test";
import { simulatedKey, signedFile } from "../../../test/support/simulated-repository.ts";
import { canonicalJson, fileJson, parseJson } from "../../encoding/json.ts";
import type { JsonObject, JsonValue } from "../../encoding/json.ts";
import type { RoleName } from "../metadata.ts";
import { verifyThreshold } from "../threshold.ts";
import { maxDelegations, maxFileBytes, maxHashes, maxKeys, maxNameLength, maxSignatures } from "./bounds.ts";
import { parseMetadata } from "./parse.ts";

function vector(role: string): Buffer {
  return readFileSync(new URL(`../../../test/vectors/notary-v1/vec-demo/${role}.json`, import.meta.url));
}

/** The `signed` member of the real file, changed, in an unsigned file. */
function changed(role: string, change: (signed: JsonObject) => void): Buffer {
  const file = parseJson(vector(role)) as JsonObject;
  change(file["signed"] as JsonObject);
  return Buffer.from(fileJson(file));
}

function member(object: JsonObject, ...path: readonly string[]): JsonObject {
  return path.reduce((inner, name) => inner[name] as JsonObject, object);
}

const delegate = (role: JsonValue) => (signed: JsonObject) => {
  signed["delegations"] = { keys: {}, roles: [role] };
};
const role = (extra: JsonObject): JsonObject => ({
  keyids: [],
  name: "targets/a",
  paths: [""],
  threshold: 1,
  ...extra,
});
const entry = (target: JsonValue) => (signed: JsonObject) => {
  signed["targets"] = { v1: target };
};
const hash = "ZKtuU6vXWDNktsNqGyx3zD8plW2J/ZxibxAAjZBTnEA=";

describe("what real files say", () => {
  test("a root names keys, roles and thresholds", () => {
    const { body } = parseMetadata("root", vector("root"));
    assert.equal(body.version, 2);
    assert.equal(body.consistentSnapshot, false);
    assert.equal(body.expiresAt.toISOString(), "2036-11-20T04:07:46.039Z");
    assert.deepEqual([...body.roles.keys()], ["root", "snapshot", "targets", "timestamp"]);
    assert.equal(body.keys.size, 4);
    const [rootKeyId = ""] = body.roles.get("root")?.keyIds ?? [];
    assert.equal(body.keys.get(rootKeyId)?.keyId, rootKeyId);
    assert.equal(
      body.keys.get(rootKeyId)?.canonicalKeyId,
      "bab5e930a7d36033763ed23a04de399476d26a4f8532cb9706f70e92bbf69885",
    );
  });

  test("targets name hashes and lengths", () => {
    const { body } = parseMetadata("targets", vector("targets"));
    const target = body.targets.get("v1.0");
    assert.equal(target?.length, 13);
    assert.deepEqual(target?.hashes.get("sha256"), Buffer.from(hash, "base64"));
    assert.equal(target?.hashes.get("sha512")?.length, 64);
    assert.equal(body.delegations.roles?.length, 0);
  });

  test("snapshot and timestamp name files", () => {
    assert.equal(parseMetadata("snapshot", vector("snapshot")).body.meta.get("targets")?.length, 528);
    assert.equal(parseMetadata("timestamp", vector("timestamp")).body.meta.get("snapshot")?.length, 683);
  });
});

describe("signed bytes", () => {
  test("are the canonical form, whether taken from the file or made again", async () => {
    const key = simulatedKey();
    const odd = changed("targets", entry({ custom: { a: '<&>"\\\u2028' }, hashes: { sha256: hash }, length: 1 }));
    const signed = (parseJson(odd) as JsonObject)["signed"] as JsonObject;
    const file = await signedFile(signed, [key]);
    const pretty = Buffer.from(JSON.stringify(parseJson(file), undefined, 2));
    for (const bytes of [file, pretty]) {
      const parsed = parseMetadata("targets", bytes);
      assert.deepEqual(Buffer.from(parsed.signedBytes), Buffer.from(canonicalJson(signed)));
      verifyThreshold(parsed, { keyIds: [key.listed.keyId], threshold: 1 }, new Map([[key.listed.keyId, key.listed]]));
    }
  });

  test("cover unknown members", () => {
    const file = parseMetadata(
      "targets",
      changed("targets", (signed) => (signed["zz"] = [1, "x"])),
    );
    assert.match(Buffer.from(file.signedBytes).toString(), /"zz":\[1,"x"\]/);
  });

  test("I9: text that cannot be signed makes the file malformed", () => {
    const bytes = vector("targets").toString().replace('"v1.0"', '"v1\\n0"');
    assert.throws(() => parseMetadata("targets", Buffer.from(bytes)), { code: "METADATA_MALFORMED" });
  });

  test("methods are read in lower case", () => {
    const bytes = Buffer.from(vector("targets").toString().replace('"ecdsa"', '"ECDSA"'));
    assert.equal(parseMetadata("targets", bytes).signatures[0]?.method, "ecdsa");
  });
});

describe("I9: refuses", () => {
  const cases: readonly [string, RoleName, (signed: JsonObject) => void, string][] = [
    ["a version of 0", "root", (s) => (s["version"] = 0), "version cannot be less than one, not 0"],
    ["a version that is text", "root", (s) => (s["version"] = "1"), "signed version must be an integer"],
    ["a missing version", "targets", (s) => delete s["version"], "signed version must be an integer"],
    ["no expiry", "targets", (s) => delete s["expires"], "signed expires must be text"],
    [
      "an expiry that is not a time",
      "targets",
      (s) => (s["expires"] = "never"),
      'expires is not an RFC 3339 time: "never"',
    ],
    ["no type", "targets", (s) => delete s["_type"], "signed _type must be text"],
    ["keys that are a list", "root", (s) => (s["keys"] = []), "signed keys must be an object"],
    ["a key that is text", "root", (s) => (s["keys"] = { a: "x" }), "signed keys a must be an object"],
    [
      "a private key in public metadata",
      "root",
      (s) => {
        for (const id of Object.keys(member(s, "keys"))) member(s, "keys", id, "keyval")["private"] = "AAAA";
      },
      "carries a private key",
    ],
    [
      "a key that is not base64",
      "root",
      (s) => {
        for (const id of Object.keys(member(s, "keys"))) member(s, "keys", id, "keyval")["public"] = "AA=A";
      },
      "keyval public must be base64",
    ],
    [
      "a root that does not say consistent_snapshot",
      "root",
      (s) => delete s["consistent_snapshot"],
      "must be true or false",
    ],
    [
      "a role without threshold",
      "root",
      (s) => delete member(s, "roles", "targets")["threshold"],
      "threshold must be an integer",
    ],
    [
      "a role with a key nobody knows",
      "root",
      (s) => (member(s, "roles", "targets")["keyids"] = ["abc"]),
      "key ID abc specified in targets without corresponding key",
    ],
    ["key IDs that are numbers", "root", (s) => (member(s, "roles", "targets")["keyids"] = [1]), "keyids must be text"],
    [
      "key IDs that are an object",
      "root",
      (s) => (member(s, "roles", "targets")["keyids"] = {}),
      "keyids must be a list",
    ],
    ["delegations that are a list", "targets", (s) => (s["delegations"] = []), "delegations must be an object"],
    ["a delegation that is text", "targets", delegate("targets/a"), "delegation 0 must be an object"],
    [
      "a delegation below another",
      "targets",
      delegate(role({ name: "targets/a/b" })),
      "delegation role targets/a/b invalid",
    ],
    ["a delegation to a base role", "targets", delegate(role({ name: "root" })), "delegation role root invalid"],
    ["a delegation to itself", "targets", delegate(role({ name: "targets" })), "delegation role targets invalid"],
    [
      "a delegation with a threshold of 0",
      "targets",
      delegate(role({ threshold: 0 })),
      "invalid threshold specified for targets/a: 0",
    ],
    [
      "a delegation with a key nobody knows",
      "targets",
      delegate(role({ keyids: ["k"] })),
      "key ID k specified in targets/a",
    ],
    ["paths that are text", "targets", delegate(role({ paths: "v" })), "paths must be a list"],
    [
      "a delegation declared twice",
      "targets",
      (s) => (s["delegations"] = { keys: {}, roles: [role({}), role({})] }),
      "declares a delegation role twice",
    ],
    ["targets that are a list", "targets", (s) => (s["targets"] = []), "signed targets must be an object"],
    ["a target that is text", "targets", entry("x"), 'target "v1": must be an object'],
    ["a target without length", "targets", entry({ hashes: {} }), 'target "v1": length must be a natural number'],
    ["a target of negative length", "targets", entry({ hashes: {}, length: -1 }), "length must be a natural number"],
    ["a target without hashes", "targets", entry({ length: 1 }), 'target "v1": hashes must be an object'],
    ["a hash in hex", "targets", entry({ hashes: { sha256: "xyz" }, length: 1 }), "hashes must be base64"],
    ["a hash with stray bits", "targets", entry({ hashes: { sha256: "AB==" }, length: 1 }), "hashes must be base64"],
    ["a hash that is a number", "targets", entry({ hashes: { sha256: 1 }, length: 1 }), "hashes must be base64"],
    ["meta that is a list", "snapshot", (s) => (s["meta"] = []), "signed meta must be an object"],
    [
      "meta without length",
      "snapshot",
      (s) => delete member(s, "meta", "root")["length"],
      "length must be a natural number",
    ],
    [
      "meta with a hash in hex",
      "snapshot",
      (s) => (member(s, "meta", "root", "hashes")["sha256"] = "zz"),
      "hashes must be base64",
    ],
    [
      "a snapshot without root",
      "snapshot",
      (s) => delete member(s, "meta")["root"],
      "missing root sha256 checksum information",
    ],
    [
      "a snapshot with a short hash",
      "snapshot",
      (s) => (member(s, "meta", "targets", "hashes")["sha512"] = hash),
      "invalid targets checksum information, sha512 has 32 bytes instead of 64",
    ],
    [
      "a timestamp without the snapshot's sha256",
      "timestamp",
      (s) => delete member(s, "meta", "snapshot", "hashes")["sha256"],
      "missing snapshot sha256 checksum information",
    ],
  ];
  for (const [name, fileRole, change, reason] of cases) {
    test(`${fileRole}: ${name}`, () => {
      assert.throws(
        () => parseMetadata(fileRole, changed(fileRole, change)),
        (error: { code?: string; message?: string }) => {
          assert.equal(error.code, "METADATA_MALFORMED");
          assert.ok(error.message?.startsWith(`${fileRole} type metadata invalid: `), error.message);
          assert.ok(error.message?.includes(reason), error.message);
          return true;
        },
      );
    });
  }

  test("another role's file, and types in other letters", () => {
    assert.throws(() => parseMetadata("snapshot", vector("targets")), {
      code: "METADATA_TYPE_UNEXPECTED",
      message: 'snapshot type metadata invalid: expected type Snapshot, not "Targets"',
    });
    const lower = changed("root", (signed) => (signed["_type"] = "root"));
    const hint = /^Update Tagseal: the server speaks TUF 1\.0, which this version does not read\.$/u;
    assert.throws(() => parseMetadata("root", lower), { code: "METADATA_TYPE_UNEXPECTED", hint });
  });

  test("names that are not a role", () => {
    for (const name of ["mirrors", "targets/A", "targets/", "__proto__"]) {
      assert.throws(() => parseMetadata(name, vector("targets")), {
        code: "METADATA_ROLE_UNKNOWN",
        message: `${name} is an invalid role`,
      });
    }
  });

  const broken = [
    "",
    "{",
    "null",
    "[]",
    '"x"',
    "{}",
    '{"signed":{}}',
    '{"signed":null,"signatures":[]}',
    '{"signed":{},"signed":{}}',
  ];
  for (const text of broken) {
    test(`a file that is ${JSON.stringify(text)}`, () => {
      assert.throws(() => parseMetadata("targets", Buffer.from(text)), { code: "METADATA_MALFORMED" });
    });
  }

  for (const [name, signature] of Object.entries({
    "a list": [],
    "without key ID": { method: "ecdsa", sig: "" },
    "without method": { keyid: "a", sig: "" },
    "not in base64": { keyid: "a", method: "ecdsa", sig: "@" },
  })) {
    test(`a signature that is ${name}`, () => {
      const file = { ...(parseJson(vector("targets")) as JsonObject), signatures: [signature] };
      assert.throws(() => parseMetadata("targets", Buffer.from(JSON.stringify(file))), { code: "METADATA_MALFORMED" });
    });
  }
});

describe("I1: bounds", () => {
  test("a file larger than the limit of its role is not parsed", () => {
    const bytes = Buffer.alloc(maxFileBytes("timestamp") + 1, " ");
    assert.throws(() => parseMetadata("timestamp", bytes), {
      code: "TOO_LARGE",
      message: "timestamp has 1048577 bytes, more than the 1048576 allowed",
    });
    assert.equal(maxFileBytes("root"), 10 * 1024 * 1024);
    assert.equal(maxFileBytes("targets/a"), 100 * 1024 * 1024);
  });

  const tooMuch: Readonly<Record<string, Buffer>> = {
    signatures: Buffer.from(
      JSON.stringify({
        ...(parseJson(vector("targets")) as JsonObject),
        signatures: Array.from({ length: maxSignatures + 1 }, () => ({ keyid: "a", method: "ecdsa", sig: "" })),
      }),
    ),
    delegations: changed("targets", (signed) => {
      const roles = Array.from({ length: maxDelegations + 1 }, (_, index) => role({ name: `targets/r${index}` }));
      signed["delegations"] = { keys: {}, roles };
    }),
    keys: changed("targets", (signed) => {
      const key = { keytype: "ecdsa", keyval: { private: null, public: "" } };
      const keys = Object.fromEntries(Array.from({ length: maxKeys + 1 }, (_, index) => [`k${index}`, key]));
      signed["delegations"] = { keys, roles: [] };
    }),
    paths: changed("targets", delegate(role({ paths: Array.from({ length: maxKeys + 1 }, () => "") }))),
    "path length": changed("targets", delegate(role({ paths: ["x".repeat(maxNameLength + 1)] }))),
    "target name length": changed("targets", (signed) => {
      signed["targets"] = { ["x".repeat(maxNameLength + 1)]: { hashes: {}, length: 1 } };
    }),
    "hashes of a target": changed(
      "targets",
      entry({
        hashes: Object.fromEntries(Array.from({ length: maxHashes + 1 }, (_, index) => [`h${index}`, ""])),
        length: 1,
      }),
    ),
    "hash length": changed("targets", entry({ hashes: { sha256: "A".repeat(2048) }, length: 1 })),
    nesting: changed("targets", entry({ custom: nested(40), hashes: {}, length: 1 })),
  };
  for (const [what, bytes] of Object.entries(tooMuch)) {
    test(`too much of it is malformed: ${what}`, () => {
      assert.throws(() => parseMetadata("targets", bytes), { code: "METADATA_MALFORMED" });
    });
  }
});

function nested(depth: number): JsonValue {
  return depth === 0 ? 1 : [nested(depth - 1)];
}

describe("names with a meaning in JavaScript are only names", () => {
  for (const name of ["__proto__", "constructor", "toString", "hasOwnProperty"]) {
    test(name, () => {
      const text = vector("targets").toString().replaceAll('"v1.0"', `"${name}"`);
      const { targets } = parseMetadata("targets", Buffer.from(text)).body;
      assert.equal(targets.get(name)?.length, 13);
      assert.equal(targets.size, 1);
      const { targets: none } = parseMetadata("targets", vector("targets")).body;
      assert.equal(none.get(name), undefined);
      assert.equal(none.has(name), false);
    });
  }
});

test("entries are decoded once, and can be iterated like any map", () => {
  const { targets } = parseMetadata("targets", vector("targets")).body;
  assert.equal(targets.get("v1.0"), targets.get("v1.0"));
  assert.deepEqual([...targets.keys()], ["v1.0"]);
  assert.deepEqual([...targets.values()], [targets.get("v1.0")]);
  assert.deepEqual(
    [...targets].map(([name]) => name),
    ["v1.0"],
  );
  assert.deepEqual(new Map(targets).get("v1.0"), targets.get("v1.0"));
  const visited: string[] = [];
  const visit = (_: unknown, name: string): void => void visited.push(name);
  targets.forEach(visit);
  assert.deepEqual(visited, ["v1.0"]);
});
