/** The intended differences from docker and notary, in commands and requests; docs/differences.md names each. */
import assert from "node:assert/strict";
import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createServer as createHttpServer } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { ask } from "./support/https-request.ts";
import { missingPeers, run, runOk, Scope, tagsealCommand, writeLayout, type LayoutImage } from "./support/peers.ts";
import type { Environment, Finished } from "./support/processes.ts";
import { startSandbox, type Sandbox } from "./support/sandbox.ts";
import { startSilentServer } from "./support/silent-server.ts";

const scope = new Scope("differences");
let sandbox: Sandbox;
let image: LayoutImage;
let registry: string;
let server: string;
let ca: string;

before(async () => {
  [sandbox, image] = await Promise.all([startSandbox(scope), writeLayout(scope.path("image"), "differs")]);
  registry = sandbox.env["REGISTRY"] ?? "";
  server = sandbox.env["DOCKER_CONTENT_TRUST_SERVER"] ?? "";
  ca = join(sandbox.env["DOCKER_CONFIG"] ?? "", "tls", new URL(server).host, "ca.crt");
});
after(async () => await scope.close());

/** A separate `$DOCKER_CONFIG` that trusts the sandbox's authority and has no keys. */
function newUser(name: string, more: Environment = {}): Environment {
  const config = scope.path(name);
  const tls = join(config, "tls", new URL(server).host);
  mkdirSync(tls, { recursive: true });
  writeFileSync(join(tls, "ca.crt"), readFileSync(ca));
  return { ...sandbox.env, HOME: config, DOCKER_CONFIG: config, ...more };
}

const tagseal = (env: Environment, ...args: string[]): Promise<Finished> => run(tagsealCommand, args, { env });
const tagsealOk = (env: Environment, ...args: string[]): Promise<Finished> => runOk(tagsealCommand, args, { env });
const push = (env: Environment, name: string): Promise<Finished> =>
  tagsealOk(env, "push", "--from", `oci:${image.directory}`, name);

const gunUrl = (gun: string): string => `${server}/v2/${gun}/_trust/tuf/`;

describe("publishing", () => {
  it("a publish that failed leaves nothing behind for the next one to sign", async () => {
    const user = newUser("failed-publish");
    const repository = `${registry}/failed/publish`;
    await push(user, `${repository}:first`);
    const offline = { ...user, DOCKER_CONTENT_TRUST_SERVER: "https://127.0.0.1:1" };
    const failed = await tagseal(offline, "sign", `${repository}:lost@${image.manifest.digest}`);
    assert.notEqual(failed.code, 0);
    await tagsealOk(user, "sign", `${repository}:second@${image.manifest.digest}`);
    assert.deepEqual(await listedTags(user, repository), ["first", "second"]);
  });

  it("inspect leaves alone what another tool staged", async () => {
    const user = newUser("staged");
    const repository = `${registry}/staged/app`;
    await push(user, `${repository}:first`);
    const changelist = join(user["DOCKER_CONFIG"] ?? "", "trust", "tuf", repository, "changelist");
    mkdirSync(changelist, { recursive: true });
    writeFileSync(join(changelist, "00000000000000000001_a.change"), "{}");
    await tagsealOk(user, "trust", "inspect", repository);
    assert.deepEqual(readdirSync(changelist), ["00000000000000000001_a.change"]);
  });

  it("a revoke that is not confirmed fails", async () => {
    const user = newUser("unconfirmed");
    const repository = `${registry}/unconfirmed/app`;
    await push(user, `${repository}:first`);
    const refused = await tagseal(user, "trust", "revoke", repository);
    assert.equal(refused.code, 1);
    assert.deepEqual(await listedTags(user, repository), ["first"]);
  });

  it("a push with --quiet is quiet", async () => {
    const user = newUser("quiet");
    const name = `${registry}/quiet/app:v1`;
    await push(user, name);
    const args = ["push", "-q", "--from", `oci:${image.directory}`, name];
    const { stdout, stderr } = await tagsealOk(user, ...args);
    assert.ok(stdout.trim().split("\n").length <= 1, stdout);
    assert.equal(stderr, "");
  });
});

describe("talking to a server", () => {
  it("checks the trust server's certificate although the registry is on loopback", async () => {
    const stranger = newUser("no-ca");
    rmSync(join(stranger["DOCKER_CONFIG"] ?? "", "tls"), { recursive: true });
    const refused = await tagseal(stranger, "verify", `${registry}/any/app:v1`);
    assert.equal(refused.code, 4);
    assert.match(refused.stderr, /TLS_UNTRUSTED/u);
  });

  it("accepts a trust server address that ends in a slash", async () => {
    const user = newUser("slash", { DOCKER_CONTENT_TRUST_SERVER: `${server}/` });
    await push(user, `${registry}/slash/app:v1`);
    await tagsealOk(user, "verify", `${registry}/slash/app:v1`);
  });

  it("inspect says why: a server that is not there is not a missing signature", async () => {
    const user = newUser("reason", { DOCKER_CONTENT_TRUST_SERVER: "https://127.0.0.1:1" });
    const { code, stderr } = await tagseal(user, "trust", "inspect", `${registry}/reason/app`);
    assert.equal(code, 1);
    assert.match(stderr, /NETWORK_UNREACHABLE/u);
  });

  it("gives up on a silent server within ten seconds", async () => {
    const silent = await startSilentServer();
    const user = newUser("silent", { DOCKER_CONTENT_TRUST_SERVER: silent.url });
    const startedAt = performance.now();
    const { code, stderr } = await tagseal(user, "verify", `${registry}/silent/app:v1`);
    silent.close();
    assert.equal(code, 4);
    assert.match(stderr, /NETWORK_TIMEOUT/u);
    // ten seconds of waiting, and up to three to start the process on a busy machine
    assert.ok(performance.now() - startedAt < 13_000, "took longer than ten seconds");
  });
});

describe("passwords", () => {
  it("I10: refuses a token realm on plain HTTP", async () => {
    const asked: string[] = [];
    const stub = createHttpServer((request, response) => {
      asked.push(request.headers.authorization ?? "nothing");
      const challenge = 'Bearer realm="http://192.0.2.1/token",service="stub"'; // an unused address
      response.writeHead(401, { "www-authenticate": challenge }).end();
    });
    await new Promise<void>((resolve) => stub.listen(0, "127.0.0.1", resolve));
    const host = `127.0.0.1:${(stub.address() as AddressInfo).port}`;
    const user = newUser("realm");
    const auth = Buffer.from("alice:wonderland").toString("base64");
    writeFileSync(join(user["DOCKER_CONFIG"] ?? "", "config.json"), JSON.stringify({ auths: { [host]: { auth } } }));
    const startedAt = performance.now();
    const { code, stderr } = await tagseal(user, "sign", "--from-registry", `${host}/app:v1`);
    stub.close();
    assert.notEqual(code, 0);
    assert.match(stderr, /REDIRECT_REFUSED|AUTHENTICATION_REFUSED/u);
    assert.ok(performance.now() - startedAt < 5000, "it tried to connect");
    assert.deepEqual([...new Set(asked)], ["nothing"]);
  });
});

describe("keys", () => {
  it("I6: a short new passphrase from the environment is warned of, an empty one refused", async () => {
    const generate = (passphrase: string, name: string): Promise<Finished> => {
      const user = newUser(name, { DOCKER_CONTENT_TRUST_REPOSITORY_PASSPHRASE: passphrase });
      return tagseal(user, "trust", "key", "generate", name, "--dir", user["DOCKER_CONFIG"] ?? "");
    };
    const short = await generate("short", "short");
    assert.equal(short.code, 0);
    assert.match(short.stderr, /warning: The passphrase for .* has fewer than 8 bytes/u);
    const empty = await generate("", "empty");
    assert.equal(empty.code, 1);
    assert.deepEqual(readdirSync(scope.path("empty")).includes("empty.pub"), false);
  });

  it("I6: keys are encrypted with at least 600,000 rounds", { skip: missingPeers(["openssl"]) }, async () => {
    const user = newUser("rounds", { NODE_OPTIONS: undefined });
    const config = user["DOCKER_CONFIG"] ?? "";
    await tagsealOk(user, "trust", "key", "generate", "alice", "--dir", config);
    const [name = ""] = readdirSync(join(config, "trust", "private"));
    const pem = readFileSync(join(config, "trust", "private", name), "utf8").replace(/^[a-z]+: .*\n\n?/gmu, "");
    const { stdout } = await runOk("openssl", ["asn1parse"], { input: pem });
    const rounds = [...stdout.matchAll(/INTEGER\s+:([0-9A-F]+)/gu)].map((match) => Number.parseInt(match[1] ?? "", 16));
    assert.ok(Math.max(...rounds) >= 600_000, stdout);
  });

  it("writes public keys that openssl reads", { skip: missingPeers(["openssl"]) }, async () => {
    const user = newUser("public");
    await tagsealOk(user, "trust", "key", "generate", "alice", "--dir", user["DOCKER_CONFIG"] ?? "");
    const file = join(user["DOCKER_CONFIG"] ?? "", "alice.pub");
    const { stdout } = await runOk("openssl", ["pkey", "-pubin", "-in", file, "-noout", "-text"]);
    assert.match(stdout, /P-256/u);
  });

  it("a wrong passphrase is called that, and exit code and message say nothing of missing keys", async () => {
    const user = newUser("wrong");
    await push(user, `${registry}/wrong/app:v1`);
    const wrong = { ...user, DOCKER_CONTENT_TRUST_REPOSITORY_PASSPHRASE: "not the passphrase" };
    const { code, stderr } = await tagseal(wrong, "sign", `${registry}/wrong/app:v2@${image.manifest.digest}`);
    assert.equal(code, 1);
    assert.match(stderr, /PASSPHRASE_WRONG/u);
    assert.doesNotMatch(stderr, /not the passphrase/u);
  });

  it("loads an encrypted key that openssl wrote", { skip: missingPeers(["openssl"]) }, async () => {
    const user = newUser("encrypted");
    const file = scope.path("encrypted.pem");
    const passphrase = sandbox.env["DOCKER_CONTENT_TRUST_REPOSITORY_PASSPHRASE"] ?? "";
    await runOk("openssl", [
      "genpkey",
      "-algorithm",
      "EC",
      "-pkeyopt",
      "ec_paramgen_curve:P-256",
      "-out",
      `${file}.plain`,
    ]);
    const args = ["pkcs8", "-topk8", "-in", `${file}.plain`, "-out", file, "-passout", `pass:${passphrase}`];
    await runOk("openssl", args);
    await runOk("chmod", ["600", file]);
    await tagsealOk(user, "trust", "key", "load", "--name", "erin", file);
    const keys = readdirSync(join(user["DOCKER_CONFIG"] ?? "", "trust", "private"));
    assert.equal(keys.length, 1);
  });
});

describe("serving", () => {
  it("asking for a key of a repository that is not there stores nothing", async () => {
    const first = await ask(ca, "GET", `${gunUrl("unheard/of")}timestamp.key`);
    assert.equal(first.status, 200);
    const metrics = await ask(ca, "GET", `${server}/metrics`);
    assert.equal(metrics.status, 200);
    const again = await ask(ca, "GET", `${gunUrl("unheard/of")}timestamp.key`);
    assert.deepEqual(again.body, first.body);
  });

  it("a malformed or cut-off upload gets an answer, and the server lives", async () => {
    const type = { "content-type": "multipart/form-data; boundary=x" };
    for (const body of ["", "--x", "--x\r\nContent-Disposition: form-data\r\n\r\n", "--x\r\n\r\nno end"]) {
      const { status } = await ask(ca, "POST", gunUrl("malformed/app"), type, body);
      assert.equal(status, 400, JSON.stringify(body));
    }
    assert.equal((await ask(ca, "GET", `${server}/_notary_server/health`)).status, 200);
  });

  it("a role that does not exist is 404, also below targets", async () => {
    const user = newUser("unknown-role");
    const gun = `${registry}/unknown/role`;
    await push(user, `${gun}:v1`);
    for (const file of ["targets/nobody.json", "targets/nobody/below.json", "2.root.json"]) {
      assert.equal((await ask(ca, "GET", `${gunUrl(gun)}${file}`)).status, 404, file);
    }
  });

  it("a deleted repository is gone by every address, and its files were never another's", async () => {
    const user = newUser("deleted");
    const gun = `${registry}/deleted/app`;
    const neighbour = `${registry}/deleted/app-two`;
    await push(user, `${gun}:v1`);
    await push(user, `${neighbour}:v1`);
    const snapshot = JSON.parse((await ask(ca, "GET", `${gunUrl(gun)}snapshot.json`)).body.toString()) as {
      signed: { meta: { targets: { hashes: { sha256: string } } } };
    };
    const file = `targets.${Buffer.from(snapshot.signed.meta.targets.hashes.sha256, "base64").toString("hex")}.json`;
    assert.equal((await ask(ca, "GET", gunUrl(gun) + file)).status, 200);
    assert.equal((await ask(ca, "GET", gunUrl(neighbour) + file)).status, 404);
    assert.equal((await ask(ca, "DELETE", gunUrl(gun))).status, 200);
    assert.equal((await ask(ca, "GET", gunUrl(gun) + file)).status, 404);
    assert.equal((await ask(ca, "GET", `${gunUrl(gun)}root.json`)).status, 404);
    assert.equal((await ask(ca, "GET", `${gunUrl(neighbour)}root.json`)).status, 200);
  });

  it("many readers at once do no harm", async () => {
    const user = newUser("readers");
    const gun = `${registry}/readers/app`;
    await push(user, `${gun}:v1`);
    const answers = await Promise.all(
      Array.from({ length: 128 }, () => ask(ca, "GET", `${gunUrl(gun)}timestamp.json`)),
    );
    assert.deepEqual([...new Set(answers.map(({ status }) => status))], [200]);
  });

  it("answers carry an ETag, and one that is still current costs no body", async () => {
    const user = newUser("etag");
    const gun = `${registry}/etag/app`;
    await push(user, `${gun}:v1`);
    const { headers } = await ask(ca, "GET", `${gunUrl(gun)}root.json`);
    assert.ok(headers.etag !== undefined, "no ETag");
    const again = await ask(ca, "GET", `${gunUrl(gun)}root.json`, { "if-none-match": headers.etag });
    assert.equal(again.status, 304);
    assert.equal(again.body.length, 0);
  });
});

async function listedTags(env: Environment, repository: string): Promise<string[]> {
  const { stdout } = await tagsealOk(env, "list", "--json", repository);
  return (JSON.parse(stdout) as readonly { readonly tag: string }[]).map(({ tag }) => tag);
}
