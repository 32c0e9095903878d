import assert from "node:assert/strict";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, it } from "node:test";
import { hashSync } from "bcryptjs";
import { temporaryDirectory } from "../../test/support/temporary-directory.ts";
import { ServerLog } from "../service/log.ts";
import { FileWatch } from "../service/watching/file-watch.ts";
import { BasicLogin } from "./basic-login.ts";

const directory = temporaryDirectory();

const bcrypt = (password: string, prefix = "$2b$"): string => hashSync(password, 4).replace("$2b$", prefix);
const start = new Date("2026-11-23T12:00:00Z");

let files = 0;
function file(content: string): string {
  const path = join(directory, `htpasswd-${(files += 1)}`);
  writeFileSync(path, content);
  return path;
}

const users = `# people
alice:${bcrypt("wonderland", "$2y$")}

bob:${bcrypt("pass:with:colons")}\r
ünal:${bcrypt("şifre", "$2a$")}
`;

function open(htpasswd = file(users), clock = { now: start }, realm?: string, watch?: FileWatch): Promise<BasicLogin> {
  const now = () => clock.now;
  const log = new ServerLog({ sink: () => {}, level: "debug", now });
  return BasicLogin.open({ htpasswd, realm }, { now, log, watch });
}

const request = (authorization: string | undefined, remoteAddress = "192.0.2.1") => ({
  headers: authorization === undefined ? {} : { authorization },
  gun: "a",
  actions: ["pull"],
  remoteAddress,
  clientCertificate: undefined,
});

const basic = (text: string): string => `Basic ${Buffer.from(text).toString("base64")}`;

describe("passwords", () => {
  const good: readonly (readonly [string, string])[] = [
    ["alice", "wonderland"],
    ["bob", "pass:with:colons"],
    ["ünal", "şifre"],
  ];
  for (const [user, password] of good) {
    it(`let ${user} in`, async () => {
      const login = await (await open()).login(request(basic(`${user}:${password}`)));
      assert.deepEqual(login, { kind: "known", user });
    });
  }

  const refused: Readonly<Record<string, string>> = {
    "a wrong password": basic("alice:Wonderland"),
    "another user's password": basic("bob:wonderland"),
    "an empty password": basic("alice:"),
    "an unknown user": basic("mallory:wonderland"),
    "a user's name in upper case": basic("Alice:wonderland"),
    "an inherited name": basic("constructor:wonderland"),
    "no user": basic(":wonderland"),
    "no colon": basic("alice"),
    "a password with a zero byte": basic("alice:wonderland\0"),
    "a password longer than bcrypt reads": basic(`alice:${"x".repeat(73)}`),
    "a user of 300 letters": basic(`${"a".repeat(300)}:x`),
    "credentials of 1 MiB": basic(`alice:${"x".repeat(1 << 20)}`),
    "base64 without its padding": basic("alice:wonderland").replaceAll("=", "_"),
    "bytes that are not text": `Basic ${Buffer.from([0x61, 0x3a, 0xff]).toString("base64")}`,
    nothing: "Basic",
  };
  for (const [what, authorization] of Object.entries(refused)) {
    it(`I9: are refused: ${what}`, async () => {
      const login = await (await open()).login(request(authorization));
      assert.partialDeepStrictEqual(login, { kind: "refused", refusal: "invalid" });
    });
  }

  it("do not match by their first 72 bytes alone", async () => {
    const login = await open(file(`alice:${bcrypt("x".repeat(72))}`));
    assert.equal((await login.login(request(basic(`alice:${"x".repeat(72)}`))))?.kind, "known");
    assert.equal((await login.login(request(basic(`alice:${"x".repeat(73)}`))))?.kind, "refused");
  });

  it("are not looked for in other schemes", async () => {
    const login = await open();
    assert.equal(await login.login(request(undefined)), undefined);
    assert.equal(await login.login(request("Bearer abc")), undefined);
  });

  it("follow the file, and only the file", async () => {
    const clock = { now: start };
    const path = file(users);
    const watch = new FileWatch(() => clock.now);
    const login = await open(path, clock, undefined, watch);
    const alice = () => login.login(request(basic("alice:wonderland")));
    assert.equal((await alice())?.kind, "known");
    writeFileSync(path, `alice:${bcrypt("looking glass")}\n`);
    clock.now = new Date(start.getTime() + 5000);
    assert.equal((await alice())?.kind, "refused");
    assert.equal((await login.login(request(basic("alice:looking glass"))))?.kind, "known");
    writeFileSync(path, "");
    await watch.reload();
    assert.equal((await login.login(request(basic("alice:looking glass"))))?.kind, "refused");
  });

  it("are asked for under the realm", async () => {
    assert.equal((await open()).challenge(), 'Basic realm="tagseal"');
    assert.equal(
      (await open(file(users), { now: start }, 'the "team"')).challenge(),
      String.raw`Basic realm="the \"team\""`,
    );
    await assert.rejects(open(file(users), { now: start }, "a\nb"), { code: "SERVER_CONFIGURATION" });
  });
});

describe("password files", () => {
  const refused: Readonly<Record<string, { text: string; message: RegExp }>> = {
    "MD5 hashes": { text: "alice:$apr1$abc$def\n", message: /line 1 has no bcrypt hash/u },
    "SHA-1 hashes": { text: "#\nalice:{SHA}W6ph5Mm5Pz8GgiULbPgzG37mj9g=\n", message: /line 2 has no bcrypt hash/u },
    "passwords in clear": { text: "alice:wonderland\n", message: /line 1/u },
    "a hash that takes minutes": { text: `alice:${bcrypt("x").replace("$04$", "$31$")}\n`, message: /cost 31/u },
    "a user twice": { text: `a:${bcrypt("x")}\na:${bcrypt("y")}\n`, message: /line 2 names a user for the second/u },
    "a line without a user": { text: `:${bcrypt("x")}\n`, message: /line 1 does not begin/u },
    "a line without a colon": { text: "alice\n", message: /line 1 does not begin/u },
  };
  for (const [what, { text, message }] of Object.entries(refused)) {
    it(`are refused with ${what}, and their content is not repeated`, async () => {
      await assert.rejects(open(file(text)), (error: Error & { code: string }) => {
        assert.equal(error.code, "SERVER_CONFIGURATION");
        assert.match(error.message, message);
        assert.doesNotMatch(error.message, /wonderland|alice:|\$2|apr1/u);
        return true;
      });
    });
  }

  it("must be there", async () => {
    await assert.rejects(open("/nonexistent/htpasswd"), { code: "SERVER_CONFIGURATION", message: /nonexistent/u });
  });
});
