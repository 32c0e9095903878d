import assert from "node:assert/strict";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { it } from "node:test";
import { hashSync } from "bcryptjs";
import { temporaryDirectory } from "../../test/support/temporary-directory.ts";
import { ServerLog } from "../service/log.ts";
import { FileWatch } from "../service/watching/file-watch.ts";
import { openLoginMethods } from "./login-methods.ts";

const directory = temporaryDirectory();
const now = (): Date => new Date();

it("passwords are not opened where another way to log in cannot be: the caller would have nothing to close", async () => {
  const htpasswd = join(directory, "htpasswd");
  writeFileSync(htpasswd, `alice:${hashSync("wonderland", 4)}\n`);
  const watch = new FileWatch(now);
  const parts = { now, log: new ServerLog({ sink: () => undefined, level: "error", now }), watch };
  const names = { realm: "https://tokens.example.com/token", service: "registry", issuer: "tokens" };
  const token = { ...names, jwks: join(directory, "missing.json") };
  await assert.rejects(openLoginMethods({ token, basic: { htpasswd } }, parts), { code: "SERVER_CONFIGURATION" });
  assert.ok(!watch.parts.includes("passwords"));
  const mtls = { caFile: join(directory, "missing.pem") };
  await assert.rejects(openLoginMethods({ basic: { htpasswd }, mtls }, parts), { code: "SERVER_CONFIGURATION" });
  assert.ok(!watch.parts.includes("passwords"));
  await (await openLoginMethods({ basic: { htpasswd } }, parts)).passwords?.close();
  assert.ok(watch.parts.includes("passwords"));
});
