/**
 * The words of a command line in every order: what the real command line of each engine makes of them, Tagseal makes of them, too. The judge
 * is what the engine or the registry is asked for. Nothing is signed, so that under content trust nothing may be asked for at all.
 */
import assert from "node:assert/strict";
import { existsSync, mkdirSync, symlinkSync, writeFileSync } from "node:fs";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { captured } from "../../src/cli/captured-io.ts";
import { childEnvironment } from "../../src/environment/child-environment.ts";
import { main } from "../../src/cli/main.ts";
import { programNamed } from "../../src/cli/program.ts";
import { type FakeEngine, startFakeEngine } from "../support/fake-engine.ts";
import { findGoPeer } from "../support/go-peers.ts";
import { findExecutable, missingPeers, run, Scope } from "../support/peers.ts";
import { podmanEnvironment } from "../support/podman.ts";

const scope = new Scope("front-words");
after(() => scope.close());

/** An image that needs no signature, because its name is its content. */
const exact = `sha256:${"a".repeat(64)}`;

/** What a line came to: the help of a command, a start or a fetch of the image, or nothing of both. */
type Outcome = "help" | "starts" | "nothing";

interface Judged {
  readonly outcome: Outcome;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs a line in Tagseal under content trust, called by the engine's name. */
async function trusted(
  line: readonly string[],
  engine: string,
  env: Readonly<Record<string, string | undefined>>,
): Promise<{ readonly stdout: string; readonly stderr: string }> {
  const { io, stdout, stderr } = captured({
    env: {
      ...env,
      DOCKER_CONTENT_TRUST: "1",
      DOCKER_CONTENT_TRUST_SERVER: "https://127.0.0.1:1",
      TAGSEAL_ENGINE: engine,
    },
    now: () => new Date(),
    program: programNamed(engine, []),
    handOver: async (child) => {
      const ended = await run(child.executable, child.args, { env: child.env });
      io.stdout.write(ended.stdout);
      io.stderr.write(ended.stderr);
      return ended.code ?? 128;
    },
  });
  await main(line, io);
  return { stdout: stdout(), stderr: stderr() };
}

/** Lines with `help` before the command, between its words and behind it. */
function helpEverywhere(
  commands: readonly (readonly string[])[],
  helps: readonly string[],
  image: string,
): readonly (readonly string[])[] {
  const maybe = ["", ...helps];
  return commands.flatMap((path) => {
    const between = path.length === 1 ? [""] : maybe;
    return maybe.flatMap((first) =>
      between.flatMap((second) =>
        maybe.map((third) => {
          const words = [first, path[0] ?? "", second, path[1] ?? "", third, image];
          return words.filter((word) => word !== "");
        }),
      ),
    );
  });
}

/** Tagseal must not ask for the image, and must show a command's help where the engine shows it. */
function judge(line: readonly string[], real: Judged, ours: Judged): void {
  const shown = `${line.join(" ")}\nreal: ${real.outcome} ${real.stderr}\nours: ${ours.outcome} ${ours.stderr}`;
  assert.notEqual(ours.outcome, "starts", `I9: the unsigned image was asked for: ${shown}`);
  if (real.outcome === "help") assert.equal(ours.outcome, "help", `no help: ${shown}`);
  if (real.outcome === "starts") assert.match(ours.stderr, /\[\w+\]|bad flag syntax/u, `not refused: ${shown}`);
  if (real.outcome !== "help") assert.doesNotMatch(ours.stdout, /^Usage:/mu, `help: ${shown}`);
}

const dockers = [
  {
    title: "Debian's docker",
    docker: "/usr/bin/docker",
    skip: existsSync("/usr/bin/docker") ? false : "not on this machine: /usr/bin/docker",
  },
  { title: "docker", docker: findExecutable("docker") ?? "docker", skip: missingPeers(["docker"]) },
  { title: "docker 29", docker: findGoPeer("docker") ?? "docker", skip: missingPeers(["docker 29"]) },
];

for (const { title, docker, skip } of dockers) {
  describe(`the words of ${title}`, { skip }, () => {
    let engine: FakeEngine;
    let env: Readonly<Record<string, string>>;

    before(async () => {
      engine = await startFakeEngine();
      env = {
        HOME: scope.directory,
        PATH: process.env["PATH"] ?? "",
        DOCKER_HOST: engine.host,
        DOCKER_CONFIG: scope.path("docker"),
      };
    });
    after(() => engine.close());

    async function judged(work: () => Promise<{ stdout: string; stderr: string }>): Promise<Judged> {
      const before = engine.calls.length;
      const { stdout, stderr } = await work();
      const asked = engine.calls.slice(before).map(({ method, path }) => `${method} ${path}`);
      const starts = asked.some((call) => /^POST \S*\/(?:images|containers)\/create/u.test(call));
      return { outcome: starts ? "starts" : outcomeOf(stdout), stdout, stderr };
    }

    async function compare(line: readonly string[]): Promise<void> {
      const real = await judged(async () => await run(docker, line, { env }));
      const ours = await judged(async () => await trusted(line, docker, env));
      judge(line, real, ours);
    }

    it("help in every place, given and taken back", async () => {
      const commands = [["pull"], ["run"], ["image", "pull"], ["container", "run"], ["container", "create"]];
      for (const line of helpEverywhere(commands, ["--help", "--help=false"], "evil")) await compare(line);
    });

    const lines = [
      "-- pull evil",
      "image -- pull evil",
      "image -- x pull evil",
      "container -- ls run evil",
      "-D -D --debug=false pull evil",
      "-Dh pull evil",
      "-h=false pull evil",
      "-Dh=false image pull evil",
      "image -h pull evil",
      "image -h=false pull evil",
      "container -h run evil",
      "-h container run -h host evil",
      "run -h --help evil",
      "run -ih --help evil",
      "--version pull evil",
      "-v run evil",
      "image -D pull evil",
      "image -H x pull evil",
      "image --config x pull evil",
      "image pull -D evil",
      "pull -H unix:///x evil",
      "--config ps pull evil",
      "-lerror pull evil",
      "-l error -c default image pull evil",
      "-cdefault pull evil",
      "--context default image pull evil",
      "--tls=false pull evil",
      "pull -q evil --quiet=false",
      "pull -aq=false evil",
      "pull -aq evil",
      "pull -- evil --help",
      "run -- evil --help",
      "run --rm -itdP evil --help",
      "run -it=false evil",
      "run --name pull evil",
      "run --name=--help evil",
      "run --name --help evil",
      "create -e --help evil",
      "container create --quie evil",
      "image pul evil",
      "help pull evil",
      "help run evil",
      "image help pull evil",
      "--mystery pull evil",
      "image --mystery ls pull evil",
      ...["run", "container create"].flatMap((command) =>
        [
          "--mount type=image,source=evil,target=/x",
          "--mount=type=image,src=evil,target=/x",
          "--mount target=/x,Source=evil,TYPE=Image",
          '--mount "type=image","source=evil",target=/x',
          "--mount type=tmpfs,target=/y --mount type=image,src=evil,target=/x",
          "--mount type=image,src=evil,target=/x --mount type=tmpfs,target=/y",
        ].map((mounts) => `${command} ${mounts} ${exact}`),
      ),
    ];
    for (const line of lines) {
      it(line, async () => await compare(line.split(" ")));
    }
  });
}

const buildx = findGoPeer("buildx");

describe(
  "the words of buildx",
  { skip: buildx === undefined ? "buildx is not built" : missingPeers(["docker"]) },
  () => {
    let engine: FakeEngine;
    let env: Readonly<Record<string, string>>;
    let context: string;

    before(async () => {
      engine = await startFakeEngine();
      const config = scope.path("buildx");
      mkdirSync(join(config, "cli-plugins"), { recursive: true });
      symlinkSync(buildx ?? "", join(config, "cli-plugins", "docker-buildx"));
      env = { HOME: scope.directory, PATH: process.env["PATH"] ?? "", DOCKER_HOST: engine.host, DOCKER_CONFIG: config };
      context = scope.path("context");
      mkdirSync(context);
      writeFileSync(join(context, "Dockerfile"), "FROM 127.0.0.1:1/evil\n");
    });
    after(() => engine.close());

    /** A builder that does not run yet is started before anything is built. */
    async function judged(work: () => Promise<{ stdout: string; stderr: string }>): Promise<Judged> {
      const before = engine.calls.length;
      const { stdout, stderr } = await work();
      const starts = engine.calls
        .slice(before)
        .some(({ method, path }) => /^POST \S*\/create/u.test(`${method} ${path}`));
      return { outcome: starts ? "starts" : outcomeOf(stdout), stdout, stderr };
    }

    const lines = [
      "buildx build context",
      "buildx b context",
      "buildx -D build context",
      "buildx --debug ls build context",
      "buildx -- ls build context",
      "buildx --help build context",
      "buildx --help build --help=false context",
      "buildx -h build context",
      "--help buildx build context",
      "--help build context",
      "build context --help",
      "builder build context",
      "builder --help f",
      "builder f",
      "buildx --debug f",
      "buildx --builder ls f",
      "bake",
      "bake --help",
      "buildx inspect --bootstrap",
      "buildx --context default build context",
    ];
    for (const line of lines) {
      it(line, async () => {
        const words = line.split(" ").map((word) => (word === "context" ? context : word));
        const real = await judged(async () => await run("docker", words, { env }));
        judge(words, real, await judged(async () => await trusted(words, findExecutable("docker") ?? "docker", env)));
      });
    }
  },
);

describe("the words of podman", { skip: missingPeers(["podman"]) }, () => {
  const asked: string[] = [];
  let registry: Server;
  let evil: string;
  let env: Readonly<Record<string, string | undefined>>;

  before(async () => {
    registry = createServer((request, response) => {
      asked.push(request.url ?? "");
      response.writeHead(request.url === "/v2/" ? 200 : 404, { "content-type": "application/json" }).end("{}");
    });
    await new Promise<void>((resolve) => registry.listen(0, "127.0.0.1", resolve));
    const host = `127.0.0.1:${(registry.address() as AddressInfo).port}`;
    evil = `${host}/evil`;
    env = { HOME: scope.directory, PATH: process.env["PATH"] ?? "", ...podmanEnvironment(scope, [host]) };
  });
  after(() => registry.close());

  async function judged(work: () => Promise<{ stdout: string; stderr: string }>): Promise<Judged> {
    const before = asked.length;
    const { stdout, stderr } = await work();
    return { outcome: asked.length > before ? "starts" : outcomeOf(stdout), stdout, stderr };
  }

  async function compare(line: readonly string[]): Promise<void> {
    const words = line.map((word) => word.replace(/^evil$/u, evil));
    const real = await judged(
      async () => await run("podman", words, { env: childEnvironment(env, "engine", { args: words }) }),
    );
    const ours = await judged(async () => await trusted(words, findExecutable("podman") ?? "podman", env));
    judge(words, real, ours);
  }

  it("help in every place, given and taken back", async () => {
    const commands = [["pull"], ["run"], ["image", "pull"], ["container", "create"]];
    for (const line of helpEverywhere(commands, ["--help", "--help=false"], "evil")) await compare(line);
  });

  const lines = [
    "-- pull evil",
    "-- x pull evil",
    "-- ps run evil",
    "image -- pull evil",
    "image -- ls pull evil",
    "--version pull evil",
    "-v run evil",
    "image --log-level error pull evil",
    "image pull --log-level error evil",
    "container --log-level info run --log-level error evil",
    "--trace run evil",
    "container --trace ls run evil",
    "--remote=false pull evil",
    "pull evil evil --log-level error",
    "pull -q=false evil",
    "pull docker://evil",
    "pull --policy newer evil",
    "image --quiet pull evil",
    "run -h host evil",
    "run --name --help evil",
    "run --rm -it=false evil --help",
    "--log-level pull pull evil",
    "buildx build --help",
    "image build --help .",
  ];
  for (const line of lines) {
    it(line, async () => await compare(line.replace("docker://evil", `docker://${evil}`).split(" ")));
  }
});

function outcomeOf(stdout: string): Outcome {
  return /^Usage:/mu.test(stdout) ? "help" : "nothing";
}
