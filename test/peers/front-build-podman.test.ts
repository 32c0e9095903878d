/** Builds under content trust with podman, and with buildah behind podman's command line: no unsigned image reaches them. */
import assert from "node:assert/strict";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { publishBases, startFrontWorld, type FrontWorld } from "../support/front-world.ts";
import { missingPeers, Scope, type Client } from "../support/peers.ts";
import { PodmanBuilder } from "../support/podman-builders.ts";

const missing = missingPeers(["docker", "dockerd", "registry", "openssl", "busybox", "podman", "buildah"]);

describe("podman's builds under content trust", { skip: missing }, () => {
  const scope = new Scope("fp");
  let world: FrontWorld;
  let user: Client;
  let signed: string;
  let raw: string;
  let digest: string;

  before(async () => {
    world = await startFrontWorld(scope, { labels: ["one", "two"] });
    user = world.user("user");
    ({ signed, raw, digest } = await publishBases(world, user));
  });
  after(async () => await scope.close());

  for (const name of ["podman", "buildah"] as const) {
    describe(name, () => {
      let builder: PodmanBuilder;
      before(() => {
        builder = new PodmanBuilder(name, { scope, host: world.registry.host, user });
      });

      it("builds from a signed base, by its digest, and tags the base as it was named", async () => {
        const files = { Containerfile: `FROM ${signed}\nCOPY file.txt /\n`, Dockerfile: `FROM ${raw}\n` };
        const printed = await builder.builds(["-t", `built-${name}`, builder.context(files)]);
        assert.match(printed, new RegExp(`FROM ${world.registry.host}/team/base@${digest}`, "u"));
        assert.match(printed, new RegExp(`^Tagging .*@${digest} as ${signed}$`, "mu"));
      });

      it("takes stages, arguments, files, standard input and archives", async () => {
        const stages = `ARG B=${signed}\nFROM \${B} AS one\nFROM scratch\nCOPY --from=one /bin/busybox /b\nCOPY --from=0 /bin/busybox /c\n`;
        const directory = builder.context({
          Dockerfile: stages,
          "other.df": `FROM ${signed}\nCOPY file.txt /\n`,
          ".dockerignore": "x\n",
        });
        await builder.builds([directory]);
        await builder.builds(["--layers", "-f", join(directory, "other.df"), directory]);
        await builder.builds(["-f", "other.df", directory]);
        await builder.builds([], { cwd: directory });
        await builder.builds(["-f", "-", directory], { input: `FROM ${signed}\nCOPY file.txt /\n` });
        await builder.builds(["-"], { input: `FROM ${signed}\nLABEL x=1\n` });
      });

      it("I9: refuses an unsigned image in every position", async () => {
        const unsigned = /:\d: .*: No valid trust data for raw/u;
        for (const dockerfile of [
          `FROM ${raw}\n`,
          `ARG B=${raw}\nFROM $B\n`,
          `FROM scratch\nCOPY --from=${raw} /bin/busybox /b\n`,
          `FROM ${signed}\nRUN --mount=type=bind,from=${raw},target=/m true\n`,
        ]) {
          await builder.refuses([builder.context({ Dockerfile: dockerfile })], unsigned);
        }
        await builder.refuses(["-"], unsigned, { input: `FROM ${raw}\n` });
        await builder.refuses(
          ["--from", raw, builder.context({ Dockerfile: `FROM ${signed}\n` })],
          /--from: .*No valid trust data/u,
        );
        const other = builder.context({ Dockerfile: `FROM other\nCOPY --from=files /bin/busybox /b\n` });
        await builder.refuses(
          [`--build-context=files=docker-image://${raw}`, other],
          /--build-context: .*No valid trust data/u,
        );
      });

      it("I9: refuses templates and flags that it cannot follow", async () => {
        const directory = builder.context({
          "Dockerfile.in": `FROM ${signed}\n`,
          Dockerfile: `FROM ${signed}\n`,
          args: `B=${raw}\n`,
        });
        await builder.refuses(["-f", "Dockerfile.in", directory], /template for the C preprocessor/u);
        await builder.refuses(
          ["--build-arg-file", join(directory, "args"), directory],
          /--build-arg-file cannot be used/u,
        );
      });

      it("lets images of this machine in when asked to", async () => {
        const base = builder.context({ Dockerfile: "FROM scratch\nCOPY file.txt /\n" });
        builder.direct("build", "-t", "mine:1", base);
        const directory = builder.context({ Dockerfile: "FROM mine:1\nLABEL x=1\n" });
        await builder.refuses([directory], /Dockerfile:1: mine:1: /u);
        await builder.builds(["--allow-local", directory]);
      });
    });
  }
});
