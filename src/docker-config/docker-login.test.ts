import assert from "node:assert/strict";
import { chmod, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { delimiter, join } from "node:path";
import { test, type TestContext } from "node:test";
import type { JsonObject } from "../encoding/json.ts";
import { hasCode } from "../errors.ts";
import { askCredentialHelper } from "./credential-helper.ts";
import { DockerConfig, loadDockerConfig } from "./docker-login.ts";

async function folder(t: TestContext): Promise<string> {
  const path = await mkdtemp(join(tmpdir(), "tagseal-config-"));
  t.after(() => rm(path, { recursive: true, force: true }));
  return path;
}

/** A credential helper as a shell script; `said` is its standard output, with `$server` what it was asked. */
async function helper(t: TestContext, name: string, script: string): Promise<Record<string, string>> {
  const path = await folder(t);
  const file = join(path, `docker-credential-${name}`);
  await writeFile(file, `#!/bin/sh\nread -r server\n${script}\n`);
  await chmod(file, 0o755);
  return { PATH: `${path}${delimiter}${process.env["PATH"]}`, DIRECTORY: path };
}

const base64 = (text: string): string => Buffer.from(text).toString("base64");
const bob = { kind: "basic", username: "bob", password: "pa:ss" } as const;

test("finds what docker login stored, under every spelling of the registry", async () => {
  const config = new DockerConfig(
    {
      auths: {
        "https://index.docker.io/v1/": { auth: base64("hub:secret") },
        "reg.example.com:5000": { auth: base64("bob:pa:ss\0\0") },
        "https://old.example.com/v1/": { username: "old", password: "style" },
        "token.example.com": { auth: base64("<token>:"), identitytoken: "refresh" },
        "bearer.example.com": { registrytoken: "bearer" },
        "empty.example.com": {},
      },
    },
    {},
  );
  assert.deepEqual(await config.credentialsFor("docker.io"), { kind: "basic", username: "hub", password: "secret" });
  assert.deepEqual(await config.credentialsFor("reg.example.com:5000"), bob);
  assert.deepEqual(await config.credentialsFor("old.example.com"), {
    kind: "basic",
    username: "old",
    password: "style",
  });
  assert.deepEqual(await config.credentialsFor("token.example.com"), { kind: "identity-token", token: "refresh" });
  assert.deepEqual(await config.credentialsFor("bearer.example.com"), { kind: "registry-token", token: "bearer" });
  assert.equal(await config.credentialsFor("empty.example.com"), undefined);
  assert.equal(await config.credentialsFor("reg.example.com"), undefined);
});

const hub = "https://index.docker.io/v1/";
const login = (user: string, password = user): { auth: string } => ({ auth: base64(`${user}:${password}`) });

/** Who is shown to `target` by logins of which each has its own key as the password. */
async function shown(target: string, keys: readonly string[]): Promise<string | undefined> {
  const auths = Object.fromEntries(keys.map((key) => [key, login("me", key)]));
  const [registry = "", ...path] = target.split("/");
  const found = await new DockerConfig({ auths }, {}).credentialsFor({ registry, repository: path.join("/") });
  return found?.kind === "basic" ? found.password : found?.kind;
}

test("of docker's browser login the one entry counts that docker takes, in any order", async () => {
  const keys = [hub, `${hub}access-token`, `${hub}refresh-token`];
  assert.equal(await shown("docker.io/library/alpine", keys), hub);
  assert.equal(await shown("docker.io/library/alpine", keys.toReversed()), hub);
  assert.equal(await shown("docker.io/library/alpine", keys.slice(1)), undefined);
  assert.equal(await shown("docker.io/me/app", ["docker.io", hub, "index.docker.io"]), hub);
  assert.equal(await shown("docker.io/me/app", ["index.docker.io", "docker.io"]), "docker.io");
  assert.equal(
    await shown("docker.io/me/app", ["https://registry-1.docker.io/v2/"]),
    "https://registry-1.docker.io/v2/",
  );
});

const spellings = [
  "r.example",
  "https://r.example",
  "http://r.example/",
  "https://r.example/v1/",
  "https://r.example/v2",
];
for (const key of [...spellings, "r.example/", "r.example/v1/", "https://user@r.example/v1/", "R.Example"]) {
  test(`a login for ${key} is one for the whole registry, after the exact one`, async () => {
    assert.equal(await shown("r.example/team/app", [key]), key);
    assert.equal(await shown("r.example/team/app", [key, "r.example"]), "r.example");
    assert.equal(await shown("r.example:5000/team/app", [key]), undefined);
    assert.equal(await shown("r.example.evil/team/app", [key]), undefined);
  });
}

const paths = [
  "r.example/team",
  "https://r.example/team",
  "r.example/v1",
  "https://r.example/v2/team",
  "r.example/team/",
];
test("I10: a login for a path is never sent for the whole registry", async () => {
  for (const key of paths) {
    assert.equal(await shown("r.example/other/app", [key]), undefined, key);
    assert.equal(await shown("r.example/teamwork/app", [key]), undefined, key);
    assert.equal(await shown("r.example/other/app", [key, "https://r.example/v2/"]), "https://r.example/v2/");
    assert.equal(await new DockerConfig({ auths: { [key]: login("me") } }, {}).credentialsFor("r.example"), undefined);
  }
});

test("the login of the longest path comes first, then that of the registry", async () => {
  const keys = ["r.example", "r.example/team", "r.example/team/app", "docker.io/me", hub];
  assert.equal(await shown("r.example/team/app", keys), "r.example/team/app");
  assert.equal(await shown("r.example/team/app/sub", keys), "r.example/team/app");
  assert.equal(await shown("r.example/team/other", keys), "r.example/team");
  assert.equal(await shown("r.example/app", keys), "r.example");
  assert.equal(await shown("docker.io/me/app", keys), "docker.io/me");
  assert.equal(await shown("docker.io/library/alpine", keys), hub);
});

test("an empty entry never beats a full one", async () => {
  const empty = [{}, { auth: "" }, { identitytoken: "" }, { username: "", password: "" }, null, { email: "a@b" }];
  for (const nothing of empty) {
    const auths = { "r.example": nothing, "https://r.example/v1/": login("bob", "pa:ss"), "r.example/": nothing };
    assert.deepEqual(await new DockerConfig({ auths }, {}).credentialsFor("r.example"), bob);
  }
  const auths = { "r.example": { auth: base64("bob:") }, "https://r.example": login("bob", "pa:ss") };
  assert.deepEqual(await new DockerConfig({ auths }, {}).credentialsFor("r.example"), bob);
});

test("a broken entry is reported, and is not an error", async () => {
  const warnings: string[] = [];
  const auths = { "r.example": { auth: "c2VjcmV0" }, "https://r.example": login("bob", "pa:ss"), other: { auth: "?" } };
  const config = new DockerConfig({ auths }, {}, (message) => warnings.push(message));
  assert.deepEqual(await config.credentialsFor("r.example"), bob);
  assert.equal(await config.credentialsFor("other"), undefined);
  assert.equal(warnings.length, 2);
  assert.match(warnings[0] ?? "", /login for r\.example in config\.json is ignored/);
  assert.doesNotMatch(warnings.join(" "), /c2VjcmV0|secret/);
});

test("members are found whatever their case, as Go finds them, and a password beside a token is kept", async () => {
  const content = { Auths: { "r.example": { Auth: base64("bob:pa:ss"), IdentityToken: "t" } } };
  assert.deepEqual(await new DockerConfig(content, {}).credentialsFor("r.example"), {
    kind: "identity-token",
    token: "t",
    basic: { username: "bob", password: "pa:ss" },
  });
});

test("a missing config.json means anonymous, a broken one is reported without its secrets", async (t) => {
  const directory = await folder(t);
  assert.equal(await (await loadDockerConfig(directory, {})).credentialsFor("docker.io"), undefined);
  await writeFile(join(directory, "config.json"), '{"auths": {"docker.io": {"auth": "c2VjcmV0" oops');
  await assert.rejects(loadDockerConfig(directory, {}), (error) => {
    assert.ok(hasCode(error, "FILE_UNREADABLE"));
    assert.equal(error.cause, undefined);
    assert.doesNotMatch(error.message, /c2VjcmV0/);
    return true;
  });
});

test("asks the registry's own helper first, then the common store", async (t) => {
  const own = await helper(
    t,
    "own",
    `printf '{"ServerURL":"%s","Username":"own","Secret":"for %s"}' "$server" "$server"`,
  );
  const common = await helper(t, "common", `printf '{"Username":"<token>","Secret":"%s"}' "$server"`);
  const env = { ...own, PATH: `${own["PATH"]}${delimiter}${common["DIRECTORY"]}` };
  const config = new DockerConfig({ credsStore: "common", credHelpers: { "own.example.com": "own" } }, env);
  assert.deepEqual(await config.credentialsFor("own.example.com"), {
    kind: "basic",
    username: "own",
    password: "for own.example.com",
  });
  assert.deepEqual(await config.credentialsFor("docker.io"), {
    kind: "identity-token",
    token: "https://index.docker.io/v1/",
  });
});

test("a helper is looked up by docker's exact key; one of another spelling counts where docker finds nothing", async (t) => {
  const answer = (name: string): string => `printf '{"Username":"%s","Secret":"%s"}' ${name} "$server"`;
  const [own, common] = [await helper(t, "own", answer("own")), await helper(t, "common", answer("common"))];
  const env = { ...own, PATH: `${own["PATH"]}${delimiter}${common["DIRECTORY"]}` };
  const who = async (content: JsonObject, registry: string): Promise<string | undefined> => {
    const found = await new DockerConfig(content, env, assert.fail).credentialsFor(registry);
    return found?.kind === "basic" ? found.username : undefined;
  };
  for (const [registry, exact, ...others] of [
    ["docker.io", hub, "docker.io", "index.docker.io", "registry-1.docker.io"],
    ["r.example", "r.example", "https://r.example", "https://r.example/v1/", "R.example"],
  ] as const) {
    assert.equal(await who({ credsStore: "common", credHelpers: { [exact]: "own" } }, registry), "own");
    for (const key of others) {
      const credHelpers = { [key]: "own" };
      assert.equal(await who({ credsStore: "common", credHelpers }, registry), "common", key);
      assert.equal(await who({ auths: { [exact]: login("file") }, credHelpers }, registry), "file", key);
      assert.equal(await who({ credHelpers }, registry), "own", key);
    }
  }
});

test("logins and helpers of another type than docker's are refused, not taken to be missing", async (t) => {
  const directory = await folder(t);
  for (const [content, member] of [
    ['{"auths": ["geheim"]}', "auths"],
    ['{"auths": "geheim"}', "auths"],
    ['{"credHelpers": 5}', "credHelpers"],
    ['{"credsStore": {"a": "geheim"}}', "credsStore"],
  ] as const) {
    await writeFile(join(directory, "config.json"), content);
    await assert.rejects(loadDockerConfig(directory, {}), (error) => {
      assert.ok(hasCode(error, "FILE_UNREADABLE"));
      assert.match(error.message, new RegExp(`config\\.json has a "${member}" that is not`, "u"));
      assert.doesNotMatch(error.message, /geheim/);
      return true;
    });
  }
  const nothing = new DockerConfig({ auths: null, credHelpers: null, credsStore: null }, {}, assert.fail);
  assert.equal(await nothing.credentialsFor("r.example"), undefined);
  const warnings: string[] = [];
  const content = { credHelpers: { "r.example": 5 }, auths: { "r.example": login("bob", "pa:ss") } };
  const config = new DockerConfig(content, {}, (message) => warnings.push(message));
  assert.deepEqual(await config.credentialsFor("r.example"), bob);
  assert.match(warnings.join("\n"), /^the helper for r\.example in config\.json is ignored/u);
});

test("a helper with an empty name means the file, also where there is a common store", async () => {
  const auths = { "r.example": login("bob", "pa:ss"), [hub]: login("hub") };
  const credHelpers = { "r.example": "", [hub]: "" };
  const config = new DockerConfig({ auths, credHelpers, credsStore: "absent" }, {}, assert.fail);
  assert.deepEqual(await config.credentialsFor("r.example"), bob);
  assert.deepEqual(await config.credentialsFor("docker.io"), { kind: "basic", username: "hub", password: "hub" });
  assert.deepEqual(await new DockerConfig({ auths, credsStore: "" }, {}).credentialsFor("r.example"), bob);
});

test("without a working helper the login in the file is used, or none, with a warning", async (t) => {
  const env = await helper(t, "failing", "echo secret; exit 3");
  for (const [name, told] of [
    ["absent", /docker-credential-absent is not installed.*credsStore/],
    ["failing", /docker-credential-failing failed with exit code 3.*credsStore/],
    ["../x", /is not a credential helper's name/],
  ] as const) {
    const warnings: string[] = [];
    const content = { credsStore: name, auths: { "r.example": login("bob", "pa:ss") } };
    const config = new DockerConfig(content, env, (message) => warnings.push(message));
    assert.deepEqual(await config.credentialsFor("r.example"), bob);
    assert.equal(await config.credentialsFor("other.example"), undefined);
    assert.match(warnings[0] ?? "", told);
    assert.doesNotMatch(warnings.join(""), /secret/);
  }
});

test("a login in the file counts where the common store has none", async (t) => {
  const env = await helper(t, "empty", 'echo "credentials not found in native keychain"; exit 1');
  const auths = { "r.example": login("bob", "pa:ss"), "other.example": {} };
  const config = new DockerConfig({ credsStore: "empty", auths }, env, assert.fail);
  assert.deepEqual(await config.credentialsFor("r.example"), bob);
  assert.equal(await config.credentialsFor("other.example"), undefined);
  const blank = await helper(t, "blank", `echo '{"ServerURL":"","Username":"","Secret":""}'`);
  assert.deepEqual(await new DockerConfig({ credsStore: "blank", auths }, blank).credentialsFor("r.example"), bob);
});

test("DOCKER_AUTH_CONFIG comes before helpers and file, for the registries it names", async (t) => {
  const env = await helper(t, "store", `printf '{"Username":"store","Secret":"x"}'`);
  const variable = { auths: { "r.example": login("bob", "pa:ss"), [hub]: login("hub") } };
  const all = { ...env, DOCKER_AUTH_CONFIG: JSON.stringify(variable) };
  const config = new DockerConfig({ credsStore: "store", auths: { "r.example": login("file") } }, all, assert.fail);
  assert.deepEqual(await config.credentialsFor("r.example"), bob);
  assert.deepEqual(await config.credentialsFor("docker.io"), { kind: "basic", username: "hub", password: "hub" });
  assert.deepEqual(await config.credentialsFor("other"), { kind: "basic", username: "store", password: "x" });
  const unset = new DockerConfig({ auths: { "r.example": login("file") } }, { DOCKER_AUTH_CONFIG: "" }, assert.fail);
  assert.deepEqual(await unset.credentialsFor("r.example"), { kind: "basic", username: "file", password: "file" });
});

test("a DOCKER_AUTH_CONFIG that docker would not read is reported and ignored, without its content", async () => {
  const entry = login("x", "geheim");
  for (const value of [
    "geheim",
    "[]",
    '{"auths":[]}',
    JSON.stringify({ auths: { "r.example": {} } }),
    JSON.stringify({ auths: { "r.example": { auth: "geheim" } } }),
    JSON.stringify({ auths: { "r.example": { ...entry, identitytoken: "geheim" } } }),
    JSON.stringify({ auths: { "r.example": entry }, credsStore: "geheim" }),
  ]) {
    const warnings: string[] = [];
    const env = { DOCKER_AUTH_CONFIG: value };
    const config = new DockerConfig({ auths: { "r.example": login("bob", "pa:ss") } }, env, (w) => warnings.push(w));
    assert.deepEqual(await config.credentialsFor("r.example"), bob, value);
    assert.match(warnings.join("\n"), /^DOCKER_AUTH_CONFIG is ignored: /);
    assert.doesNotMatch(warnings.join(""), /geheim/);
  }
});

test("a helper that knows nothing is no error; one that fails, is missing or talks nonsense is", async (t) => {
  const unknown = await helper(t, "unknown", 'echo "credentials not found in native keychain"; exit 1');
  assert.equal(await askCredentialHelper({ name: "unknown", env: unknown }, "x"), undefined);
  const scripts = ["echo secret; exit 3", "echo secret", 'echo \'{"Username": 1, "Secret": "secret"}\''];
  for (const script of scripts) {
    const failing = await helper(t, "failing", script);
    await assert.rejects(askCredentialHelper({ name: "failing", env: failing }, "x"), (error) => {
      assert.ok(hasCode(error, "USAGE"));
      assert.doesNotMatch(`${error.message}${String(error.cause)}`, /secret/);
      return true;
    });
  }
  await assert.rejects(askCredentialHelper({ name: "missing", env: unknown }, "x"), /is not installed/);
});

test("I1: a helper that talks without end, or is silent, is ended", async (t) => {
  const endless = await helper(t, "endless", "while :; do echo aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa; done");
  await assert.rejects(askCredentialHelper({ name: "endless", env: endless }, "x"), /answered more than/);
  const silent = await helper(t, "silent", "exec sleep 60");
  await assert.rejects(askCredentialHelper({ name: "silent", env: silent, timeoutMs: 200 }, "x"), /gave no answer/);
  const stop = new AbortController();
  setTimeout(() => stop.abort(), 50);
  await assert.rejects(askCredentialHelper({ name: "silent", env: silent, signal: stop.signal }, "x"), (error) =>
    hasCode(error, "CANCELLED"),
  );
});

test("I6: a helper sees no passphrase in its environment and no secret among its arguments", async (t) => {
  const env = await helper(
    t,
    "curious",
    `printf '{"Username":"%s","Secret":"%s"}' "$*" "$(env | grep -c PASSPHRASE)$NOTARY_AUTH$KEPT"`,
  );
  const secrets = {
    DOCKER_CONTENT_TRUST_ROOT_PASSPHRASE: "p",
    DOCKER_CONTENT_TRUST_REPOSITORY_PASSPHRASE: "p",
    NOTARY_TARGETS_PASSPHRASE: "p",
    NOTARY_AUTH: "q",
    TAGSEAL_SIGNER_PASSPHRASE: "p",
    NOTARY_SIGNER_ALIAS1: "p",
    KEPT: "kept",
  };
  assert.deepEqual(await askCredentialHelper({ name: "curious", env: { ...env, ...secrets } }, "x"), {
    kind: "basic",
    username: "get",
    password: "0kept",
  });
});

test("I9: a helper's name cannot lead to another program", async () => {
  for (const name of ["../../bin/sh", "a/b", "a;b", "", ".."]) {
    await assert.rejects(askCredentialHelper({ name, env: {} }, "x"), /is not a credential helper's name/);
  }
});
