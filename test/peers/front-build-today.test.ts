/**
 * Builds under content trust with today's BuildKit behind buildx: what only its front-end knows is read here as it reads it. Each
 * build shows from which image of the registry its result comes.
 */
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { mkdirSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { trustOn } from "../support/docker-words.ts";
import { frontDockers, type FrontDocker } from "../support/dockers.ts";
import { type FrontWorld, startFrontWorld } from "../support/front-world.ts";
import {
  type Buildkit,
  type Client,
  freePort,
  installBuildx,
  missingPeers,
  Scope,
  startBuildkitd,
} from "../support/peers.ts";
import type { Finished, RunOptions } from "../support/processes.ts";

const missing = missingPeers(["docker", "dockerd", "registry", "openssl", "busybox", "buildkit", "buildx"]);

const noAttestations = { BUILDX_NO_DEFAULT_ATTESTATIONS: "1" };

describe("builds with today's BuildKit under content trust", { skip: missing }, () => {
  const scope = new Scope("front-build-today");
  let world: FrontWorld;
  let buildkit: Buildkit;
  let host: string;
  let contexts = 0;

  before(async () => {
    world = await startFrontWorld(scope, { labels: ["one", "two"] });
    const publisher = world.user("publisher");
    ({ host } = world.registry);
    await world.publish(publisher, "one", `${host}/base:1`);
    await world.publish(publisher, "two", `${host}/base:other`);
    await world.publish(publisher, "two", `${host}/base:raw`, "unsigned");
    buildkit = await startBuildkitd(scope, { insecure: [host] });
  });
  after(() => scope.close());

  for (const docker of frontDockers) {
    describe(`behind docker ${docker.version}`, { skip: missingPeers(docker.peers) }, () => behind(docker));
  }

  function behind(docker: FrontDocker): void {
    let user: Client;

    before(async () => {
      user = world.user(`user-${docker.version}`, docker.env);
      await installBuildx(scope, user.dockerConfig, buildkit);
    });

    function context(files: Readonly<Record<string, string>>): string {
      contexts += 1;
      const directory = scope.path(`build-${contexts}`);
      mkdirSync(directory);
      for (const [name, content] of Object.entries({ "file.txt": "content\n", ...files }))
        writeFileSync(join(directory, name), content);
      return directory;
    }

    async function build(args: readonly string[], options: RunOptions = {}): Promise<Finished> {
      const env = { ...trustOn, DOCKER_BUILDKIT: undefined, BUILDX_CONFIG: `${user.dockerConfig}/buildx` };
      return await user.tagseal(["build", ...args], {
        ...options,
        env: { ...env, BUILDX_BUILDER: "remote", BUILDKIT_PROGRESS: "plain", ...noAttestations, ...options.env },
      });
    }

    /** Builds, and answers which of the images the result comes from. */
    async function builtFrom(args: readonly string[], options: RunOptions = {}): Promise<string> {
      contexts += 1;
      const output = scope.path(`output-${contexts}.tar`);
      const { code, stderr } = await build(["--output", `type=docker,dest=${output}`, ...args], options);
      assert.equal(code, 0, stderr);
      const member = (name: string): Buffer => execFileSync("tar", ["-x", "-O", "-f", output, name]);
      const [manifest] = JSON.parse(member("manifest.json").toString()) as readonly [{ readonly Config: string }];
      const { config } = JSON.parse(member(manifest.Config).toString()) as {
        config: { Labels: Record<string, string> };
      };
      return config.Labels["build"] ?? "";
    }

    const rows: readonly (readonly [what: string, dockerfile: (host: string) => string])[] = [
      ["a suffix and a prefix", (reg) => `ARG REG=${reg}/\nARG V=v1\nFROM \${REG%/}/base:\${V#v}\n`],
      ["another text for a part", (reg) => `ARG REG=${reg}\nARG V=v1\nFROM \${REG%/}/base:\${V/v/}\n`],
      ["the longest prefix and suffix", (reg) => `ARG V=a/b/1.2.3\nARG W=\${V##*/}\nFROM ${reg}/base:\${W%%.*}\n`],
      ["another text for every part", (reg) => `ARG V=-1-\nFROM ${reg}/base:\${V//-/}\n`],
      ["an escaped slash", (reg) => `ARG V=x/1\nFROM ${reg}/base:\${V/x\\//}\n`],
      ["an argument nobody needs", (reg) => `ARG VER=1.2\nARG SHORT=\${VER//./}\nFROM ${reg}/base:1\n`],
      ["a default behind a pattern", (reg) => `ARG V=\nFROM ${reg}/base:\${V:-\${V#v}1}\n`],
      [
        "a here-document beside a pattern",
        (reg) => `FROM ${reg}/base:1\nARG V=1.2\nCOPY <<EOF /\${V%%.*}\nFROM ${reg}/base:raw\nEOF\n`,
      ],
      [
        "a cache named by the platform",
        (reg) => `FROM ${reg}/base:1 AS base-amd64\nFROM base-\${TARGETARCH}\nCOPY --link file.txt /\n`,
      ],
    ];
    for (const [what, dockerfile] of rows) {
      it(`reads ${what}`, async () =>
        assert.equal(await builtFrom([context({ Dockerfile: dockerfile(host) })]), "one"));
    }

    it("I9: refuses what is not signed, however its name is put together", async () => {
      const directory = context({ Dockerfile: `ARG V=vraw\nFROM ${host}/base:\${V#v}\n` });
      const { code, stderr } = await build([directory]);
      assert.equal(code, 1);
      assert.match(stderr, /Dockerfile:2: .*base:raw: No valid trust data for raw/u);
    });

    it("takes nothing at all as a build context", async () => {
      const dockerfile = `FROM nothing AS empty\nFROM ${host}/base:1\nCOPY --from=empty / /\n`;
      const args = ["--build-context", "nothing=docker-image://scratch", context({ Dockerfile: dockerfile })];
      assert.equal(await builtFrom(args), "one");
    });

    it("I9: refuses the policy by which buildx puts another digest in the place of a checked one", async () => {
      const digestOf = async (image: string): Promise<string | undefined> => {
        const { stdout } = await user.dockerOk(["inspect", "--format", "{{index .RepoDigests 0}}", image]);
        return stdout.trim().split("@")[1];
      };
      const other = await digestOf(`${host}/base:raw`);
      const policy = `package docker\nallow if { input.image; pin_image(input.image, "${other}") }\nallow if { not input.image }\ndecision := {"allow": allow}\n`;
      const dockerfile = `FROM ${host}/base@${await digestOf("made:one")}\nLABEL policy=1\n`;
      const directory = context({ Dockerfile: dockerfile, "Dockerfile.rego": policy });
      assert.equal(
        await builtFrom([directory], { env: { DOCKER_CONTENT_TRUST: "0" } }),
        "two",
        "this is what buildx does",
      );
      const { code, stderr } = await build([directory]);
      assert.equal(code, 1);
      assert.match(stderr, /Dockerfile\.rego is a policy that may replace images after they were checked/u);
    });

    it("I9: reads standard input and not a file of the context that is called -", async () => {
      const directory = context({ "-": `FROM ${host}/base:raw\n`, Dockerfile: `FROM ${host}/base:raw\n` });
      const archive = execFileSync("tar", ["-c", "-f", "-", "-C", directory, "-", "Dockerfile", "file.txt"]);
      const input = `FROM ${host}/base:1\nCOPY file.txt /\n`;
      const server = createServer((_, response) => void response.end(archive));
      const port = await freePort();
      await new Promise<void>((resolve) => server.listen(port, "127.0.0.1", () => resolve()));
      try {
        assert.equal(await builtFrom(["-f", "-", `http://127.0.0.1:${port}/context.tar`], { input }), "one");
        assert.equal(await builtFrom(["-f", "-", directory], { input }), "one");
      } finally {
        server.close();
      }
    });

    it("takes a Dockerfile and no files, and an archive", async () => {
      assert.equal(await builtFrom(["-"], { input: `FROM ${host}/base:1\nLABEL x=1\n` }), "one");
      const directory = context({ "a.df": `FROM ${host}/base:1\nCOPY file.txt /\n` });
      const archive = execFileSync("tar", ["-c", "-f", "-", "-C", directory, "a.df", "file.txt"]);
      assert.equal(await builtFrom(["-f", "a.df", "-"], { input: archive }), "one");
    });
  }
});
