/** Builds under content trust with podman, and with buildah behind podman's command line: no unsigned image reaches them. */
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { trustOn } from "../support/docker-words.ts";
import { startFrontWorld, type FrontWorld } from "../support/front-world.ts";
import { findExecutable, missingPeers, Scope, type Client } from "../support/peers.ts";
import type { Environment, Finished, RunOptions } from "../support/processes.ts";

const missing = missingPeers(["docker", "dockerd", "registry", "openssl", "busybox", "podman", "buildah"]);

describe("podman's builds under content trust", { skip: missing }, () => {
  const scope = new Scope("fp");
  let world: FrontWorld;
  let user: Client;
  let signed: string;
  let raw: string;
  let digest: string;

  before(async () => {
    world = await startFrontWorld(scope, { labels: ["one"] });
    user = world.user("user");
    signed = `${world.registry.host}/team/base:v1`;
    raw = `${world.registry.host}/team/base:raw`;
    digest = await world.publish(user, "one", signed);
    await world.publish(user, "one", raw, "unsigned");
    const registry = `[[registry]]\nlocation = "${world.registry.host}"\ninsecure = true\n`;
    writeFileSync(scope.path("registries.conf"), registry);
    writeFileSync(scope.path("policy.json"), JSON.stringify({ default: [{ type: "insecureAcceptAnything" }] }));
  });
  after(async () => await scope.close());

  /** podman with its own storage; `builder` does the builds. What it was asked for is in `log`. */
  function engine(builder: "podman" | "buildah"): { env: Environment; log: string } {
    // podman's runroot may be 50 characters long
    const directory = scope.path(builder.slice(0, 1));
    mkdirSync(directory);
    const storage = '--root "${0%/*}/root" --runroot "${0%/*}/run" --storage-driver vfs';
    const podman = findExecutable("podman") ?? "podman";
    const lines = [
      "#!/bin/sh",
      'echo "$@" >>"${0%/*}/log"',
      `export CONTAINERS_REGISTRIES_CONF="\${0%/*}/../registries.conf"`,
      `if [ "$1" = build ]; then exec ${findExecutable(builder) ?? builder} ${storage} "$@"; fi`,
      `exec ${podman} ${storage} "$@"`,
    ];
    writeFileSync(join(directory, "podman"), `${lines.join("\n")}\n`, { mode: 0o755 });
    return { env: { TAGSEAL_ENGINE: join(directory, "podman") }, log: join(directory, "log") };
  }

  let contexts = 0;
  function context(files: Readonly<Record<string, string>>): string {
    contexts += 1;
    const directory = scope.path(`build-${contexts}`);
    mkdirSync(directory);
    for (const [name, content] of Object.entries({ "file.txt": "content\n", ...files })) {
      writeFileSync(join(directory, name), content);
    }
    return directory;
  }

  for (const name of ["podman", "buildah"] as const) {
    describe(name, () => {
      let started: ReturnType<typeof engine>;
      before(() => {
        started = engine(name);
      });

      async function build(args: readonly string[], options: RunOptions = {}): Promise<Finished> {
        writeFileSync(started.log, "");
        return await user.tagseal(["build", ...args], { ...options, env: { ...started.env, ...trustOn } });
      }

      async function builds(args: readonly string[], options: RunOptions = {}): Promise<Finished> {
        const finished = await build(args, options);
        assert.equal(finished.code, 0, finished.stdout + finished.stderr);
        return finished;
      }

      async function refuses(args: readonly string[], words: RegExp, options: RunOptions = {}): Promise<void> {
        const { code, stderr } = await build(args, options);
        assert.match(stderr, words);
        assert.equal(code, 1);
        assert.doesNotMatch(readFileSync(started.log, "utf8"), /\bbuild\b/u, "the engine was asked to build");
      }

      it("builds from a signed base, by its digest, and tags the base as it was named", async () => {
        const files = { Containerfile: `FROM ${signed}\nCOPY file.txt /\n`, Dockerfile: `FROM ${raw}\n` };
        const { stdout, stderr } = await builds(["-t", `built-${name}`, context(files)]);
        assert.match(stdout + stderr, new RegExp(`FROM ${world.registry.host}/team/base@${digest}`, "u"));
        assert.match(stderr, new RegExp(`^Tagging .*@${digest} as ${signed}$`, "mu"));
      });

      it("takes stages, arguments, files, standard input and archives", async () => {
        const stages = `ARG B=${signed}\nFROM \${B} AS one\nFROM scratch\nCOPY --from=one /bin/busybox /b\nCOPY --from=0 /bin/busybox /c\n`;
        const directory = context({
          Dockerfile: stages,
          "other.df": `FROM ${signed}\nCOPY file.txt /\n`,
          ".dockerignore": "x\n",
        });
        await builds([directory]);
        await builds(["--layers", "-f", join(directory, "other.df"), directory]);
        await builds(["-f", "other.df", directory]);
        await builds([], { cwd: directory });
        await builds(["-f", "-", directory], { input: `FROM ${signed}\nCOPY file.txt /\n` });
        await builds(["-"], { input: `FROM ${signed}\nLABEL x=1\n` });
      });

      it("I9: refuses an unsigned image in every position", async () => {
        const unsigned = /:\d: .*: No valid trust data for raw/u;
        for (const dockerfile of [
          `FROM ${raw}\n`,
          `ARG B=${raw}\nFROM $B\n`,
          `FROM scratch\nCOPY --from=${raw} /bin/busybox /b\n`,
          `FROM ${signed}\nRUN --mount=type=bind,from=${raw},target=/m true\n`,
        ]) {
          await refuses([context({ Dockerfile: dockerfile })], unsigned);
        }
        await refuses(["-"], unsigned, { input: `FROM ${raw}\n` });
        await refuses(["--from", raw, context({ Dockerfile: `FROM ${signed}\n` })], /--from: .*No valid trust data/u);
        const other = context({ Dockerfile: `FROM other\nCOPY --from=files /bin/busybox /b\n` });
        await refuses(
          [`--build-context=files=docker-image://${raw}`, other],
          /--build-context: .*No valid trust data/u,
        );
      });

      it("I9: refuses templates and flags that it cannot follow", async () => {
        const directory = context({
          "Dockerfile.in": `FROM ${signed}\n`,
          Dockerfile: `FROM ${signed}\n`,
          args: `B=${raw}\n`,
        });
        await refuses(["-f", "Dockerfile.in", directory], /template for the C preprocessor/u);
        await refuses(["--build-arg-file", join(directory, "args"), directory], /--build-arg-file cannot be used/u);
      });

      it("lets images of this machine in when asked to", async () => {
        const podman = started.env["TAGSEAL_ENGINE"] ?? "";
        const base = context({ Dockerfile: "FROM scratch\nCOPY file.txt /\n" });
        execFileSync(podman, ["build", "-t", "mine:1", base], { stdio: "pipe" });
        const directory = context({ Dockerfile: "FROM mine:1\nLABEL x=1\n" });
        await refuses([directory], /Dockerfile:1: mine:1: /u);
        await builds(["--allow-local", directory]);
      });
    });
  }
});
