import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { describe, test } from "node:test";
import { SimulatedRepository } from "../../../test/support/simulated-repository.ts";
import type { RoleName } from "../metadata.ts";
import { parseMetadata } from "./parse.ts";
import { fileBytes, isReferenceSerialisation } from "./serialise.ts";

function vector(role: string): string {
  return readFileSync(new URL(`../../../test/vectors/notary-v1/vec-demo/${role}.json`, import.meta.url), "utf8");
}

function isReference(role: RoleName, text: string): boolean {
  return isReferenceSerialisation(parseMetadata(role, Buffer.from(text)));
}

for (const role of ["root", "timestamp", "snapshot", "targets"]) {
  test(`writes the real ${role} again byte for byte`, () => {
    const text = vector(role);
    const file = parseMetadata(role, Buffer.from(text));
    assert.equal(Buffer.from(fileBytes(file.body, file.signatures)).toString(), text);
    assert.ok(isReferenceSerialisation(file));
  });
}

const targets = vector("targets");
const withTarget = (entry: string): string => targets.replace(/"v1.0":\{.*?"length":13\}/, entry);
const withDelegations = (delegations: string): string =>
  targets.replace('"delegations":{"keys":{},"roles":[]}', delegations);
const role = (members: string): string => withDelegations(`"delegations":{"keys":{},"roles":[{${members}}]}`);
const expires = (time: string): string => targets.replace(/"expires":"[^"]*"/, `"expires":"${time}"`);
const digest = "ZKtuU6vXWDNktsNqGyx3zD8plW2J/ZxibxAAjZBTnEA=";

describe("I8: files that other programs would hash differently are recognised", () => {
  const deviations: Readonly<Record<string, string>> = {
    "final newline": `${targets}\n`,
    indentation: JSON.stringify(JSON.parse(targets), undefined, 1),
    "signatures first": targets.replace(/^\{("signed":.*),("signatures":.*)\}$/, "{$2,$1}"),
    "member order in signatures": targets.replace(/"keyid":("[^"]*"),"method":"ecdsa"/, '"method":"ecdsa","keyid":$1'),
    "upper-case method": targets.replace('"ecdsa"', '"ECDSA"'),
    "unknown member in signed": targets.replace('"version":3', '"spec_version":"1.0","version":3'),
    "unknown member of the file": targets.replace(/\}$/, ',"x":1}'),
    "fraction with trailing zeros": expires("2029-11-22T04:07:46.500Z"),
    "fraction of zeros": expires("2029-11-22T04:07:46.000Z"),
    "offset of zero": expires("2029-11-22T04:07:46+00:00"),
    "delegations absent": withDelegations("").replace(",,", ","),
    "delegations null": withDelegations('"delegations":null'),
    "delegation keys null": withDelegations('"delegations":{"keys":null,"roles":[]}'),
    "empty paths": role('"keyids":[],"name":"targets/a","paths":[],"threshold":1'),
    "null paths": role('"keyids":[],"name":"targets/a","paths":null,"threshold":1'),
    "unknown member in a delegation": role('"keyids":[],"name":"targets/a","terminating":true,"threshold":1'),
    "null custom": withTarget(`"v1.0":{"custom":null,"hashes":{"sha256":"${digest}"},"length":13}`),
    "unknown member in a target": withTarget(`"v1.0":{"hashes":{"sha256":"${digest}"},"length":13,"size":13}`),
    "unknown member beside custom": withTarget(`"v1.0":{"custom":1,"hashes":{},"length":13,"size":13}`),
    "raw < in a name": withTarget(`"<v>":{"hashes":{"sha256":"${digest}"},"length":13}`),
    "raw & in custom": withTarget(`"v1.0":{"custom":"&","hashes":{"sha256":"${digest}"},"length":13}`),
    "raw U+2028 in a name": withTarget(`"\u2028":{"hashes":{"sha256":"${digest}"},"length":13}`),
    "needless escape": withTarget(`"\\u0076":{"hashes":{"sha256":"${digest}"},"length":13}`),
    "members of signed out of order": targets.replace(
      /("expires":"[^"]*"),("targets":.*?\}\}),("version":3)/,
      "$2,$1,$3",
    ),
  };
  for (const [name, text] of Object.entries(deviations)) {
    test(name, () => {
      assert.notEqual(text, targets);
      assert.equal(isReference("targets", text), false);
    });
  }
});

describe("files that are written as received", () => {
  const faithful: Readonly<Record<string, string>> = {
    "no fraction": expires("2029-11-22T04:07:46Z"),
    "a short fraction": expires("2029-11-22T04:07:46.5Z"),
    "another offset": expires("2029-11-22T04:07:46+02:00"),
    "a delegation without paths": role('"keyids":[],"name":"targets/a","threshold":1'),
    "a delegation whose key IDs are null": role('"keyids":null,"name":"targets/a","paths":[""],"threshold":1'),
    "roles null": withDelegations('"delegations":{"keys":{},"roles":null}'),
    "targets null": targets.replace(/"targets":\{.*\},"version"/, '"targets":null,"version"'),
    "targets empty": targets.replace(/"targets":\{.*\},"version"/, '"targets":{},"version"'),
    "a target with an unknown hash alone": withTarget('"v1.0":{"hashes":{"md5":"AAAA"},"length":13}'),
    "a target without hashes": withTarget('"v1.0":{"hashes":{},"length":13}'),
    "custom of every kind": withTarget(
      '"v1.0":{"custom":{"a":[1,true,null,"\\u003c\\"\\\\"],"b":{}},"hashes":{},"length":13}',
    ),
    "escaped < > & and line separators": withTarget('"\\u003c\\u003e\\u0026\\u2028\\u2029":{"hashes":{},"length":13}'),
    "a name beyond U+FFFF": withTarget('"\ue000":{"hashes":{},"length":1},"\u{1f600}":{"hashes":{},"length":13}'),
    "integer-like names": withTarget(
      '"1":{"hashes":{},"length":1},"10":{"hashes":{},"length":1},"9":{"hashes":{},"length":13}',
    ),
  };
  for (const [name, text] of Object.entries(faithful)) {
    test(name, () => {
      assert.notEqual(text, targets);
      assert.ok(isReference("targets", text));
    });
  }

  test("a root with unknown roles and consistent_snapshot", () => {
    const root = vector("root")
      .replace("false", "true")
      .replace('"roles":{', '"roles":{"mirrors":{"keyids":null,"threshold":1},');
    assert.ok(isReference("root", root));
  });
});

test("names in UTF-16 order are not in reference order", () => {
  const text = withTarget('"\u{1f600}":{"hashes":{},"length":1},"\ue000":{"hashes":{},"length":13}');
  assert.equal(isReference("targets", text), false);
});

test("I8: targets that were null stay null only while there are none", () => {
  const text = targets.replace(/"targets":\{.*\},"version"/, '"targets":null,"version"');
  const { body } = parseMetadata("targets", Buffer.from(text));
  const one = parseMetadata("targets", Buffer.from(targets)).body.targets;
  assert.match(Buffer.from(fileBytes({ ...body, targets: one }, [])).toString(), /"targets":\{"v1\.0"/);
});

test("a control character in a target name cannot be written", async () => {
  const repository = await SimulatedRepository.unpublished();
  repository.addTarget("v1\n");
  await assert.rejects(repository.publish(), { code: "JSON_MALFORMED" });
});
