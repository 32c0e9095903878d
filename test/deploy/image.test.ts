/** The container image: what is in it, and that it serves under the tightest settings a platform may ask for. */
import assert from "node:assert/strict";
import { chmodSync, chownSync, copyFileSync, mkdirSync } from "node:fs";
import { basename } from "node:path";
import { after, before, describe, it, type TestContext } from "node:test";
import { healthy } from "../support/notary-server.ts";
import {
  certificates,
  client,
  freePort,
  missingPeers,
  runOk,
  Scope,
  startDockerd,
  startDockerRegistry,
  waitUntil,
  type Client,
  type Engine,
  type Finished,
  type Registry,
} from "../support/peers.ts";
import { buildServerImage, importBaseImage } from "../support/server-image.ts";

/** The account the image names. */
const nobody = 65532;

/** Nothing may be written but the volume, nothing is permitted, and no more is to be had. */
const tight = ["--read-only", "--cap-drop", "ALL", "--security-opt", "no-new-privileges", "--pids-limit", "64"];

describe("the container image", { skip: missingPeers(["docker", "dockerd", "registry", "openssl"]) }, () => {
  const scope = new Scope("image");
  let engine: Engine;
  let registry: Registry;
  let builder: Client;

  before(async () => {
    [engine, registry] = await Promise.all([startDockerd(scope), startDockerRegistry(scope)]);
    builder = client(scope, { engine, name: "builder" });
    await importBaseImage(scope, builder, "base");
    await buildServerImage(scope, builder, "tagseal", "base");
    await builder.dockerOk(["tag", "base", `${registry.host}/team/app:v1`]);
    await builder.dockerOk(["push", "-q", `${registry.host}/team/app:v1`]);
  });
  after(async () => await scope.close());

  /** The certificate where containers find it, readable by the image's account alone. */
  async function certificateMount(): Promise<string[]> {
    const { serverCertificate, serverKey } = await certificates(scope);
    const directory = scope.path("tls");
    mkdirSync(directory, { recursive: true });
    for (const file of [serverCertificate, serverKey]) {
      const copy = `${directory}/${basename(file)}`;
      copyFileSync(file, copy);
      chownSync(copy, nobody, nobody);
      chmodSync(copy, 0o400);
    }
    return ["-v", `${directory}:/run/tls:ro`];
  }

  /** Runs a container on this machine's network until the test ends or stops it. */
  async function startContainer(t: TestContext, name: string, words: readonly string[]): Promise<void> {
    t.after(() => builder.docker(["rm", "-f", name]));
    await builder.dockerOk(["run", "-d", "--name", name, "--network", "host", ...words]);
  }

  /** Runs the server on the volume `data` until the test ends or stops it, and waits until it is healthy. */
  async function serve(t: TestContext, name: string): Promise<{ port: number; url: string; ca: string }> {
    const port = await freePort();
    const { ca } = await certificates(scope);
    const mounts = ["-v", "data:/var/lib/tagseal", ...(await certificateMount())];
    const tls = ["--tls-cert", "/run/tls/server.crt", "--tls-key", "/run/tls/server.key"];
    const words = ["server", "--listen", `127.0.0.1:${port}`, "--data", "/var/lib/tagseal", ...tls];
    await startContainer(t, name, [...tight, ...mounts, "tagseal", ...words]);
    const url = `https://localhost:${port}`;
    await waitUntil(`${name} is healthy`, () => healthy(url, ca), 60_000);
    return { port, url, ca };
  }

  function inContainer(name: string, ...words: readonly string[]): Promise<Finished> {
    return builder.docker(["exec", name, "/opt/tagseal/node/bin/node", ...words]);
  }

  it("is run by an account that is not root, named by number, and says what it is", async () => {
    const { stdout } = await builder.dockerOk(["image", "inspect", "tagseal"]);
    const [{ Config: config, Size: size }] = JSON.parse(stdout) as [{ Config: Record<string, unknown>; Size: number }];
    assert.equal(config["User"], `${nobody}:${nobody}`);
    assert.equal(config["StopSignal"], "SIGTERM");
    assert.deepEqual(config["ExposedPorts"], { "4443/tcp": {}, "5443/tcp": {} });
    assert.deepEqual(config["Volumes"], { "/var/lib/tagseal": {} });
    assert.deepEqual(config["Entrypoint"], ["/opt/tagseal/node/bin/node", "/opt/tagseal/app/tagseal.js"]);
    const labels = config["Labels"] as Record<string, string>;
    assert.equal(labels["org.opencontainers.image.version"], "1.2.3");
    assert.equal(labels["org.opencontainers.image.licenses"], "Apache-2.0");
    assert.ok(size < 180_000_000, `${size} bytes`);
  });

  it("holds no shell, no package manager, nothing that changes the user, and nothing others may write", async () => {
    const { stdout: id } = await builder.dockerOk(["create", "tagseal"]);
    await builder.dockerOk(["export", "-o", scope.path("content.tar"), id.trim()]);
    await builder.dockerOk(["rm", id.trim()]);
    const { stdout } = await runOk("tar", ["-tvf", scope.path("content.tar"), "--numeric-owner"]);
    const entries = stdout.split("\n").flatMap((line) => {
      const [, mode = "", owner = "", path = ""] = /^(\S+)\s+(\d+\/\d+)\s+\d+\s+\S+\s+\S+\s+(\S+)/u.exec(line) ?? [];
      return path === "" ? [] : [{ mode, owner, path }];
    });
    const named = (pattern: RegExp): string[] => entries.map(({ path }) => path).filter((path) => pattern.test(path));
    assert.deepEqual(named(/(?:^|\/)(?:ba|da|z)?sh$|(?:^|\/)(?:npm|npx|corepack|busybox|apt|dpkg)$/u), []);
    assert.deepEqual(named(/\.(?:ts|map)$|(?:^|\/)(?:esbuild|typescript|node_modules\/@types)\//u), []);
    assert.equal(named(/^opt\/tagseal\/node_modules\/(?:kysely|pg|mysql2)\/package\.json$/u).length, 3);
    const own = entries.filter(({ path, mode }) => path.startsWith("opt/tagseal/") && !mode.startsWith("l"));
    assert.ok(own.length > 100);
    assert.deepEqual(
      own.filter(({ mode, owner }) => owner !== "0/0" || /^.{5}w|^.{8}w|s/u.test(mode)),
      [],
    );
  });

  it("I7: serves read-only and without capabilities, ends when asked, and continues with the volume", async (t) => {
    const image = `${registry.host}/team/app:v1`;
    const first = await serve(t, "first");
    const user = client(scope, { server: first, name: "user" });
    await user.tagsealOk(["sign", "-q", "--from-registry", image]);
    const digest = (await user.tagsealOk(["verify", image])).stdout;

    await builder.dockerOk(["stop", "--time", "60", "first"]);
    const state = await builder.dockerOk(["inspect", "-f", "{{.State.ExitCode}} {{.State.OOMKilled}}", "first"]);
    assert.equal(state.stdout, "0 false\n", "it ended by itself; a killed one has 137");
    assert.match((await builder.dockerOk(["logs", "first"])).stderr, /"event":"stopped"\}\n$/u);

    const second = client(scope, { server: await serve(t, "second"), name: "another" });
    assert.equal((await second.tagsealOk(["verify", image])).stdout, digest);
    await keepsToItself("second");
  });

  /** Nothing was written outside the volume and the mounts, and the program cannot be replaced. */
  async function keepsToItself(name: string): Promise<void> {
    const { stdout } = await builder.dockerOk(["diff", name]);
    assert.deepEqual(
      stdout.split("\n").filter((line) => !/^(?:[AC] \/run(?:\/tls)?)?$/u.test(line)),
      [],
    );
    const overwrite =
      "try { fs.writeFileSync('/opt/tagseal/app/tagseal.js', ''); } catch ({ code }) { console.log(code); }";
    assert.match((await inContainer(name, "-e", overwrite)).stdout, /^(?:EROFS|EACCES)$/mu);
  }

  it("I5: is the gateway with another command: read-only, on a volume, healthy by its own check, and ends when asked", async (t) => {
    const words = ["gateway", "--listen", "127.0.0.1:5443", "--data", "/var/lib/tagseal"];
    const mounts = ["-v", "gateway:/var/lib/tagseal", "-e", "DOCKER_CONFIG=/run/logins"];
    await startContainer(t, "gateway", [...tight, ...mounts, "tagseal", ...words, "--upstream", registry.host]);
    const isWell = async (): Promise<boolean> =>
      (await inContainer("gateway", "/opt/tagseal/app/health.js")).code === 0;
    await waitUntil("the gateway is healthy", isWell, 60_000);
    await keepsToItself("gateway");
    await builder.dockerOk(["stop", "--time", "60", "gateway"]);
    const state = await builder.dockerOk(["inspect", "-f", "{{.State.ExitCode}}", "gateway"]);
    assert.equal(state.stdout, "0\n");
    assert.equal(await isWell(), false);
  });

  it("shows docker whether it is well, and that it hangs", async (t) => {
    const name = "watched";
    const port = await freePort();
    const quick = ["--health-interval", "1s", "--health-retries", "1", "--health-start-period", "0s"];
    const url = `TAGSEAL_HEALTH_URL=http://127.0.0.1:${port}/_tagseal/ready`;
    const words = ["server", "--listen", `127.0.0.1:${port}`, "--data", "/var/lib/tagseal"];
    await startContainer(t, name, ["-e", url, ...quick, ...tight, "tagseal", ...words]);
    const health = async (): Promise<string> =>
      (await builder.dockerOk(["inspect", "-f", "{{.State.Health.Status}}", name])).stdout.trim();
    await waitUntil("docker finds it healthy", async () => (await health()) === "healthy", 60_000);
    const { stdout: pid } = await builder.dockerOk(["inspect", "-f", "{{.State.Pid}}", name]);
    process.kill(Number(pid), "SIGSTOP");
    try {
      await waitUntil("docker finds that it hangs", async () => (await health()) === "unhealthy", 60_000);
    } finally {
      process.kill(Number(pid), "SIGCONT");
    }
    await waitUntil("docker finds it healthy again", async () => (await health()) === "healthy", 60_000);
  });

  it("checks its own health without curl, brings the drivers, and has no shell", async (t) => {
    const { url } = await serve(t, "checked");
    const health = "/opt/tagseal/app/health.js";
    assert.equal((await inContainer("checked", health, `${url}/_notary_server/health`)).code, 0);
    assert.equal((await inContainer("checked", health, `${url}/nothing-here`)).code, 1);
    assert.equal((await inContainer("checked", health, `https://127.0.0.1:${await freePort()}/`)).code, 1);

    const drivers = ["kysely", "pg", "mysql2/promise", "@grpc/grpc-js", "@grpc/proto-loader", "bcryptjs"];
    const load = `const { createRequire } = require("node:module");
      const load = createRequire("/opt/tagseal/app/cli.js");
      for (const name of ${JSON.stringify(drivers)}) console.log(name, Object.keys(load(name)).length > 0);`;
    assert.equal((await inContainer("checked", "-e", load)).stdout, drivers.map((name) => `${name} true\n`).join(""));

    assert.notEqual((await builder.docker(["exec", "checked", "sh", "-c", "true"])).code, 0);
  });
});
