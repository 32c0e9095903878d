/**
 * Builds under content trust with real engines: the classic builder behind docker 28, BuildKit behind Debian's docker (whose own client
 * needs no plugin). Every position in which an image can enter a build, once with a signed image and once with an unsigned one, which must be
 * refused before the engine is asked for a build.
 */
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { existsSync, mkdirSync, readdirSync, readFileSync, symlinkSync, writeFileSync } from "node:fs";
import { createServer, type Server } from "node:http";
import { join } from "node:path";
import { gzipSync, zstdCompressSync } from "node:zlib";
import { after, before, describe, it } from "node:test";
import { trustOn } from "../support/docker-words.ts";
import { startFrontWorld, type FrontWorld } from "../support/front-world.ts";
import { findGoPeer } from "../support/go-peers.ts";
import { findExecutable, freePort, missingPeers, Scope, type Client } from "../support/peers.ts";
import type { Environment, Finished, RunOptions } from "../support/processes.ts";

const missing = missingPeers(["docker", "dockerd", "registry", "openssl", "busybox"]);

interface Builder {
  readonly name: string;
  /** the real command */
  readonly docker: string;
  readonly env: Environment;
  readonly skip: string | false;
}

const docker29 = findGoPeer("docker") ?? "docker 29";
const debianDocker = "/usr/bin/docker";
const classic: Environment = { DOCKER_BUILDKIT: "0" };
const builders: readonly Builder[] = [
  { name: "classic", docker: findExecutable("docker") ?? "docker", env: classic, skip: false },
  {
    name: "classic-29",
    docker: docker29,
    env: classic,
    skip: missingPeers(["docker 29"]),
  },
  {
    name: "buildkit",
    docker: debianDocker,
    env: { DOCKER_BUILDKIT: "1", BUILDKIT_PROGRESS: "plain" },
    skip: existsSync(debianDocker) ? false : `not on this machine: ${debianDocker}`,
  },
];

describe("builds under content trust", { skip: missing }, () => {
  const scope = new Scope("front-build");
  let world: FrontWorld;
  let user: Client;
  /** signed */
  let v1: string;
  let v2: string;
  /** not signed, in a repository that is */
  let raw: string;
  let digest: string;
  let http: Server;
  let site: string;
  const served = new Map<string, Buffer>();

  before(async () => {
    world = await startFrontWorld(scope, { labels: ["one", "two"] });
    user = world.user("user");
    const repository = `${world.registry.host}/team/base`;
    [v1, v2, raw] = [`${repository}:v1`, `${repository}:v2`, `${repository}:raw`];
    digest = await world.publish(user, "one", v1);
    await world.publish(user, "two", v2);
    await world.publish(user, "two", raw, "unsigned");
    await world.forget(v1, v2, raw);
    http = createServer((request, response) => {
      const found = served.get((request.url ?? "").replace(/\?service=.*$/u, ""));
      response.writeHead(found === undefined ? 404 : 200).end(found);
    });
    const port = await freePort();
    await new Promise<void>((resolve) => http.listen(port, "127.0.0.1", () => resolve()));
    site = `http://127.0.0.1:${port}`;
  });
  after(async () => {
    http?.close();
    await scope.close();
  });

  let contexts = 0;

  /** A directory with these files; `Dockerfile` is usually among them. */
  function context(files: Readonly<Record<string, string>>): string {
    contexts += 1;
    const directory = scope.path(`build-${contexts}`);
    mkdirSync(directory);
    for (const [name, content] of Object.entries({ "file.txt": "content\n", ...files })) {
      mkdirSync(join(directory, name, ".."), { recursive: true });
      writeFileSync(join(directory, name), content);
    }
    return directory;
  }

  function tar(directory: string, ...names: readonly string[]): Buffer {
    return execFileSync("tar", ["-c", "-f", "-", "-C", directory, ...names]);
  }

  /** A repository behind a server that knows nothing of git: plain files. */
  function publishRepository(name: string, files: Readonly<Record<string, string>>): void {
    const [directory, bare] = [context(files), scope.path(`${name}-${contexts}.git`)];
    const git = (...args: readonly string[]): Buffer =>
      execFileSync("git", ["-C", directory, "-c", "user.name=a", "-c", "user.email=a@b", ...args], { stdio: "pipe" });
    git("init", "-q", "-b", "master");
    git("add", "--all");
    git("commit", "-q", "-m", "x");
    git("branch", "other");
    git("clone", "-q", "--bare", ".", bare);
    execFileSync("git", ["-C", bare, "update-server-info"]);
    for (const file of readdirSync(bare, { recursive: true, withFileTypes: true })) {
      const path = join(file.parentPath, file.name);
      if (file.isFile()) served.set(`/${name}.git/${path.slice(bare.length + 1)}`, readFileSync(path));
    }
  }

  for (const { name, docker, env, skip } of builders) {
    describe(name, { skip }, () => {
      let log: string;
      let engine: Environment;

      before(() => {
        const directory = scope.path(`recording-${name}`);
        mkdirSync(directory);
        log = join(directory, "log");
        // By a link: a script with the word tagseal in it, even in a path, is taken for Tagseal.
        symlinkSync(docker, join(directory, "real"));
        const script = '#!/bin/sh\necho "$@" >>"${0%/*}/log"\nexec "${0%/*}/real" "$@"\n';
        writeFileSync(join(directory, "docker"), script, { mode: 0o755 });
        engine = { ...env, TAGSEAL_ENGINE: join(directory, "docker") };
      });

      async function build(args: readonly string[], options: RunOptions = {}): Promise<Finished> {
        writeFileSync(log, "");
        return await user.tagseal(["build", ...args], { ...options, env: { ...engine, ...trustOn, ...options.env } });
      }

      async function builds(args: readonly string[], options: RunOptions = {}): Promise<Finished> {
        const finished = await build(args, options);
        assert.equal(finished.code, 0, finished.stdout + finished.stderr);
        return finished;
      }

      /** Refused, in these words, and the engine was not asked to build. */
      async function refuses(args: readonly string[], words: RegExp, options: RunOptions = {}): Promise<void> {
        const { code, stderr } = await build(args, options);
        assert.match(stderr, words);
        assert.equal(code, 1);
        assert.doesNotMatch(readFileSync(log, "utf8"), /\bbuild\b/u, "the engine was asked to build");
      }

      it("builds from a signed base, tags the result and leaves no file behind", async () => {
        const tag = `built:${name}-plain`;
        const temporary = scope.path(`temporary-${name}`);
        mkdirSync(temporary);
        const { stderr } = await builds(["-t", tag, context({ Dockerfile: `FROM ${v1}\nLABEL x=1\n` })], {
          env: { TMPDIR: temporary },
        });
        assert.ok((await world.imageId(tag)) !== undefined);
        if (env === classic) {
          assert.match(stderr, new RegExp(`^Tagging ${v1.replace(":v1", "")}@${digest} as ${v1}$`, "mu"));
          assert.ok((await world.imageId(v1)) !== undefined);
        }
        assert.deepEqual(readdirSync(temporary), []);
      });

      it("builds stages, COPY --from and arguments from signed images", async () => {
        const dockerfile = [
          `ARG BASE=${v1}`,
          "FROM ${BASE} AS one",
          `FROM ${v2} AS two`,
          "COPY --from=one /bin/busybox /one",
          "FROM scratch",
          "COPY --from=two /one /one",
          `COPY --from=${v1} /bin/busybox /three`,
          "COPY file.txt /",
        ].join("\n");
        await builds(["-t", `built:${name}-stages`, context({ Dockerfile: dockerfile })]);
        await builds(["--build-arg", `BASE=${v2}`, context({ Dockerfile: dockerfile })]);
      });

      it("reads substitutions as the version that builds does", async () => {
        const [repository, one] = v1.split(/:(?=[^:]*$)/u);
        const dockerfile = `ARG V=x${one}\nARG W=\${V#x}\nFROM ${repository}:\${W:-v2}\nLABEL x=1\n`;
        const tag = `built:${name}-substitution`;
        const finished = await build(["-t", tag, context({ Dockerfile: dockerfile })]);
        // this engine's builders do not know the pattern: one takes it for nothing, the other refuses the file
        if (env === classic) assert.notEqual(finished.code, 0);
        else assert.match((await user.dockerOk(["inspect", tag])).stdout, /"build": "two"/u);
      });

      it("builds a second time from its cache", async () => {
        const files = { Dockerfile: `FROM ${v1}\nCOPY . /all/\n`, ".dockerignore": "*.log\n", "x.log": "x" };
        const directory = context(files);
        await builds(["-t", `built:${name}-first`, directory]);
        await builds(["-t", `built:${name}-second`, directory]);
        assert.equal(await world.imageId(`built:${name}-second`), await world.imageId(`built:${name}-first`));
      });

      const positions: readonly (readonly [what: string, dockerfile: (image: string) => string, line: number])[] = [
        ["FROM", (image) => `FROM ${image}\nLABEL x=1\n`, 1],
        ["a second FROM", (image) => `FROM scratch AS a\nCOPY file.txt /\nFROM ${image} AS b\nLABEL x=1\n`, 3],
        ["FROM with a platform", (image) => `FROM --platform=linux/amd64 ${image}\nLABEL x=1\n`, 1],
        ["FROM by ARG", (image) => `ARG B=${image}\nFROM $B\nLABEL x=1\n`, 2],
        ["FROM over two lines", (image) => `FROM \\\n  ${image}\nLABEL x=1\n`, 2],
        ["COPY --from", (image) => `FROM scratch\nCOPY --from=${image} /bin/busybox /b\n`, 2],
      ];
      const mounts: typeof positions = [
        [
          "RUN --mount",
          (image) => `FROM ${v1}\nRUN --mount=type=bind,from=${image},target=/m ["/bin/busybox", "true"]\n`,
          2,
        ],
      ];

      // Both classic builders are given the same checked file: every position once is enough.
      const some = docker === docker29 ? 1 : undefined;
      for (const [what, dockerfile] of positions.slice(0, some)) {
        it(`takes a signed image in ${what}`, async () => {
          await builds([context({ Dockerfile: dockerfile(v1) })]);
        });
      }
      for (const [what, dockerfile, line] of [...positions, ...mounts].slice(0, some)) {
        it(`I9: refuses an unsigned image in ${what}`, async () => {
          const words = `Dockerfile:${line}: ${raw}: No valid trust data for raw`;
          await refuses([context({ Dockerfile: dockerfile(raw) })], new RegExp(words, "u"));
        });
      }

      it("I9: refuses an unsigned front-end", async () => {
        await refuses(
          [context({ Dockerfile: `# syntax=${raw}\nFROM ${v1}\n` })],
          /Dockerfile:1: .*: No valid trust data for raw/u,
        );
        const plain = context({ Dockerfile: `FROM ${v1}\n` });
        await refuses(
          ["--build-arg", `BUILDKIT_SYNTAX=${raw}`, plain],
          /BUILDKIT_SYNTAX: .*: No valid trust data for raw/u,
        );
      });

      it("I9: refuses an unsigned cache image", async () => {
        await refuses(
          ["--cache-from", raw, context({ Dockerfile: `FROM ${v1}\n` })],
          /--cache-from: .*No valid trust data/u,
        );
      });

      it("finds the Dockerfile wherever -f points", async () => {
        const directory = context({ "sub/other.df": `FROM ${v1}\nCOPY file.txt /\n` });
        const outside = join(context({ "outside.df": `FROM ${v1}\nCOPY file.txt /\n` }), "outside.df");
        await builds(["-f", join(directory, "sub/other.df"), directory]);
        await builds(["-f", outside, directory]);
        await builds([".", "--file=sub/other.df"], { cwd: directory });
        await builds(["-f", "-", directory], { input: `FROM ${v1}\nCOPY file.txt /\n` });
        await refuses(["-f", "-", directory], /Dockerfile:1: .*No valid trust data/u, { input: `FROM ${raw}\n` });
      });

      it("takes a Dockerfile on standard input", async () => {
        await builds(["-t", `built:${name}-stdin`, "-"], { input: `FROM ${v1}\nLABEL x=stdin\n` });
        await refuses(["-"], /Dockerfile:1: .*No valid trust data/u, { input: `FROM ${raw}\n` });
      });

      it("takes archives on standard input, plain and packed, whatever the Dockerfile is called there", async () => {
        const good = context({ Dockerfile: `FROM ${v1}\nCOPY file.txt /\n`, "a/b.df": `FROM ${v1}\nCOPY a /a\n` });
        await builds(["-"], { input: tar(good, "Dockerfile", "file.txt") });
        await builds(["-"], { input: gzipSync(tar(good, ".")) });
        await builds(["-"], { input: zstdCompressSync(tar(good, ".")) });
        await builds(["-f", "a/b.df", "-"], { input: tar(good, ".") });
        const bad = context({ Dockerfile: `FROM ${raw}\nCOPY file.txt /\n` });
        await refuses(["-"], /Dockerfile:1: .*No valid trust data/u, { input: tar(bad, "Dockerfile", "file.txt") });
        await refuses(["-"], /Dockerfile:1: .*No valid trust data/u, { input: tar(bad, "./Dockerfile", "./file.txt") });
        await refuses(["-f", "Dockerfile", "-"], /Dockerfile:1: .*No valid/u, { input: gzipSync(tar(bad, ".")) });
        await refuses(["-"], /Dockerfile:1: .*No valid/u, { input: zstdCompressSync(tar(bad, ".")) });
      });

      it("takes Dockerfiles and archives from URLs", async () => {
        served.set("/df", Buffer.from(`FROM ${v1}\nLABEL x=url\n`));
        served.set("/bad", Buffer.from(`FROM ${raw}\n`));
        served.set("/tgz", gzipSync(tar(context({ Dockerfile: `FROM ${v1}\nCOPY file.txt /\n` }), ".")));
        await builds([`${site}/df`]);
        await builds([`${site}/tgz`]);
        await refuses([`${site}/bad`], /bad:1: .*No valid trust data/u);
        await refuses([`${site}/none`], /unable to download remote context .* with status 404/u);
      });

      it("keeps a .dockerignore's meaning", async () => {
        const files = { Dockerfile: `FROM ${v1}\nCOPY . /all/\n`, ".dockerignore": "secret\n", secret: "s" };
        await builds(["-t", `built:${name}-ignore`, context(files)]);
        const id = await user.dockerOk(["create", `built:${name}-ignore`]);
        const { stdout } = await user.dockerOk(["export", id.stdout.trim()]);
        assert.match(stdout, /all\/file\.txt/u);
        assert.doesNotMatch(stdout, /all\/secret/u);
        assert.match(stdout, /all\/Dockerfile/u, "the context itself is as it was");
      });

      it("I9: refuses a signed base whose trigger brings an unsigned image in", async () => {
        const image = `${world.registry.host}/team/trigger-${name}:v1`;
        const dockerfile = `FROM scratch\nCOPY file.txt /\nONBUILD COPY --from=${raw} /bin/busybox /b\n`;
        await user.dockerOk(["build", "-t", image, context({ Dockerfile: dockerfile })], {
          env: { DOCKER_BUILDKIT: "0" },
        });
        await user.dockerOk(["push", image], { env: trustOn });
        await refuses(
          [context({ Dockerfile: `FROM ${image}\n` })],
          /Dockerfile:1: .* has the trigger ONBUILD COPY --from=.*raw .*is not a digest/u,
        );
      });

      it("lets images of this machine in only when asked to, and by their ID", async () => {
        const local = `local-${name}:1`;
        await user.dockerOk(["build", "-t", local, context({ Dockerfile: "FROM scratch\nCOPY file.txt /\n" })], {
          env: { DOCKER_BUILDKIT: "0" },
        });
        const directory = context({ Dockerfile: `FROM ${local}\nLABEL x=local-${name}\n` });
        await refuses([directory], /Dockerfile:1: local-/u);
        await builds(["--allow-local", "-t", `built:${name}-local`, directory]);
        await user.dockerOk(["pull", raw]);
        await refuses(["--allow-local", context({ Dockerfile: `FROM ${raw}\n` })], /No valid trust data for raw/u);
        const { stdout } = await user.dockerOk(["images", "--format", "{{.Repository}}"]);
        assert.doesNotMatch(stdout, /tagseal/u);
      });

      it("hands builds over untouched with trust off", async () => {
        const directory = context({ Dockerfile: `FROM ${raw}\nLABEL x=off\n` });
        await builds(["--disable-content-trust", directory]);
        assert.match(readFileSync(log, "utf8"), new RegExp(`^build (?:--disable-content-trust )?${directory}$`, "mu"));
      });

      it("I9: reads the Dockerfile of standard input and not a file of the context that is called -", async () => {
        const files = { "-": `FROM ${raw}\n`, Dockerfile: `FROM ${raw}\n`, ".dockerignore": "*.log\n" };
        served.set("/dash.tar", tar(context(files), "-", "Dockerfile", ".dockerignore", "file.txt"));
        publishRepository("dash", files);
        for (const [kind, url] of [
          ["url", `${site}/dash.tar`],
          ["git", `${site}/dash.git`],
        ] as const) {
          const input = `FROM ${v1}\nCOPY file.txt /\nLABEL read=${kind}\n`;
          const tag = `built:${name}-dash-${kind}`;
          await builds(["-t", tag, "-f", "-", url], { input });
          assert.match((await user.dockerOk(["inspect", tag])).stdout, new RegExp(`"read": "${kind}"`, "u"));
          await refuses(["-f", "-", url], /^Dockerfile:1: .*No valid trust data/mu, { input: `FROM ${raw}\n` });
        }
        await refuses(["-f", "-", "-"], /can't use stdin for both/u);
      });

      it("I9: takes a Dockerfile of this machine, or of a URL, for a context that is somewhere else", async () => {
        const files = { Dockerfile: `FROM ${raw}\n` };
        served.set("/beside.tar", tar(context(files), "Dockerfile", "file.txt"));
        served.set("/beside.df", Buffer.from(`FROM ${v1}\nCOPY file.txt /\n`));
        publishRepository("beside", files);
        const own = join(context({ "own.df": `FROM ${v1}\nCOPY file.txt /\n` }), "own.df");
        for (const url of [`${site}/beside.tar`, `${site}/beside.git`]) {
          await builds(["-f", own, url]);
          await builds(["-f", `${site}/beside.df`, url]);
          await refuses([url], /^Dockerfile:1: .*No valid trust data/mu);
        }
        await builds(["-f", `${site}/beside.df`, context({})]);
      });

      it("I9: refuses a policy beside the Dockerfile, which may replace images", async () => {
        const policy = 'package docker\ndecision := {"allow": true}\n';
        const directory = context({ Dockerfile: `FROM ${v1}\n`, "Dockerfile.rego": policy });
        await refuses([directory], /Dockerfile\.rego is a policy that may replace images/u);
      });

      it("takes a Dockerfile out of a pipe", async () => {
        const directory = context({});
        const pipe = join(directory, "pipe");
        execFileSync("sh", ["-c", `mkfifo ${pipe}`]);
        const writing = scope.start("writer", "sh", ["-c", `printf 'FROM ${v1}\nCOPY file.txt /\n' >${pipe}`], {
          ready: async () => true,
        });
        await builds(["-f", pipe, directory]);
        await (await writing).stop();
      });

      it("ends as the engine ends when the build itself fails", async () => {
        const { code } = await build([context({ Dockerfile: `FROM ${v1}\nCOPY nothing-here /\n` })]);
        assert.equal(code, 1);
        assert.match(readFileSync(log, "utf8"), /^build /mu);
      });

      it("takes git repositories over plain HTTP, and today's addresses", async () => {
        publishRepository("plain", { "app/Dockerfile": `FROM ${v1}\nCOPY file.txt /\n`, "app/file.txt": "x" });
        await builds([`${site}/plain.git#master:app`]);
        await builds([`${site}/plain.git?branch=other&subdir=app`]);
        await refuses([`${site}/plain.git?branch=none&subdir=app`], /unable to 'git clone'.*none/su);
        await refuses([`${site}/plain.git?branch=other&checksum=0000000`], /is the commit [0-9a-f]{40}, not 0000000/u);
      });

      it("takes git repositories", { skip: findExecutable("git") === undefined }, async () => {
        const good = context({
          "app/Dockerfile": `FROM ${v1}\nCOPY file.txt /\n`,
          "app/file.txt": "x",
          Dockerfile: `FROM ${raw}\n`,
        });
        const git = (...args: readonly string[]): Buffer =>
          execFileSync("git", ["-C", good, "-c", "user.name=a", "-c", "user.email=a@b", ...args]);
        git("init", "-q", "-b", "master");
        git("add", ".");
        git("commit", "-q", "-m", "x");
        const port = await freePort();
        const daemon = await scope.start(
          "git",
          "git",
          [
            "daemon",
            "--reuseaddr",
            "--export-all",
            "--listen=127.0.0.1",
            `--port=${port}`,
            `--base-path=${scope.directory}`,
            scope.directory,
          ],
          {
            ready: async () => await (await import("../support/processes.ts")).portAnswers(port),
          },
        );
        try {
          const url = `git://127.0.0.1:${port}/${good.slice(scope.directory.length + 1)}`;
          await builds([`${url}#master:app`]);
          await refuses([url], /^Dockerfile:1: .*No valid trust data/mu);
          await refuses([`${url}#master:nowhere`], /nowhere is not a directory in the git repository/u);
          await refuses([`${url}#nobranch`], /unable to 'git clone'/u);
        } finally {
          await daemon.stop();
        }
      });
    });
  }
});
