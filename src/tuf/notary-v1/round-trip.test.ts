/** Properties of reading and writing together, over generated bodies and bytes. */

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import fc from "fast-check";
import { PublicKey } from "../../crypto/public-key.ts";
import { decodeBase64 } from "../../encoding/base64.ts";
import type { JsonValue } from "../../encoding/json.ts";
import { EncodingError, MetadataError } from "../../errors.ts";
import type { Delegations, FileMeta, SnapshotBody, Target, TargetsBody } from "../metadata.ts";
import { parseMetadata } from "./parse.ts";
import { isBase64 } from "./hashes-json.ts";
import { fileBytes, isReferenceSerialisation } from "./serialise.ts";
import { parseTime } from "./time.ts";

/** More runs by night: `TAGSEAL_FUZZ_RUNS=100000`. */
const numRuns = Number(process.env["TAGSEAL_FUZZ_RUNS"] ?? 300);

/** Ordinary objects, like the ones the parser makes. */
function record<T>(model: { [K in keyof T]: fc.Arbitrary<T[K]> }): fc.Arbitrary<T> {
  return fc.record<T>(model, { noNullPrototype: true });
}

const text = fc
  .string({ unit: "binary", maxLength: 12 })
  .filter((value) => value.isWellFormed() && !/\p{Cc}/u.test(value.replaceAll("\u007f", "")));
const bytes = fc.uint8Array({ maxLength: 64 }).map((value) => Buffer.from(value));
const hashes = fc
  .dictionary(fc.constantFrom("sha256", "sha512", "md5"), bytes)
  .map((entries) => new Map(Object.entries(entries)));
const length = fc.nat();
const custom: fc.Arbitrary<JsonValue> = fc.letrec<{ value: JsonValue }>((tie) => ({
  value: fc.oneof(
    { maxDepth: 3 },
    text,
    fc.maxSafeInteger().filter((value) => !Object.is(value, -0)),
    fc.boolean(),
    fc.constant(null),
    fc.array(tie("value"), { maxLength: 3 }),
    fc.dictionary(text, tie("value"), { maxKeys: 3, noNullPrototype: true }),
  ),
})).value;
const target: fc.Arbitrary<Target> = fc.oneof(
  record({ hashes, length }),
  record({ hashes, length, custom: custom.filter((value) => value !== null) }),
);
const key = fc
  .tuple(fc.constantFrom("ecdsa", "rsa", "ed25519", "unheard-of"), bytes)
  .map(([type, value]) => new PublicKey(type, value));
const times = ["2029-11-22T04:07:46.149307982Z", "2029-11-22T04:07:46Z", "2029-11-22T13:07:46.5+09:00"];
const time = fc.constantFrom(...times).map(readTime);

function readTime(expires: string): { expires: string; expiresAt: Date } {
  return { expires, expiresAt: parseTime(expires) ?? new Date(Number.NaN) };
}

const delegations: fc.Arbitrary<Delegations> = fc
  .tuple(
    fc.array(key, { maxLength: 4 }),
    fc.uniqueArray(fc.constantFrom("targets/a", "targets/b", "targets/releases")),
    fc.boolean(),
  )
  .chain(([keys, names, isNull]) => {
    const listed = new Map(keys.map((value) => [value.keyId, value]));
    const role = (name: string) =>
      record({
        name: fc.constant(name),
        keyIds: fc.oneof(fc.constant(null), fc.subarray([...listed.keys()])),
        threshold: fc.integer({ min: 1, max: 9 }),
        paths: fc.oneof(fc.constant(undefined), fc.array(text, { minLength: 1, maxLength: 3 })),
      });
    const roles = names.length === 0 && isNull ? fc.constant(null) : fc.tuple(...names.map(role));
    return record({ keys: fc.constant(listed), roles });
  });

const version = fc.integer({ min: 1 });
const entries = fc.array(fc.tuple(text, target), { maxLength: 6 });
const targetsBody: fc.Arbitrary<TargetsBody> = fc.tuple(version, time, delegations, entries).map(makeTargets);

function makeTargets(parts: [number, ReturnType<typeof readTime>, Delegations, [string, Target][]]): TargetsBody {
  const [own, when, declared, list] = parts;
  return { version: own, ...when, type: "targets", delegations: declared, targets: new Map(list) };
}

const sound: fc.Arbitrary<FileMeta> = fc
  .uint8Array({ minLength: 32, maxLength: 32 })
  .map((digest) => ({ hashes: new Map([["sha256", Buffer.from(digest)]]), length: digest.length }));
const others = fc.array(fc.tuple(text, record({ hashes, length })), { maxLength: 4 });
const snapshotBody: fc.Arbitrary<SnapshotBody> = fc.tuple(version, time, sound, sound, others).map(makeSnapshot);

function makeSnapshot(
  parts: [number, ReturnType<typeof readTime>, FileMeta, FileMeta, [string, FileMeta][]],
): SnapshotBody {
  const [own, when, root, targets, list] = parts;
  return { version: own, ...when, type: "snapshot", meta: new Map([...list, ["root", root], ["targets", targets]]) };
}

test("a targets body is the same after writing and reading it, and writes the same bytes again", () => {
  fc.assert(
    fc.property(targetsBody, (body) => {
      const written = fileBytes(body, []);
      const file = parseMetadata("targets", written);
      assert.deepEqual(plain(file.body), plain(body));
      assert.ok(isReferenceSerialisation(file));
    }),
    { numRuns },
  );
});

test("a snapshot body is the same after writing and reading it", () => {
  fc.assert(
    fc.property(snapshotBody, (body) => {
      const file = parseMetadata("snapshot", fileBytes(body, []));
      assert.deepEqual(file.body, body);
      assert.ok(isReferenceSerialisation(file));
    }),
    { numRuns },
  );
});

/** Plain maps instead of lazy ones, keys by their content. */
function plain(body: TargetsBody): unknown {
  const listed = [...body.targets].map(
    ([name, { hashes: digests, length: size, custom: more }]) => [name, [digests, size, more]] as const,
  );
  return {
    ...body,
    targets: new Map(listed),
    delegations: { ...body.delegations, keys: [...body.delegations.keys.keys()].sort() },
  };
}

const vectors = ["root", "timestamp", "snapshot", "targets"].map((role) => ({
  role,
  file: readFileSync(new URL(`../../../test/vectors/notary-v1/vec-demo/${role}.json`, import.meta.url)),
}));

/** Cuts, doubles, swaps and overwrites stretches of a real file. */
const damage = fc.array(
  record({
    at: fc.nat(2400),
    length: fc.nat(40),
    insert: fc.oneof(
      fc.uint8Array({ maxLength: 8 }),
      fc.constantFrom("null", "{}", "[]", "-1", '"x"', "1e9", '{"a":').map((word) => Buffer.from(word)),
    ),
  }),
  { minLength: 1, maxLength: 4 },
);

test("base64 is recognised without decoding, exactly as by the strict decoder", () => {
  const characters = fc.constantFrom(
    "A",
    "B",
    "Q",
    "g",
    "w",
    "E",
    "M",
    "9",
    "+",
    "/",
    "=",
    "-",
    " ",
    "\u00e9",
    "\uffff",
  );
  fc.assert(
    fc.property(fc.oneof(fc.base64String(), fc.string({ unit: characters, maxLength: 9 })), (value) => {
      assert.equal(isBase64(value), isDecodable(value));
    }),
    { numRuns: numRuns * 5 },
  );
});

function isDecodable(value: string): boolean {
  try {
    decodeBase64(value);
    return true;
  } catch (error) {
    assert.ok(error instanceof EncodingError);
    return false;
  }
}

test("I1: however a file is changed, it is parsed or refused as metadata, and never anything else", () => {
  fc.assert(
    fc.property(fc.constantFrom(...vectors), damage, ({ role, file }, changes) => {
      let bytesLeft: Buffer = file;
      for (const { at, length: cut, insert } of changes) {
        bytesLeft = Buffer.concat([bytesLeft.subarray(0, at), insert, bytesLeft.subarray(at + cut)]);
      }
      try {
        const parsed = parseMetadata(role, bytesLeft);
        assert.ok(parsed.body.version >= 1);
        isReferenceSerialisation(parsed);
      } catch (error) {
        assert.ok(error instanceof MetadataError, String(error));
      }
    }),
    { numRuns: numRuns * 5 },
  );
});
