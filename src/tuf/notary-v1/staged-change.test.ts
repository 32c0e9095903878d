import { deepEqual, equal, ok, throws } from "node:assert/strict";
import { test } from "node:test";
import { PrivateKey } from "../../crypto/private-key.ts";
import { maxStagedChangeBytes, parseStagedChange } from "./staged-change.ts";

const encoded = (data: unknown): string => Buffer.from(JSON.stringify(data)).toString("base64");
const parse = (change: object) => parseStagedChange(Buffer.from(JSON.stringify(change)));
const sha256 = Buffer.alloc(32, 7).toString("base64");

test("reads what docker and notary stage", () => {
  const data = encoded({ length: 6, hashes: { sha256 }, custom: { note: 1 } });
  const added = parse({ action: "create", role: "targets/releases", type: "target", path: "v1", data });
  ok(added.type === "target" && added.action === "create");
  deepEqual([added.name, added.target.length, added.target.custom], ["v1", 6, { note: 1 }]);
  equal(added.target.hashes.get("sha256")?.length, 32);
  const gone = { action: "delete", role: "targets", type: "target", path: "v1", data: null };
  deepEqual(parse(gone), { type: "target", action: "delete", role: "targets", name: "v1" });
  const { publicKey } = PrivateKey.generate("ecdsa");
  const change = encoded({ threshold: 1, add_keys: [publicKey.toJson()], add_paths: [""] });
  const delegated = parse({ action: "create", role: "targets/a", type: "delegation", path: "", data: change });
  ok(delegated.type === "delegation" && delegated.action === "create");
  deepEqual(
    [delegated.threshold, delegated.addKeys.map(({ keyId }) => keyId), delegated.addPaths],
    [1, [publicKey.keyId], [""]],
  );
  const purge = encoded({ remove_keys: [publicKey.keyId], clear_paths: true });
  const purged = parse({ action: "update", role: "targets/*", type: "delegation", path: "", data: purge });
  ok(purged.type === "delegation" && purged.action === "update");
  deepEqual([purged.removeKeys, purged.clearPaths], [[publicKey.keyId], true]);
  equal(parse({ action: "delete", role: "targets/a", type: "delegation", path: "", data: null }).action, "delete");
  equal(parse({ action: "update", role: "targets", type: "witness", path: "", data: null }).type, "witness");
});

test("I1: refuses everything else, and what is too large, unread", () => {
  const target = (data: unknown, role = "targets") => ({ action: "create", role, type: "target", path: "v1", data });
  const wrong: readonly object[] = [
    [],
    {},
    target(null),
    target("not base64"),
    target(encoded({ length: -1, hashes: { sha256 } })),
    target(encoded({ length: 1, hashes: { sha256: "x" } })),
    target(encoded([])),
    target(encoded({ length: 1, hashes: { sha256 } }), "root"),
    target(encoded({ length: 1, hashes: { sha256 } }), "targets/*"),
    target(encoded({ length: 1, hashes: { sha256 } }), "targets/../x"),
    { action: "create", role: "root", type: "role", path: "targets", data: encoded({ keys: [], role: "targets" }) },
    { action: "create", role: "targets/a", type: "delegation", path: "", data: encoded({ add_keys: [{}] }) },
    { action: "create", role: "targets", type: "delegation", path: "", data: encoded({}) },
    { action: "delete", role: "targets/*", type: "delegation", path: "", data: null },
    { action: "update", role: "targets/*", type: "witness", path: "", data: null },
    { action: "create", role: "targets", type: "witness", path: "", data: null },
  ];
  for (const change of wrong) throws(() => parse(change), { name: "TagsealError" }, JSON.stringify(change));
  throws(() => parseStagedChange(Buffer.alloc(maxStagedChangeBytes + 1)), { code: "TOO_LARGE" });
});
