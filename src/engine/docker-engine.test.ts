import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, afterEach, before, beforeEach, describe, it } from "node:test";
import { certificates } from "../../test/support/certificates.ts";
import { type FakeEngine, fakeProgram, lines, startFakeEngine } from "../../test/support/fake-engine.ts";
import { findExecutable, Scope } from "../../test/support/processes.ts";
import { parseDigest } from "../reference/digest.ts";
import type { EngineMessage } from "./engine-message.ts";
import { loadDockerConfig } from "../docker-config/docker-login.ts";
import type { Engine, OpenEngineOptions } from "./engine.ts";
import { openEngine } from "./open-engine.ts";

const digest = parseDigest(`sha256:${"ab".repeat(32)}`);
const other = parseDigest(`sha256:${"cd".repeat(32)}`);
const pushed = { Tag: "v1", Digest: digest, Size: 528 };
const image = "host:5000/team/app:v1";
const passphrases = {
  DOCKER_CONTENT_TRUST: "1",
  DOCKER_CONTENT_TRUST_ROOT_PASSPHRASE: "secret",
  DOCKER_CONTENT_TRUST_REPOSITORY_PASSPHRASE: "secret",
};

let fake: FakeEngine;
const opened: Engine[] = [];

async function open(given: Partial<OpenEngineOptions> = {}): Promise<Engine> {
  const env = { PATH: process.env["PATH"], DOCKER_HOST: fake.host, ...given.env };
  const dockerConfigDir = fake.directory;
  const engine = await openEngine({
    kind: "docker",
    executable: "/bin/false",
    globalArgs: [],
    dockerConfigDir,
    credentials: async (target) => (await loadDockerConfig(dockerConfigDir, env)).credentialsFor(target),
    ...given,
    env,
  });
  opened.push(engine);
  return engine;
}

beforeEach(async () => {
  fake = await startFakeEngine();
});
afterEach(() => {
  for (const engine of opened.splice(0)) engine.close();
  fake.close();
});

describe("docker's engine", () => {
  it("is spoken to in the newest version both know, and in its own when that is older", async () => {
    for (const [offered, spoken] of [
      ["1.41", "1.41"],
      ["1.99", "1.51"],
      ["1.9", "1.9"],
      [undefined, "1.24"],
      ["../x", "1.24"],
    ] as const) {
      fake.apiVersion = offered;
      await (await open()).imageExists("x");
      assert.equal(fake.calls.at(-1)?.path, `/v${spoken}/images/x/json`);
    }
    await (await open({ env: { DOCKER_API_VERSION: "1.30" } })).imageExists("x");
    assert.equal(fake.calls.at(-1)?.path, "/v1.30/images/x/json");
  });

  it("pushes one tag with the user's credentials and says what it pushed", async () => {
    const auth = Buffer.from("me:pass").toString("base64");
    writeFileSync(join(fake.directory, "config.json"), JSON.stringify({ auths: { "host:5000": { auth } } }));
    fake.answer = lines(
      { status: "The push refers to…" },
      { status: "Pushed", progressDetail: {}, id: "a" },
      { progressDetail: {}, aux: pushed },
    );
    const messages: EngineMessage[] = [];
    const result = await (await open()).push(image, { onMessage: (message) => messages.push(message) });
    assert.deepEqual(result, { tag: "v1", digest, size: 528 });
    assert.deepEqual(
      messages.map(({ status }) => status),
      ["The push refers to…", "Pushed"],
    );
    assert.deepEqual(fake.calls, [
      {
        method: "POST",
        path: "/v1.41/images/host:5000/team/app/push?tag=v1",
        auth: { username: "me", password: "pass", serveraddress: "host:5000" },
      },
    ]);
  });

  it("pulls by digest, never by tag", async () => {
    fake.answer = lines({ status: "Digest: …" });
    await (await open()).pullByDigest(image, digest, { platform: "linux/arm64" });
    const url = new URL(fake.calls[0]?.path ?? "", "http://engine");
    assert.deepEqual(Object.fromEntries(url.searchParams), {
      fromImage: "host:5000/team/app",
      tag: digest,
      platform: "linux/arm64",
    });
  });

  it("tags, and looks at images", async () => {
    fake.answer = (_request, response) => response.writeHead(201).end();
    await (await open()).tag(`host/app@${digest}`, "docker.io/library/alpine:3");
    assert.equal(fake.calls[0]?.path, `/v1.41/images/host/app@${digest}/tag?repo=alpine&tag=3`);
    fake.answer = lines({ Id: other, Os: "linux", Architecture: "arm64", Variant: "v8" });
    assert.deepEqual(await (await open()).findImage("x"), {
      id: other,
      platform: { os: "linux", architecture: "arm64", variant: "v8" },
    });
  });

  it("asks for a platform to be pushed only where the engine can", async () => {
    fake.answer = lines({ aux: pushed });
    await assert.rejects((await open()).push(image, { platform: "linux/arm64" }), {
      code: "USAGE",
      message: '"platform" requires API version 1.46, but the Docker daemon API version is 1.41',
    });
    fake.apiVersion = "1.47";
    await (await open()).push(image, { platform: "linux/arm64" });
    assert.match(fake.calls.at(-1)?.path ?? "", /platform=%7B%22os%22%3A%22linux%22/u);
  });

  it("lets no name become another request", async () => {
    await (await open()).imageExists("x/json?a=b#c");
    assert.equal(fake.calls[0]?.path, "/v1.41/images/x/json%3Fa%3Db%23c/json");
    for (const name of ["../containers", "x/../y", "x//y", ""]) {
      await assert.rejects((await open()).imageExists(name), { code: "REFERENCE_INVALID" });
    }
  });
});

describe("what an engine says it pushed is not signed", () => {
  const cases: readonly (readonly [string, readonly unknown[]])[] = [
    ["when it says nothing", []],
    ["when it names another tag", [{ ...pushed, Tag: "v2" }]],
    ["when it names two digests", [pushed, { ...pushed, Digest: other }]],
    ["when it names two tags", [pushed, { ...pushed, Tag: "v2" }]],
    ["when it names no digest", [{ ...pushed, Digest: "sha256:short" }]],
    ["when the size is no size", [{ ...pushed, Size: -1 }]],
    ["when the size is a text", [{ ...pushed, Size: "528" }]],
  ];
  for (const [name, facts] of cases) {
    it(name, async () => {
      fake.answer = lines(...facts.map((aux) => ({ aux })));
      await assert.rejects((await open()).push(image), { code: "ENGINE_RESPONSE_MALFORMED" });
    });
  }

  it("when it fails after it named one", async () => {
    fake.answer = lines({ aux: pushed }, { errorDetail: { message: "denied" }, error: "denied" });
    await assert.rejects((await open()).push(image), { code: "ENGINE_ERROR", message: "denied" });
  });

  it("when the connection breaks after it named one", async () => {
    fake.answer = (_request, response) => {
      response.write(`${JSON.stringify({ aux: pushed })}\n`);
      setImmediate(() => response.destroy());
    };
    await assert.rejects((await open()).push(image), { code: "ENGINE_UNREACHABLE" });
  });

  it("but the same word twice is one word, and facts of other kinds are none", async () => {
    fake.answer = lines({ aux: { manifestPushedInsteadOfIndex: true } }, { aux: pushed }, { aux: pushed });
    assert.equal((await (await open()).push(image)).digest, digest);
  });
});

describe("an engine that fails", () => {
  it("is quoted", async () => {
    fake.answer = (_request, response) => response.writeHead(500).end('{"message":"no space left"}');
    await assert.rejects((await open()).push(image), {
      code: "ENGINE_ERROR",
      message: "Error response from daemon: no space left",
    });
    fake.answer = (_request, response) => response.writeHead(502).end("Bad Gateway\n");
    await assert.rejects((await open()).tag("a", "b"), { message: "Error response from daemon: Bad Gateway" });
  });

  it("I1: is not listened to without end", async () => {
    fake.answer = (_request, response) => {
      const chunk = Buffer.alloc(256 * 1024, 0x20);
      const more = (): void => {
        while (!response.destroyed && response.write(chunk));
      };
      response.on("drain", more);
      more();
    };
    await assert.rejects((await open()).findImage("x"), { code: "ENGINE_RESPONSE_MALFORMED" });
  });

  it("is said to be away when it is", async () => {
    const host = `unix://${fake.directory}/nobody.sock`;
    await assert.rejects((await open({ env: { DOCKER_HOST: host } })).imageExists("x"), {
      code: "ENGINE_UNREACHABLE",
      message: `Cannot connect to the Docker daemon at ${host}. Is the docker daemon running?`,
    });
  });

  it("ends at once with Ctrl-C, silent as it may be", async () => {
    fake.answer = () => undefined;
    const interruption = new AbortController();
    const waiting = (await open({ signal: interruption.signal })).push(image);
    setTimeout(() => interruption.abort(), 50);
    await assert.rejects(waiting, { code: "CANCELLED" });
  });
});

describe("docker's engine far away", () => {
  const scope = new Scope("docker-engine");
  const missing = findExecutable("openssl") === undefined ? "openssl is not installed" : false;
  const bridge = join(scope.directory, "bridge.js");
  before(() => {
    // what `docker system dial-stdio` does
    writeFileSync(
      bridge,
      'const s = require("node:net").connect(process.argv[2]); process.stdin.pipe(s); s.pipe(process.stdout); s.on("end", () => process.exit(0));',
    );
  });
  after(() => scope.close());

  it("is reached through docker itself, which sees neither trust switch nor passphrases", async () => {
    const log = join(fake.directory, "log");
    const script = `echo "$@" >>${log}; env >>${log}; exec ${process.execPath} ${bridge} ${fake.socket}`;
    const executable = fakeProgram(fake.directory, "docker", script);
    fake.answer = lines({ Id: other });
    const env = { DOCKER_HOST: "ssh://me@far", ...passphrases };
    assert.equal((await (await open({ executable, env, globalArgs: ["-D"] })).findImage("x"))?.id, other);
    const seen = readFileSync(log, "utf8");
    assert.match(seen, /^-D system dial-stdio$/mu);
    assert.match(seen, /^DOCKER_CONTENT_TRUST=0$/mu);
    assert.doesNotMatch(seen, /PASSPHRASE|secret/u);
  });

  it("says so when docker cannot reach it", async () => {
    const executable = fakeProgram(fake.directory, "docker", "exit 1");
    await assert.rejects((await open({ executable, env: { DOCKER_HOST: "ssh://me@far" } })).findImage("x"), {
      code: "ENGINE_UNREACHABLE",
      message: "Cannot connect to the Docker daemon at ssh://far. Is the docker daemon running?",
    });
  });

  it("is where a context leads", async () => {
    const id = createHash("sha256").update("far").digest("hex");
    const path = join(fake.directory, "contexts", "meta", id);
    mkdirSync(path, { recursive: true });
    writeFileSync(join(path, "meta.json"), JSON.stringify({ Endpoints: { docker: { Host: fake.host } } }));
    fake.answer = lines({ Id: other });
    const far = await open({ env: { DOCKER_HOST: undefined, DOCKER_CONTEXT: "far" } });
    assert.equal(await far.imageExists("x"), true);
  });

  it("is verified over TLS, and shown our certificate", { skip: missing }, async () => {
    const files = await certificates(scope);
    const pem = (path: string): string => readFileSync(path, "utf8");
    const [ca, cert, key] = [pem(files.ca), pem(files.serverCertificate), pem(files.serverKey)];
    const secure = await startFakeEngine({ ca, cert, key, requestCert: true, rejectUnauthorized: true });
    try {
      const path = mkdtempSync(join(tmpdir(), "docker-certs-"));
      for (const [name, text] of [
        ["ca", ca],
        ["cert", cert],
        ["key", key],
      ] as const)
        writeFileSync(join(path, `${name}.pem`), text);
      const env = { DOCKER_HOST: secure.host, DOCKER_TLS_VERIFY: "1", DOCKER_CERT_PATH: path };
      secure.answer = lines({ Id: other });
      assert.equal(await (await open({ env })).imageExists("x"), true);
      rmSync(join(path, "ca.pem"));
      await assert.rejects((await open({ env })).imageExists("x"), { code: "ENGINE_UNREACHABLE" });
      rmSync(path, { recursive: true });
    } finally {
      secure.close();
    }
  });
});

describe("docker's own command", () => {
  it("I6: runs with the global flags, without trust switch and passphrases, and its output is kept when asked", async () => {
    mkdirSync(fake.directory, { recursive: true });
    const executable = fakeProgram(fake.directory, "docker", 'echo "$@"; env; cat; echo oops >&2; exit 7');
    const engine = await open({ executable, globalArgs: ["--context", "far"], env: passphrases });
    const result = await engine.run(["ps", "-a"], { capture: true, stdin: Buffer.from("fed") });
    assert.equal(result.exitCode, 7);
    assert.equal(result.stderr, "oops\n");
    assert.match(result.stdout, /^--context far ps -a\n/u);
    assert.match(result.stdout, /fed$/u);
    assert.match(result.stdout, /^DOCKER_CONTENT_TRUST=0$/mu);
    assert.doesNotMatch(result.stdout, /PASSPHRASE|secret/u);
  });

  it("that cannot be started is said to be missing", async () => {
    const engine = await open({ executable: "/nonexistent/docker" });
    await assert.rejects(engine.run(["ps"], { capture: true }), { code: "ENGINE_NOT_FOUND" });
  });
});
