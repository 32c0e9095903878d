/** Names by which podman finds an image where the file names a stage, a context or a variable: none of them fetches what is not signed. */
import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import { after, before, describe, it } from "node:test";
import { startFrontWorld, type FrontWorld } from "../support/front-world.ts";
import { missingPeers, Scope, type Client } from "../support/peers.ts";
import { PodmanBuilder } from "../support/podman-builders.ts";

const missing = missingPeers(["docker", "dockerd", "registry", "openssl", "busybox", "podman", "buildah"]);

describe("names in podman's builds under content trust", { skip: missing }, () => {
  const scope = new Scope("fpn");
  let world: FrontWorld;
  let user: Client;
  let builder: PodmanBuilder;
  let host: string;
  let signed: string;

  before(async () => {
    world = await startFrontWorld(scope, { labels: ["one", "two"] });
    user = world.user("user");
    ({ host } = world.registry);
    signed = `${host}/team/base:v1`;
    await world.publish(user, "one", signed);
    for (const name of ["stage", "0", "evil", "x--from/evil", "a", "amd64"]) {
      await world.publish(user, "two", `${host}/${name}:latest`, "unsigned");
    }
    await world.publish(user, "two", `${host}/team/base:evil`, "unsigned");
    builder = new PodmanBuilder("podman", { scope, host, user });
  });
  after(async () => await scope.close());

  function fetched(): readonly string[] {
    return ["stage", "0", "evil", "x--from/evil", "a", "amd64"].filter((name) => builder.has(`${host}/${name}`));
  }

  it("meets what it is about: podman by itself takes these names for images", () => {
    const files = {
      Dockerfile: `FROM ${signed} AS stage\nFROM ${signed}\nRUN --mount=type=bind,from=0,target=/m ["/bin/busybox","true"]\n`,
    };
    builder.direct("build", builder.context(files));
    assert.deepEqual(fetched(), ["0"]);
    builder.direct("rmi", "-af");
  });

  it("I5: a stage stays a stage, by whatever it is named", async () => {
    const stages = `ARG Z=stage\nFROM ${signed} AS stage\nCOPY file.txt /made\nFROM ${signed} AS other\nFROM $Z AS next\nFROM ${signed}\nARG X=stage\n`;
    const copies = "COPY --from=$X /made /1\nCOPY --from=0 /made /2\nCOPY --from=next /made /3\n";
    const mounts =
      'RUN --mount=type=bind,from=0,target=/m ["/bin/busybox","cp","/m/made","/4"]\nRUN --mount=type=bind,from=$X,target=/m ["/bin/busybox","cp","/m/made","/5"]\n';
    await builder.builds(["-t", "stages", builder.context({ Dockerfile: stages + copies + mounts })]);
    assert.deepEqual(fetched(), []);
    assert.match(builder.direct("images"), /stages/u);
  });

  it("reads variables in mounts and COPY --from as podman does", async () => {
    const mounted = `FROM ${signed}\nARG TARGETARCH\nARG B=${signed}\nRUN --mount=type=cache,target=/c,id=x-$TARGETARCH ["/bin/busybox","true"]\nCOPY --from=\${B} /bin/busybox /b\n`;
    await builder.builds([builder.context({ Dockerfile: mounted })]);
  });

  const refusals: readonly (readonly [title: string, dockerfile: string, words: RegExp, args?: readonly string[]])[] = [
    [
      "a flag of COPY that podman takes for --from",
      "FROM S\nCOPY --chown=x--from/evil file.txt /x\n",
      /takes its value for an image/u,
    ],
    [
      "a directory as build context in the place of a base",
      "FROM evil\nRUN true\n",
      /No valid trust data|does not have trust data|not signed/u,
      ["--build-context", "evil=."],
    ],
    [
      "a stage that is a build context, too",
      "FROM S AS a\nFROM a\nRUN true\n",
      /is a stage and a build context/u,
      ["--build-context", "a=."],
    ],
    [
      "a platform that is not declared",
      "FROM H/team/base:${TARGETARCH:-evil}\n",
      /depends on the platform, or on podman's version/u,
    ],
    [
      "a stage for each of several platforms",
      "FROM S AS amd64\nFROM S AS arm64\nFROM $TARGETARCH\nRUN true\n",
      /depends on the platform/u,
      ["--platform", "linux/amd64,linux/arm64"],
    ],
    ["a here-document that old podman reads as instructions", "FROM S\nRUN <<EOF\nFROM evil AS 9\nEOF\n", /:\d+: /u],
    [
      "a build argument that brings an image into a mount",
      "FROM S\nARG X=1\nRUN --mount=type=bind,target=/c,id=$X true\n",
      /could bring another option in/u,
      ["--build-arg", "X=1,from=evil"],
    ],
    [
      "a cache from a registry",
      "FROM S\nRUN true\n",
      /--cache-from cannot be used/u,
      ["--layers", "--cache-from", "localhost/cache"],
    ],
    [
      "two stages of one name",
      "FROM S AS z\nFROM S AS a\nCOPY --from=z /b /b\nFROM S AS a\n",
      /two stages are called a/u,
    ],
  ];
  for (const [title, dockerfile, words, args = []] of refusals) {
    it(`I9: refuses ${title}`, async () => {
      const text = dockerfile.replaceAll(/\bS\b/gu, signed).replaceAll("H/", `${host}/`);
      await builder.refuses([...args, builder.context({ Dockerfile: text })], words);
      assert.deepEqual(fetched(), []);
    });
  }

  it("--from: what the file names first is not asked for, and its triggers are looked at", async () => {
    const files = { Dockerfile: `FROM ${host}/evil\nCOPY file.txt /\n` };
    await builder.builds(["--from", signed, builder.context(files)]);
    assert.deepEqual(fetched(), []);
    const trigger = `FROM made:one\nONBUILD COPY --from=${host}/evil\${NOPE:+@} /bin/busybox /b\n`;
    await user.dockerOk(["build", "-t", `${host}/team/trigger:v1`, builder.context({ Dockerfile: trigger })], {
      env: { DOCKER_BUILDKIT: "0" },
    });
    await user.dockerOk(["push", `${host}/team/trigger:v1`], { env: { DOCKER_CONTENT_TRUST: "1" } });
    await builder.refuses(["--from", `${host}/team/trigger:v1`, builder.context(files)], /has the trigger ONBUILD/u);
  });

  it("I9: refuses to build with docker's command where podman is behind it", async () => {
    const socket = scope.path("podman.sock");
    await scope.start("podman", builder.command, ["system", "service", "--time=0", `unix://${socket}`], {
      ready: async () => await Promise.resolve(existsSync(socket)),
    });
    const directory = builder.context({ Dockerfile: `FROM ${signed}\nCOPY --chown=x--from/evil file.txt /x\n` });
    const env = { DOCKER_CONTENT_TRUST: "1", DOCKER_BUILDKIT: "0", DOCKER_HOST: `unix://${socket}` };
    const { code, stderr } = await user.tagseal(["build", directory], { env });
    assert.match(stderr, /docker's engine here is podman/u);
    assert.equal(code, 1);
    assert.deepEqual(fetched(), []);
  });
});
