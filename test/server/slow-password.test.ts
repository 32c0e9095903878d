/** A login that takes long, because bcrypt does, and all other clients meanwhile. */

import assert from "node:assert/strict";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, it } from "node:test";
import { serve, temporaryDirectory } from "./running-server.ts";
import { healthDuringLogin, slowUsers } from "./slow-login.ts";

describe("a slow password", () => {
  it("delays no other client", async (t) => {
    const htpasswd = join(temporaryDirectory(t), "users");
    writeFileSync(htpasswd, slowUsers);
    const auth = { basic: { htpasswd }, rules: [{ prefix: "*", users: ["*"], actions: ["*"] }] } as const;
    const { url } = await serve(t, { auth });
    await healthDuringLogin(url, 1);
    const { login, answered } = await healthDuringLogin(url, 2);
    assert.equal(login, 401);
    assert.ok(answered >= 20, `${answered} answers while one password was compared`);
  });
});
