/** Which command lines are Tagseal's own, which go to the engine, and which engine that is. */
import assert from "node:assert/strict";
import { chmodSync, mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { captured } from "../../src/cli/captured-io.ts";
import { main } from "../../src/cli/main.ts";
import { programNamed } from "../../src/cli/program.ts";
import { listedCommands } from "../support/command-lists.ts";
import { Scope } from "../support/peers.ts";

const scope = new Scope("front-end");
after(() => scope.close());

/** An engine that says who it is, what it was asked, and what it sees of content trust. */
function engine(directory: string, name: string): void {
  mkdirSync(scope.path(directory), { recursive: true });
  const path = scope.path(directory, name);
  const script = `#!/bin/sh
case "$*" in
  *--help*) echo "Usage: ${name}"; echo "Options:"; echo "      --newest string   Something"; exit 0 ;;
esac
echo "${name}: $* [\${DOCKER_CONTENT_TRUST-unset}] [\${DOCKER_CONTENT_TRUST_ROOT_PASSPHRASE-unset}]"
`;
  writeFileSync(path, script);
  chmodSync(path, 0o755);
}

before(() => {
  engine("docker", "docker");
  engine("podman", "podman");
  mkdirSync(scope.path("config"));
});

interface Call {
  readonly as?: string;
  readonly env?: Readonly<Record<string, string>>;
  readonly path?: readonly string[];
}

async function call(argv: readonly string[], { as = "tagseal", env = {}, path = ["docker", "podman"] }: Call = {}) {
  const PATH = path.map((name) => scope.path(name)).join(":");
  const { io, stdout, stderr } = captured({
    env: { PATH, DOCKER_CONFIG: scope.path("config"), ...env },
    now: () => new Date(),
    program: programNamed(as, []),
  });
  const code = await main(argv, io);
  return { code, stdout: stdout(), stderr: stderr() };
}

const words = (line: string): string[] => line.split(" ");

describe("a command that is not Tagseal's", () => {
  for (const line of [
    "ps",
    "-H tcp://x:1 images",
    "--context run info",
    "image ls",
    "container ls -a",
    "buildx ls",
    "exec run x",
  ]) {
    it(`goes to docker as it is, with the environment less passphrases: ${line}`, async () => {
      const { code, stdout } = await call(words(line), {
        env: { DOCKER_CONTENT_TRUST: "1", DOCKER_CONTENT_TRUST_ROOT_PASSPHRASE: "p" },
      });
      assert.deepEqual([code, stdout], [0, `docker: ${line} [1] [unset]\n`]);
    });
  }

  it("goes to docker although Tagseal has a word like it", async () => {
    for (const line of ["help ps", "version --format {{.Client.Version}}", "version -f x"]) {
      assert.match((await call(words(line))).stdout, /^docker: /);
    }
  });

  it("fails with a word about it where there is no engine", async () => {
    const { code, stderr } = await call(["ps"], { path: [] });
    assert.equal(code, 1);
    assert.match(
      stderr,
      /^cannot run "ps": no container engine found.*\nhint: .*TAGSEAL_ENGINE.*\[ENGINE_NOT_FOUND\]\n$/s,
    );
  });
});

describe("login and logout", () => {
  const line = ["login", "-u", "me", "--password-stdin", "localhost:1"];

  it("are Tagseal's under its name, with an engine and without, whatever the switch says", async () => {
    for (const how of [{}, { path: [] }, { env: { DOCKER_CONTENT_TRUST: "1" } }]) {
      const { code, stdout, stderr } = await call(line, how);
      assert.deepEqual([code, stdout], [1, ""]);
      assert.match(stderr, /^password is empty/u);
      assert.match((await call(["logout", "a.example"], how)).stdout, /^Removing login credentials for a\.example\n$/u);
    }
  });

  it("are the engine's under its name, and where it was asked for", async () => {
    mkdirSync(scope.path("podmans"), { recursive: true });
    writeFileSync(scope.path("podmans", "config.json"), '{"plugins": {"tagseal": {"engine": "podman"}}}');
    const rest = line.join(" ");
    for (const [asked, how, expected] of [
      [line, { as: "docker" }, `docker: ${rest}`],
      [line, { as: "podman" }, `podman: ${rest}`],
      [["--engine", "podman", ...line], {}, `podman: ${rest}`],
      [["--engine=docker", ...line], {}, `docker: ${rest}`],
      [line, { env: { TAGSEAL_ENGINE: "docker" } }, `docker: ${rest}`],
      [line, { env: { DOCKER_CONFIG: scope.path("podmans") } }, `podman: ${rest}`],
      [["--config", scope.path("podmans"), ...line], {}, `podman: --config ${scope.path("podmans")} ${rest}`],
    ] as const) {
      assert.ok(
        (await call([...asked], how)).stdout.startsWith(`${expected} [`),
        `${asked.join(" ")} ${JSON.stringify(how)}`,
      );
    }
  });

  it("are meant by words like them", async () => {
    assert.match((await call(["lgoin"], { path: [] })).stderr, /Did you mean 'tagseal login'\?/u);
  });
});

describe("a mistyped command", () => {
  before(() => {
    mkdirSync(scope.path("strict"));
    writeFileSync(
      scope.path("strict", "docker"),
      `#!/bin/sh\necho "docker: unknown command: docker $1" >&2\nexit 1\n`,
      { mode: 0o755 },
    );
  });

  it("that docker does not know either is answered with the command that was meant", async () => {
    const { code, stderr } = await call(["verfy", "x"], { path: ["strict"] });
    assert.equal(code, 1);
    assert.equal(stderr, "docker: unknown command: docker verfy\nhint: Did you mean 'tagseal verify'?\n");
    assert.match((await call(["trust", "sgin"])).stderr, /^Did you mean 'tagseal trust sign'\?$/mu);
    assert.match((await call(["verfy"], { path: [] })).stderr, /Did you mean 'tagseal verify'\?/u);
  });

  it("is refused under content trust, with both ways on", async () => {
    const { code, stderr } = await call(["verfy", "x"], { path: ["strict"], env: { DOCKER_CONTENT_TRUST: "1" } });
    assert.equal(code, 1);
    assert.match(stderr, /^hint: Did you mean 'tagseal verify'\? If not, run it without content trust: /mu);
  });

  it("is not guessed at when docker knows the word, or when Tagseal is docker", async () => {
    assert.equal((await call(["verfy", "x"])).stderr, "");
    assert.doesNotMatch((await call(["verfy"], { as: "docker", path: ["strict"] })).stderr, /did you mean/iu);
    assert.doesNotMatch((await call(["nosuchthing"], { path: ["strict"] })).stderr, /did you mean/iu);
  });
});

describe("the engine", () => {
  it("is docker, or the only one there is", async () => {
    assert.match((await call(["ps"])).stdout, /^docker: /);
    assert.match((await call(["ps"], { path: ["podman"] })).stdout, /^podman: /);
  });

  it("is the one of the flag, the environment or the configuration, in this order", async () => {
    mkdirSync(scope.path("chosen"), { recursive: true });
    writeFileSync(scope.path("chosen", "config.json"), '{"auths": {}, "plugins": {"tagseal": {"engine": "podman"}}}');
    const configured = { DOCKER_CONFIG: scope.path("chosen") };
    assert.match((await call(["ps"], { env: configured })).stdout, /^podman: ps /);
    const { DOCKER_CONFIG: named } = configured;
    assert.match((await call(["--config", named, "ps"])).stdout, /^podman: --config \S+ ps /);
    const inEnvironment = { ...configured, TAGSEAL_ENGINE: join(scope.path("docker"), "docker") };
    assert.match((await call(["ps"], { env: inEnvironment })).stdout, /^docker: ps /);
    assert.match((await call(["--engine", "podman", "ps"], { env: inEnvironment })).stdout, /^podman: ps /);
    assert.match((await call(["--engine=podman", "-D", "ps"])).stdout, /^podman: -D ps /);
    assert.match((await call(["ps"], { as: "/usr/local/bin/podman" })).stdout, /^podman: ps /);
  });

  it("is the last one that flags before the command name, wherever they stand among docker's", async () => {
    for (const [line, expected] of [
      ["-c x --engine podman ps", "podman: -c x ps "],
      ["--engine docker --engine=podman ps", "podman: ps "],
      ["--config config --engine podman -D ps", "podman: --config config -D ps "],
      ["--engine podman --mystery ps", "podman: --mystery ps "],
      ["-H --engine ps", "docker: -H --engine ps "],
      ["ps --engine podman", "docker: ps --engine podman "],
      ["--trust-pinning pins.json --engine podman ps", "podman: ps "],
      ["--trust-pinning=pins.json -D ps", "docker: -D ps "],
      ["--mystery --engine=podman --trust-pinning pins.json ps", "podman: --mystery ps "],
    ] as const) {
      assert.ok((await call(words(line))).stdout.startsWith(expected), line);
    }
  });

  it("keeps a configuration that is broken docker's affair", async () => {
    mkdirSync(scope.path("broken"), { recursive: true });
    writeFileSync(scope.path("broken", "config.json"), '{"tagseal"');
    assert.match((await call(["ps"], { env: { DOCKER_CONFIG: scope.path("broken") } })).stdout, /^docker: ps /);
  });

  it("I9: is not guessed for a command under trust when the file that may name it is broken", async () => {
    mkdirSync(scope.path("odd"), { recursive: true });
    writeFileSync(scope.path("odd", "config.json"), '{"plugins":{"tagseal":{"engine":5}}}');
    const env = { DOCKER_CONTENT_TRUST: "1", DOCKER_CONFIG: scope.path("odd") };
    const { code, stdout, stderr } = await call(["pull", "x"], { env });
    assert.match(stderr, /config\.json has a "plugins\.tagseal\.engine" that is not a text/u);
    assert.deepEqual([code === 0, stdout], [false, ""]);
    assert.match((await call(["ps"], { env })).stdout, /^docker: ps /);
  });
});

describe("a file with pins", () => {
  it("I9: that cannot be read ends a command under trust before the engine is asked for anything", async () => {
    for (const line of ["pull x", "run x", "create x"]) {
      const { code, stdout, stderr } = await call(words(`--trust-pinning /nowhere/pins.json ${line}`), {
        env: { DOCKER_CONTENT_TRUST: "1" },
      });
      assert.match(stderr, /cannot read the pins in \/nowhere\/pins\.json/u, line);
      assert.notEqual(code, 0);
      assert.doesNotMatch(stdout, /^docker: /mu);
    }
  });
});

describe("the five commands", () => {
  const off = ["push x", "image pull -q x", "build -t x .", "container create x", "run -it x sh", "buildx build ."];
  for (const line of off) {
    it(`are docker's own while trust is off: ${line}`, async () => {
      assert.equal((await call(words(line))).stdout, `docker: ${line} [unset] [unset]\n`);
    });
  }

  it("are docker's own when the flag turns trust off, without the flag, the switch or passphrases", async () => {
    const env = { DOCKER_CONTENT_TRUST: "1", DOCKER_CONTENT_TRUST_ROOT_PASSPHRASE: "secret" };
    const { stdout } = await call(words("run --disable-content-trust -it x sh --disable-content-trust"), { env });
    assert.match(stdout, /^docker: run -it x sh --disable-content-trust \[(?:0|unset)\] \[unset\]\n$/);
  });

  it("I9: are refused under trust when they cannot be read to their end", async () => {
    for (const line of [
      "run --mystery x y",
      "pull -Zx y",
      "--mystery x pull y",
      "push --all-tags=banana x",
      "pull --platform",
    ]) {
      const { code, stdout, stderr } = await call(words(line), { env: { DOCKER_CONTENT_TRUST: "1" } });
      assert.deepEqual([code, stdout], [125, ""], line);
      assert.match(
        stderr,
        /^(?:unknown (?:shorthand )?flag|invalid argument|flag needs an argument).*\n\nUsage: {2}tagseal /,
      );
    }
  });

  it("are passed on with unknown flags while trust is off", async () => {
    assert.match((await call(words("run --mystery x y"))).stdout, /^docker: run --mystery x y /);
    assert.match((await call(words("--mystery x pull y"))).stdout, /^docker: --mystery x pull y /);
  });

  it("learn a new flag from the engine", async () => {
    const { stdout } = await call(words("run --newest value --disable-content-trust x"), {
      env: { DOCKER_CONTENT_TRUST: "1" },
    });
    assert.match(stdout, /^docker: run --newest value x /);
  });

  it("explain themselves under Tagseal's name, and let docker explain under docker's", async () => {
    for (const word of ["push", "pull", "build", "create", "run"]) {
      assert.match((await call([word, "--help"], { path: [] })).stdout, new RegExp(`^Usage: {2}tagseal ${word} `));
      assert.match((await call([word, "--help"], { as: "docker" })).stdout, /^Usage: docker\n/);
    }
    assert.match((await call(words("run x --help"))).stdout, /^docker: run x --help|^Usage: docker/);
  });
});

describe("every command", () => {
  const on = { DOCKER_CONTENT_TRUST: "1" };
  // without `|`, which tells names of one group apart
  const lines = (program: "docker" | "podman") =>
    listedCommands(program).map(({ path, standing, isGroup }) => ({
      argv: [...path.map((name) => name.split("|")[0] ?? ""), ...(isGroup ? [] : ["x", "y"])],
      standing,
    }));

  for (const program of ["docker", "podman"] as const) {
    it(`of ${program} goes to it as it is while trust is off`, async () => {
      for (const { argv } of lines(program)) {
        const { stdout } = await call(argv, { as: program, path: [program] });
        assert.equal(stdout, `${program}: ${argv.join(" ")} [unset] [unset]\n`);
      }
    });

    it(`I9: of ${program} goes to it under trust when it is harmless, else it is checked or refused with the reason`, async () => {
      for (const { argv, standing } of lines(program)) {
        const { code, stdout, stderr } = await call(argv, { as: program, path: [program], env: on });
        const line = argv.join(" ");
        if (standing.kind === "harmless") {
          assert.equal(stdout, `${program}: ${line} [1] [unset]\n`);
          continue;
        }
        assert.equal(stdout.startsWith(`${program}: `), false, line);
        assert.notEqual(code, 0, line);
        if (standing.kind !== "refused") continue;
        assert.match(stderr, /^content trust does not cover ".+": .+\nhint: .*DOCKER_CONTENT_TRUST=0 \w+ /u, line);
        assert.match(stderr, /\[COMMAND_NOT_COVERED\]\n$/u, line);
      }
    });
  }

  it("that Tagseal does not know is refused under trust, and runs when it is switched off for it", async () => {
    for (const line of ["frob x", "image frob", "scout cves x", "model run evil", "-l info app run x"]) {
      const refused = await call(words(line), { env: on });
      assert.deepEqual([refused.code, refused.stdout], [1, ""], line);
      assert.match(refused.stderr, /^content trust does not cover "tagseal \w+.*\n.*\[COMMAND_NOT_COVERED\]\n$/u);
      assert.match((await call(words(line), { env: { DOCKER_CONTENT_TRUST: "0" } })).stdout, /^docker: /u);
    }
  });
});

describe("under docker's name", () => {
  for (const line of ["version", "help", "list", "verify x", "--version", "", "completion bash", "install", "doctor"]) {
    it(`docker answers: docker ${line}`, async () => {
      const argv = line === "" ? [] : words(line);
      assert.equal((await call(argv, { as: "/home/me/bin/docker" })).stdout, `docker: ${line} [unset] [unset]\n`);
    });
  }

  it("trust is Tagseal's, and calls itself docker", async () => {
    const { code, stderr } = await call(["-D", "--log-level", "debug", "trust", "sign"], { as: "docker" });
    assert.equal(code, 1);
    assert.match(stderr, /^docker: 'docker trust sign' requires 1 argument\n\nUsage: {2}docker trust sign IMAGE:TAG\n/);
  });
});

describe("Tagseal's own commands", () => {
  it("need no engine", async () => {
    assert.match((await call(["version"], { path: [] })).stdout, /^tagseal /);
    assert.match((await call(["trust", "--help"], { path: [] })).stdout, /^Usage: {2}tagseal trust/);
    assert.equal((await call(["verify"], { path: [] })).code, 1);
    assert.match((await call(["push", "--from", "nonsense", "x"], { path: [] })).stderr, /\[USAGE\]/);
    assert.match((await call(["pull", "--to=nonsense", "x"], { path: [] })).stderr, /\[USAGE\]/);
  });
});
