/** docker's daemon asks Tagseal about every request: no client starts an image that is not signed, whatever it is called. */
import assert from "node:assert/strict";
import { mkdirSync, rmSync, writeFileSync } from "node:fs";
import { request } from "node:http";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { CliSandbox } from "../cli/cli-sandbox.ts";
import { startDockerd, type Engine } from "../support/dockerd.ts";
import { findGoPeer } from "../support/go-peers.ts";
import {
  findExecutable,
  missingPeers,
  run,
  Scope,
  tagsealCommand,
  type Finished,
  type Running,
} from "../support/peers.ts";

const skip = missingPeers(["docker", "dockerd"]);

interface Answered {
  readonly status: number;
  readonly message: string;
}

describe("docker's daemon with Tagseal as its authorization plugin", { skip }, () => asksAbout("machine's"));

// built by name only: npm run peers -- dockerd
if (findGoPeer("dockerd") !== undefined)
  describe(
    "docker 29's daemon with Tagseal as its authorization plugin",
    {
      skip: missingPeers(["docker", "containerd 2"]),
    },
    () => asksAbout(29),
  );

function asksAbout(version: "machine's" | 29): void {
  const stage = CliSandbox.forSuite("docker-stage");
  const scope = new Scope(`gate-docker-${version === 29 ? version : 20}`);
  const plugin = `tagseal-${process.pid}-${version === 29 ? version : 20}`;
  const socket = `/run/docker/plugins/${plugin}.sock`;
  let engine: Engine;
  let gate: Running;
  let app: string;
  let signed: string;
  let env: Record<string, string>;

  before(async () => {
    app = stage.repository();
    await stage.publish(await stage.image("1"), `${app}:v1`, `${app}:moving`);
    await stage.publish(await stage.image("2"), `${app}:v2`);
    await register("v2", "raw");
    signed = (await stage.ok(["verify", `${app}:v1`])).stdout.trim();
    env = stage.stranger();
    gate = await startGate();
    engine = await startDockerd(scope, { plugin, ...(version === 29 ? { version } : {}) });
  });
  after(async () => {
    await scope.close();
    rmSync(socket, { force: true });
  });

  async function startGate(): Promise<Running> {
    const words = ["gate", "docker", "--socket", socket, "--refresh", "1s"];
    return await scope.start("gate", tagsealCommand, words, {
      env: { ...env, DOCKER_HOST: `unix://${scope.path("dockerd", "docker.sock")}` },
      ready: (log) => log().includes('"listening"'),
    });
  }

  /** Names in the registry what another tag names there, as a thief of its password can. */
  async function register(tag: string, as: string): Promise<void> {
    const url = `http://${app.replace("/", "/v2/")}/manifests`;
    const accept = "application/vnd.oci.image.manifest.v1+json, application/vnd.oci.image.index.v1+json";
    const found = await fetch(`${url}/${tag}`, { headers: { accept } });
    const headers = { "content-type": found.headers.get("content-type") ?? "" };
    const moved = await fetch(`${url}/${as}`, { method: "PUT", headers, body: await found.arrayBuffer() });
    assert.equal(moved.status, 201);
  }

  async function docker(...args: readonly string[]): Promise<Finished> {
    return await run("docker", args, {
      env: { HOME: scope.directory, DOCKER_HOST: engine.host, DOCKER_BUILDKIT: "0" },
    });
  }

  async function dockerOk(...args: readonly string[]): Promise<string> {
    const { code, stdout, stderr } = await docker(...args);
    assert.equal(code, 0, `docker ${args.join(" ")}\n${stderr}`);
    return stdout.trim();
  }

  async function dockerRefused(reason: RegExp, ...args: readonly string[]): Promise<void> {
    const { code, stderr } = await docker(...args);
    assert.notEqual(code, 0, args.join(" "));
    assert.match(stderr, new RegExp(`authorization denied by plugin ${plugin}: `, "u"), args.join(" "));
    assert.match(stderr, reason, args.join(" "));
  }

  /** A request as any program can send it to the socket. */
  async function post(path: string, body?: string | object, headers: Record<string, string> = {}): Promise<Answered> {
    const { promise, resolve, reject } = Promise.withResolvers<Answered>();
    const text = typeof body === "object" ? JSON.stringify(body) : body;
    const json: Record<string, string> = text === undefined ? {} : { "content-type": "application/json" };
    const sent = request(
      { socketPath: engine.socket, path, method: "POST", headers: { ...json, ...headers } },
      (response) => {
        let message = "";
        response.setEncoding("utf8").on("data", (chunk: string) => (message += chunk));
        response.on("end", () => resolve({ status: response.statusCode ?? 0, message }));
      },
    );
    sent.on("error", reject).end(text);
    return await promise;
  }

  const localImages = async (): Promise<string> => await dockerOk("images", "--format", "{{.Repository}}:{{.Tag}}");

  it("pulls and makes containers of what is signed", async () => {
    await dockerOk("pull", `${app}:v1`);
    const id = await dockerOk("create", `${app}:v1`, "hello");
    assert.match(id, /^[0-9a-f]{64}$/u);
    await dockerOk("pull", `${app}@${signed}`);
    await dockerOk("create", `${app}@${signed}`, "hello");
    await dockerOk("rm", id);
  });

  it("I9: pulls nothing that is not signed", async () => {
    await dockerRefused(/No valid trust data for raw.*\[TAG_NOT_SIGNED\]/u, "pull", `${app}:raw`);
    await dockerRefused(/\[COMMAND_NOT_COVERED\]/u, "pull", "--all-tags", app);
    await dockerRefused(/\[TAG_NOT_SIGNED\]/u, "run", `${app}:raw`, "hello");
    assert.doesNotMatch(await localImages(), /:raw/u);
  });

  it("I5: pulls no tag that was moved in the registry, and names what to pull instead", async () => {
    await register("v2", "moving");
    await dockerRefused(
      new RegExp(`docker pull ${app}@${signed}.*\\[TAG_DIGEST_MISMATCH\\]`, "u"),
      "pull",
      `${app}:moving`,
    );
    assert.doesNotMatch(await localImages(), /:moving/u);
  });

  it("I5: makes no container of another image that got the name of a signed one", async () => {
    await dockerOk("pull", `${app}:v2`);
    await dockerOk("tag", `${app}:v2`, `${app}:v1`);
    await dockerRefused(/\[TAG_DIGEST_MISMATCH\]/u, "create", `${app}:v1`, "hello");
    await dockerOk("pull", `${app}:v1`);
    await dockerOk("create", `${app}:v1`, "hello");
  });

  it("I9: refuses builds, archives and imports", async () => {
    const context = scope.path("context");
    mkdirSync(context);
    writeFileSync(join(context, "Dockerfile"), `FROM ${app}:v1\n`);
    await dockerRefused(/a build cannot be decided about.*--allow build/u, "build", context);
    await dockerRefused(/--allow load/u, "import", "http://127.0.0.1:9/rootfs.tar");
    const archive = scope.path("image.tar");
    await dockerOk("save", "-o", archive, `${app}:v1`);
    await dockerRefused(/--allow load/u, "load", "-i", archive);
  });

  it("I9: refuses programs on the socket, however they write a request", async () => {
    const evil = { Image: `${app}:raw`, Cmd: ["hello"] };
    for (const path of ["/containers/create", "/v1.41/containers/create?name=x", "/v1.41/containers%2Fcreate"]) {
      const { status, message } = await post(path, evil);
      assert.equal(status, 403, `${path}: ${message}`);
      assert.match(message, /TAG_NOT_SIGNED/u);
    }
    // docker before 29.3.1 shows plugins no content of more than a mebibyte
    const notShown = version === 29 ? /TAG_NOT_SIGNED/u : /did not show the content/u;
    const padded = { Image: `${app}:raw`, Labels: { a: "a".repeat(1_100_000) } };
    assert.match((await post("/v1.41/containers/create", padded)).message, notShown);
    const chunked = await post("/v1.41/containers/create", evil, { "transfer-encoding": "chunked" });
    assert.equal(chunked.status, 403, chunked.message);
    assert.equal(
      (
        await post("/v1.41/containers/create", JSON.stringify(evil), {
          "content-type": "application/json; charset=utf-8",
        })
      ).status,
      403,
    );
    const twice = await post("/v1.41/containers/create", `{"Image":"${app}:v1","image":"${app}:raw"}`);
    assert.match(twice.message, /more than once/u);
    const form = { "content-type": "application/x-www-form-urlencoded" };
    const pull = `/v1.41/images/create?fromImage=${app}&tag=v1`;
    assert.match((await post(pull, `fromImage=${app}&tag=raw`, form)).message, /it sends a form/u);
    assert.match((await post(`${pull}&tag=raw`)).message, /tag twice/u);
    assert.doesNotMatch(await localImages(), /:raw/u);
  });

  it("I9: refuses Compose", { skip: missingPeers(["compose"]) }, async () => {
    const file = scope.path("compose.yaml");
    const compose = async (image: string): Promise<Finished> => {
      writeFileSync(
        file,
        `version: "3"\nservices:\n  web:\n    image: ${image}\n    command: hello\n    network_mode: none\n`,
      );
      const words = ["-p", "gate", "-f", file, "up", "--no-start"];
      return await run(findExecutable("docker-compose") ?? "docker-compose", words, {
        env: { HOME: scope.directory, DOCKER_HOST: engine.host },
      });
    };
    const refused = await compose(`${app}:raw`);
    assert.notEqual(refused.code, 0);
    assert.match(refused.stdout + refused.stderr, /TAG_NOT_SIGNED/u);
    const made = await compose(`${app}:v1`);
    assert.equal(made.code, 0, made.stdout + made.stderr);
  });

  it("I9: refuses today's docker", { skip: missingPeers(["docker 29"]) }, async () => {
    const env29 = { HOME: scope.directory, DOCKER_HOST: engine.host, DOCKER_API_VERSION: "1.41" };
    const { code, stderr } = await run(findGoPeer("docker") ?? "docker", ["run", `${app}:raw`, "hello"], {
      env: env29,
    });
    assert.notEqual(code, 0);
    assert.match(stderr, /TAG_NOT_SIGNED/u);
  });

  it("I5: refuses services without the signed digest in their images", async () => {
    await dockerOk("swarm", "init", "--advertise-addr", "127.0.0.1", "--listen-addr", "127.0.0.1:0").catch(() => "");
    const quiet = ["--no-resolve-image", "--replicas", "0", "--detach"];
    await dockerRefused(/\[TAG_NOT_SIGNED\]/u, "service", "create", ...quiet, `${app}:raw`);
    await dockerRefused(new RegExp(`Name it as ${app}:v1@${signed}`, "u"), "service", "create", ...quiet, `${app}:v1`);
    const pinned = await docker("service", "create", ...quiet, "--name", "web", `${app}:v1@${signed}`);
    assert.doesNotMatch(pinned.stderr, /authorization denied/u);
    await dockerRefused(/--allow swarm-join/u, "swarm", "join", "--token", "x", "127.0.0.1:9");
  });

  it("is found at work by doctor", async () => {
    const doctorEnv = { ...env, DOCKER_HOST: engine.host };
    const { stdout } = await run(tagsealCommand, ["doctor", "--node", "--json"], { env: doctorEnv });
    const daemon = version === 29 ? "\\S+" : "20\\S*";
    assert.match(stdout, new RegExp(`docker's daemon ${daemon} asks Tagseal, which refuses what is not signed`, "u"));
    assert.match(stdout, /hides some requests from plugins/u);
  });

  it("I9: leaves the daemon without an answer to any request when it is killed, and takes over again", async () => {
    await gate.stop("SIGKILL");
    // the daemon asks again for half a minute before it gives up
    const asked = post("/v1.41/containers/create", { Image: `${app}:raw` });
    const early = await Promise.race([asked, sleep(2_000)]);
    assert.equal(early, undefined);
    gate = await startGate();
    assert.match((await asked).message, /TAG_NOT_SIGNED/u);
    await dockerOk("create", `${app}:v1`, "hello");
    const log = gate.log();
    assert.match(log, /"event":"verdict".*"outcome":"allowed"/u);
    assert.equal(await gate.stop(), 0);
  });
}
