import assert from "node:assert/strict";
import { chmod, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { delimiter, join } from "node:path";
import { test, type TestContext } from "node:test";
import { hasCode } from "../errors.ts";
import { askCredentialHelper, helperEnvironment } from "./credential-helper.ts";
import { DockerConfig, loadDockerConfig } from "./credentials.ts";

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

test("a missing config.json means nobody, a broken one says so without quoting its secrets", async (t) => {
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

test("a helper that knows nothing is no error; one that fails, is missing or talks nonsense is", async (t) => {
  const unknown = await helper(t, "unknown", 'echo "credentials not found in native keychain"; exit 1');
  assert.equal(await askCredentialHelper("unknown", "x", unknown), undefined);
  const scripts = ["echo secret; exit 3", "echo secret", 'echo \'{"Username": 1, "Secret": "secret"}\''];
  for (const script of scripts) {
    const failing = await helper(t, "failing", script);
    await assert.rejects(askCredentialHelper("failing", "x", failing), (error) => {
      assert.ok(hasCode(error, "USAGE"));
      assert.doesNotMatch(`${error.message}${String(error.cause)}`, /secret/);
      return true;
    });
  }
  await assert.rejects(askCredentialHelper("missing", "x", unknown), /cannot be run/);
});

test("I1: a helper that talks without end, or is silent, is ended", async (t) => {
  const endless = await helper(t, "endless", "while :; do echo aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa; done");
  await assert.rejects(askCredentialHelper("endless", "x", endless), /answered more than/);
  const silent = await helper(t, "silent", "exec sleep 60");
  await assert.rejects(askCredentialHelper("silent", "x", silent, undefined, 200), /gave no answer/);
  const stop = new AbortController();
  setTimeout(() => stop.abort(), 50);
  await assert.rejects(askCredentialHelper("silent", "x", silent, stop.signal), (error) => hasCode(error, "CANCELLED"));
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
  assert.deepEqual(await askCredentialHelper("curious", "x", { ...env, ...secrets }), {
    kind: "basic",
    username: "get",
    password: "0kept",
  });
  assert.deepEqual(helperEnvironment(secrets), { KEPT: "kept" });
});

test("I9: a helper's name cannot lead to another program", async () => {
  for (const name of ["../../bin/sh", "a/b", "a;b", "", ".."]) {
    await assert.rejects(askCredentialHelper(name, "x", {}), /is not a credential helper's name/);
  }
});
