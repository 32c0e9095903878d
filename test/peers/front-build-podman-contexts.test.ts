/** What podman and buildah build from is what was checked, wherever the context and the Dockerfile come from. */
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { createServer, type Server } from "node:http";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { gzipSync } from "node:zlib";
import { publishBases, startFrontWorld, type FrontWorld } from "../support/front-world.ts";
import { freePort, missingPeers, Scope, type Client } from "../support/peers.ts";
import { PodmanBuilder } from "../support/podman-builders.ts";

const missing = missingPeers(["docker", "dockerd", "registry", "openssl", "busybox", "podman", "buildah"]);

describe("contexts of podman's builds under content trust", { skip: missing }, () => {
  const scope = new Scope("fpc");
  const served = new Map<string, Buffer>();
  let world: FrontWorld;
  let user: Client;
  let signed: string;
  let raw: string;
  let digest: string;
  let http: Server;
  let site: string;

  before(async () => {
    world = await startFrontWorld(scope, { labels: ["one", "two"] });
    user = world.user("user");
    ({ signed, raw, digest } = await publishBases(world, user));
    http = createServer((request, response) => {
      const found = served.get(request.url ?? "");
      response.writeHead(found === undefined ? 404 : 200).end(found);
    });
    const port = await freePort();
    site = `http://127.0.0.1:${port}`;
    await new Promise<void>((resolve) => http.listen(port, "127.0.0.1", resolve));
  });
  after(async () => {
    http.close();
    await scope.close();
  });

  function archive(directory: string): Buffer {
    return execFileSync("tar", ["-C", directory, "-cf", "-", "."]);
  }

  for (const name of ["podman", "buildah"] as const) {
    describe(name, () => {
      let builder: PodmanBuilder;
      let decoy: string;
      let input: Buffer;
      before(() => {
        builder = new PodmanBuilder(name, { scope, host: world.registry.host, user });
        // what podman finds first when it is given a relative path
        decoy = builder.context({
          Dockerfile: `FROM ${raw}\n`,
          Containerfile: `FROM ${raw}\n`,
          "x.df": `FROM ${raw}\n`,
        });
        input = archive(builder.context({ Dockerfile: `FROM ${signed}\nCOPY file.txt /file.txt\n` }));
      });

      async function buildsFromSigned(args: readonly string[], options: object = {}): Promise<void> {
        const printed = await builder.builds(args, options);
        assert.match(printed, new RegExp(`FROM ${world.registry.host}/team/base@${digest}`, "u"));
        assert.ok(!builder.has(raw), "the unsigned image was fetched");
      }

      it("I5: builds the Dockerfile of an archive, not the one of the working directory", async () => {
        await buildsFromSigned(["-"], { input, cwd: decoy });
        await buildsFromSigned(["-"], { input: gzipSync(input), cwd: decoy });
        served.set("/context.tar", input);
        await buildsFromSigned([`${site}/context.tar`], { cwd: decoy });
        served.set("/text", Buffer.from(`FROM ${signed}\nLABEL x=1\n`));
        await buildsFromSigned([`${site}/text`], { cwd: decoy });
        await buildsFromSigned(["-"], { input: `FROM ${signed}\nLABEL x=1\n`, cwd: decoy });
        await buildsFromSigned(["-f", "-", "."], { input: `FROM ${signed}\nLABEL x=1\n`, cwd: decoy });
      });

      it("reads -f where podman does: in the working directory, then in the context", async () => {
        const named = archive(builder.context({ "y.df": `FROM ${signed}\nCOPY file.txt /file.txt\n` }));
        await buildsFromSigned(["-f", "y.df", "-"], { input: named, cwd: decoy });
        await builder.refuses(["-f", "x.df", "-"], /x\.df:1: .*No valid trust data/u, { input, cwd: decoy });
        served.set("/remote.df", Buffer.from(`FROM ${signed}\nCOPY file.txt /file.txt\n`));
        await buildsFromSigned(["-f", `${site}/remote.df`, "-"], { input, cwd: decoy });
        await buildsFromSigned(["-f", `${site}/remote.df`, builder.context({})], { cwd: decoy });
      });

      it("keeps what an archive says is to be ignored", async () => {
        const directory = builder.context({
          "y.df": `FROM ${signed}\nCOPY . /all/\nCOPY file.txt /file.txt\n`,
          "y.df.dockerignore": "file.txt\n",
        });
        const { code, stderr } = await builder.build(["-f", "y.df", "-"], { input: archive(directory), cwd: decoy });
        assert.notEqual(code, 0);
        assert.match(stderr, /no items matching|not found|no such file/u);
      });

      it("I9: refuses templates and several Dockerfiles, which podman would put together", async () => {
        const template = archive(builder.context({ "Dockerfile.in": `FROM ${signed}\n` }));
        await builder.refuses(["-f", "Dockerfile.in", "-"], /template for the C preprocessor/u, { input: template });
        served.set("/Dockerfile.in", Buffer.from(`FROM ${signed}\n`));
        await builder.refuses(["-f", `${site}/Dockerfile.in`, "."], /template for the C preprocessor/u);
        const directory = builder.context({ a: `FROM ${raw}\n`, b: `FROM ${signed}\n` });
        await builder.refuses(["-f", join(directory, "a"), "-f", join(directory, "b"), directory], /several -f/u);
      });

      it("builds from a git repository, and takes -f from the working directory first", async () => {
        const directory = builder.context({ Dockerfile: `FROM ${signed}\nCOPY file.txt /file.txt\n` });
        const git = (...args: readonly string[]): Buffer =>
          execFileSync("git", ["-C", directory, ...args], { stdio: "pipe" });
        git("init", "--quiet", "--initial-branch=main");
        git("add", ".");
        git("-c", "user.name=t", "-c", "user.email=t@example.com", "commit", "--quiet", "-m", "x");
        git("update-server-info");
        const bare = scope.path(`${name}.git`);
        execFileSync("git", ["clone", "--quiet", "--bare", directory, bare], { stdio: "pipe" });
        execFileSync("git", ["-C", bare, "update-server-info"]);
        const port = await freePort();
        await scope.start(
          "git",
          "git",
          ["daemon", "--export-all", `--base-path=${scope.path("")}`, `--port=${port}`, "--listen=127.0.0.1"],
          {
            ready: async () => await new Promise((resolve) => setTimeout(() => resolve(true), 300)),
          },
        );
        const url = `git://127.0.0.1:${port}/${name}.git`;
        await buildsFromSigned([url], { cwd: decoy });
        await builder.refuses(["-f", "x.df", url], /x\.df:1: .*No valid trust data/u, { cwd: decoy });
      });

      if (name === "podman") {
        it("builds in the directory of the file when no context is named", async () => {
          const directory = builder.context({ "z.df": `FROM ${signed}\nCOPY file.txt /file.txt\n` });
          await buildsFromSigned(["-f", join(directory, "z.df")], { cwd: decoy });
          await builder.refuses(["-f", "-"], /no context directory/u, { input: `FROM ${signed}\n`, cwd: decoy });
        });
      }
    });
  }
});
