import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import { mkdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, it } from "node:test";
import { temporaryDirectory } from "../../../test/support/temporary-directory.ts";
import { type AddressOptions, type EngineAddress, findEngineAddress } from "./engine-address.ts";

const directory = temporaryDirectory();

const withContexts = join(directory, "none");
storeContext(withContexts, "far", { Endpoints: { docker: { Host: "ssh://me@far" } } });
storeContext(withContexts, "odd", {});

/** Writes a context as docker keeps it. */
function storeContext(config: string, name: string, content: unknown): void {
  const id = createHash("sha256").update(name).digest("hex");
  const path = join(config, "contexts", "meta", id);
  mkdirSync(path, { recursive: true });
  writeFileSync(join(path, "meta.json"), JSON.stringify(content));
}

const find = (given: Partial<AddressOptions>): Promise<EngineAddress> =>
  findEngineAddress({
    globalArgs: [],
    env: {},
    dockerConfigDir: withContexts,
    ...given,
  });

const unix = (path: string): EngineAddress => ({ kind: "unix", path });

function configured(name: string, content: string): string {
  const path = join(directory, name);
  mkdirSync(path, { recursive: true });
  writeFileSync(join(path, "config.json"), content);
  return path;
}

describe("docker's engine is found", () => {
  const dockerConfigDir = configured("current", '{"currentContext":"local"}');
  const local = { Host: "unix:///run/user/1/docker.sock", SkipTLSVerify: false };
  storeContext(dockerConfigDir, "local", { Name: "local", Metadata: {}, Endpoints: { docker: local } });
  storeContext(dockerConfigDir, "far", { Endpoints: { docker: { Host: "ssh://me@far" } } });

  it("at the usual socket", async () => {
    assert.deepEqual(await find({}), unix("/var/run/docker.sock"));
    assert.deepEqual(await find({ env: { DOCKER_HOST: "unix://" } }), unix("/var/run/docker.sock"));
  });

  it("by -H, then --context, DOCKER_HOST, DOCKER_CONTEXT and the current context, in docker's order", async () => {
    const host = { DOCKER_HOST: "unix:///from-host" };
    const context = { DOCKER_CONTEXT: "far" };
    const all = { env: { ...host, ...context }, dockerConfigDir };
    assert.deepEqual(await find({ ...all, globalArgs: ["-H", "unix:///flag"] }), unix("/flag"));
    assert.deepEqual(await find({ ...all, globalArgs: ["--context", "local"] }), unix("/run/user/1/docker.sock"));
    assert.deepEqual(await find(all), unix("/from-host"));
    assert.deepEqual(await find({ ...all, env: context }), { kind: "stdio", name: "ssh://far" });
    assert.deepEqual(await find({ ...all, env: {} }), unix("/run/user/1/docker.sock"));
  });

  it("at the usual socket when the context is the default one", async () => {
    assert.deepEqual(await find({ dockerConfigDir, globalArgs: ["--context=default"] }), unix("/var/run/docker.sock"));
  });

  it("through docker itself where only docker knows the way, without a user's name in messages", async () => {
    for (const host of ["ssh://user@host", "npipe:////./pipe/docker_engine", "fd://"]) {
      const found = await find({ env: { DOCKER_HOST: host } });
      assert.equal(found.kind, "stdio");
      assert.equal(found.kind === "stdio" && found.name.includes("user"), false);
    }
    assert.equal((await find({ globalArgs: ["--context", "odd"] })).kind, "stdio");
  });

  it("over TCP, with the port docker would take", async () => {
    const plain = { kind: "tcp", host: "h", tls: undefined };
    assert.deepEqual(await find({ env: { DOCKER_HOST: "tcp://h" } }), { ...plain, port: 2375 });
    assert.deepEqual(await find({ env: { DOCKER_HOST: "tcp://h:9" } }), { ...plain, port: 9 });
    assert.deepEqual(await find({ env: { DOCKER_HOST: "tcp://[::1]:9" } }), { ...plain, host: "::1", port: 9 });
  });

  it("with TLS: verified with DOCKER_TLS_VERIFY, files from DOCKER_CERT_PATH", async () => {
    const path = configured("tls", "{}");
    for (const name of ["ca", "cert", "key"]) writeFileSync(join(path, `${name}.pem`), name);
    const env = { DOCKER_HOST: "tcp://h", DOCKER_TLS_VERIFY: "1", DOCKER_CERT_PATH: path };
    assert.deepEqual(await find({ env }), {
      kind: "tcp",
      host: "h",
      port: 2376,
      tls: { ca: "ca", cert: "cert", key: "key", verify: true },
    });
  });

  it("with TLS but no verification only when asked for", async () => {
    const env = { DOCKER_HOST: "tcp://h" };
    const found = await find({ env, globalArgs: ["--tls"] });
    assert.equal(found.kind === "tcp" && found.tls?.verify, false);
    const verified = await find({ env, globalArgs: ["--tlsverify"] });
    assert.equal(verified.kind === "tcp" && verified.tls?.verify, true);
  });

  it("not at all when a file that was named is missing, or the configuration is broken", async () => {
    const globalArgs = ["-H", "tcp://h", "--tlsverify", "--tlscacert", join(directory, "absent.pem")];
    await assert.rejects(find({ globalArgs }), { code: "FILE_UNREADABLE" });
    await assert.rejects(find({ dockerConfigDir: configured("broken", "{") }), { code: "FILE_UNREADABLE" });
    await assert.rejects(find({ globalArgs: ["-c", "nowhere"] }), {
      code: "USAGE",
      message: 'context "nowhere": context not found',
    });
    await assert.rejects(find({ env: { DOCKER_HOST: "tcp://h:port" } }), { code: "USAGE" });
  });

  it("I1: without waiting for a pipe in the place of a TLS file, and without reading a file that no certificate has", async () => {
    const path = configured("pipes", "{}");
    execFileSync("mkfifo", [join(path, "ca.pem")]);
    const env = { DOCKER_HOST: "tcp://h", DOCKER_TLS_VERIFY: "1", DOCKER_CERT_PATH: path };
    await assert.rejects(find({ env }), {
      code: "FILE_UNREADABLE",
      message: /ca\.pem is not a file/u,
    });
    rmSync(join(path, "ca.pem"));
    writeFileSync(join(path, "cert.pem"), Buffer.alloc(1024 * 1024 + 1));
    await assert.rejects(find({ env }), {
      code: "FILE_UNREADABLE",
      message: /cert\.pem is larger than 1048576 bytes/u,
    });
  });
});
