/** `docker compose` under content trust, with the real compose: what starts is what is signed, and nothing else is fetched. */
import assert from "node:assert/strict";
import { readdirSync, mkdirSync } from "node:fs";
import { delimiter, dirname } from "node:path";
import { after, before, describe, it } from "node:test";
import { composeProject, installCompose } from "../support/compose-project.ts";
import { startDockerRegistry, type Registry } from "../support/docker-registry.ts";
import { frontDockers, type FrontDocker } from "../support/dockers.ts";
import { startFrontWorld, type FrontWorld } from "../support/front-world.ts";
import { installBuildx, missingPeers, Scope, startBuildkitd, type Client } from "../support/peers.ts";
import { tagsealCommand } from "../support/clients.ts";
import { documentedLines } from "../support/documented-lines.ts";
import { run, type Finished } from "../support/processes.ts";

const missing = missingPeers([
  "docker",
  "dockerd",
  "registry",
  "openssl",
  "busybox",
  "compose 5",
  "buildx",
  "buildkit",
]);

describe("docker compose under content trust", { skip: missing }, () => {
  const scope = new Scope("front-compose");
  let world: FrontWorld;
  let registry: Registry;
  let host: string;
  let digest: string;

  before(async () => {
    registry = await startDockerRegistry(scope);
    world = await startFrontWorld(scope, { registry });
    ({ host } = registry);
    const publisher = world.user("publisher");
    digest = await world.publish(publisher, "one", `${host}/team/app:v1`);
    // the registry's tag is moved to an image that nothing is signed for
    await world.publish(publisher, "two", `${host}/team/app:v1`, "unsigned");
    await world.publish(publisher, "two", `${host}/team/app:v2`, "unsigned");
  });
  after(() => scope.close());

  for (const docker of frontDockers) {
    describe(`behind docker ${docker.version}`, { skip: missingPeers(docker.peers) }, () => behind(docker));
  }

  const service = (image: string, more = ""): string => `    image: ${image}\n    network_mode: none\n${more}`;
  const signed = (): string => service(`${host}/team/app:v1`);
  const raw = (): string => service(`${host}/team/app:v2`);
  const pinned = (): string => `${host}/team/app:v1@${digest}`;

  function behind(docker: FrontDocker): void {
    const name = (story: string): string => `${story}${docker.version}`;
    let user: Client;
    let temporary: string;

    before(() => {
      temporary = scope.path(`tmp-${docker.version}`);
      mkdirSync(temporary);
      user = world.user(`user-${docker.version}`, { ...docker.env, TMPDIR: temporary });
      installCompose(user);
    });

    function succeeded(finished: Finished): Finished {
      assert.equal(finished.code, 0, finished.stdout + finished.stderr);
      return finished;
    }

    /** What the work made the registry serve. */
    async function requests(work: () => Promise<unknown>): Promise<string> {
      const start = registry.process.log().length;
      await work();
      return registry.process.log().slice(start);
    }

    it("I5: starts the digest that a tag is signed for, and leaves no file behind", async () => {
      const files = { "compose.yaml": `services:\n  web:\n${signed()}`, "raw.yaml": `services:\n  web:\n${raw()}` };
      const project = composeProject(scope, user, name("signed"), files);
      await world.forgetBelow(`${host}/team/app`);
      assert.match(succeeded(await project.compose(["up"])).stdout, /image one/u);
      assert.deepEqual(await project.images(), { web: pinned() });
      assert.deepEqual(readdirSync(temporary), []);
      const refused = await project.compose(["-f", "raw.yaml", "up"]);
      assert.equal(refused.code, 1);
      assert.match(refused.stderr, /^service web: .*team\/app:v2: No valid trust data for v2$/mu);
      await project.down();
    });

    if (docker.version !== 28) return;

    it("runs and pulls the digest, and does what the documents show", async () => {
      const project = composeProject(scope, user, name("pulled"), { "compose.yaml": `services:\n  web:\n${signed()}` });
      assert.equal(succeeded(await project.compose(["run", "--rm", "web"])).stdout, "image one\n");
      const env = { ...user.env, PATH: [dirname(tagsealCommand), process.env["PATH"]].join(delimiter) };
      const line = documentedLines("docs/commands.md", "tagseal compose");
      assert.match(succeeded(await run("bash", ["-c", line], { env, cwd: project.directory })).stdout, /image one/u);
      await project.down();
      await world.forgetBelow(`${host}/team/app`);
      assert.match(succeeded(await project.compose(["pull"])).stderr, /^Tagging .*team\/app@sha256:.* as .*app:v1$/mu);
      assert.equal(await world.imageId(`${host}/team/app:v1`), await world.imageId(pinned()));
    });

    it("I9: refuses what is not signed, and fetches nothing", async () => {
      const files = { "compose.yaml": `services:\n  db:\n${signed()}  web:\n${service(`${host}/team/app:v2`)}` };
      const project = composeProject(scope, user, name("unsigned"), files);
      await world.forgetBelow(`${host}/team/`);
      const log = await requests(async () => {
        for (const line of ["up -d", "pull", "run web"]) {
          const { code, stderr } = await project.compose(line.split(" "));
          assert.equal(code, 1, line);
          assert.match(stderr, /service web: .*No valid trust data for v2/u, line);
        }
      });
      assert.doesNotMatch(log, /GET \/v2\/team/u);
      assert.deepEqual(await project.images(), {});
    });

    it("builds services from signed images, and starts what it built", async () => {
      const build = (from: string, more = ""): string =>
        `    build:\n      context: .\n      dockerfile_inline: |\n        FROM ${from}\n        LABEL built=yes\n${more}    network_mode: none\n`;
      const files = {
        "compose.yaml": `services:
  web:
    image: ${host}/team/app:v2
    build: { context: app, args: { BASE: "${host}/team/app:v1" } }
    network_mode: none
  same:
${service(`${host}/team/app:v2`)}
  inline:
${build(`${host}/team/app:v1`)}`,
        "app/Dockerfile": "ARG BASE\nFROM $BASE\nCOPY file /file\n",
        "app/file": "content\n",
        "bad.yaml": `services:\n  web:\n${build(`${host}/team/app:v2`)}`,
      };
      const project = composeProject(scope, user, name("built"), files);
      await world.forgetBelow(`${host}/team/`);
      // an image of that name is here already, and is not what starts
      await user.dockerOk(["tag", "made:two", `${host}/team/app:v2`]);
      const log = await requests(async () => {
        const { stdout } = succeeded(await project.compose(["up"]));
        assert.deepEqual(stdout.match(/image (?:one|two)/gu), ["image one", "image one", "image one"]);
      });
      assert.doesNotMatch(log, /GET \/v2\/team\/app\/manifests\/v2/u);
      await project.down();
      assert.match((await project.compose(["up", "--no-build", "web"])).stderr, /service web: .*No valid trust data/u);
      const bad = await project.compose(["-f", "bad.yaml", "up"]);
      assert.match(bad.stderr, /service web: Dockerfile:1: .*team\/app:v2: No valid trust data for v2/u);
      assert.deepEqual(readdirSync(temporary), []);
    });

    it("builds with today's BuildKit from a Dockerfile that buildx could take for a template", async () => {
      const today = world.user("today", { ...docker.env, TMPDIR: temporary });
      const env = await installBuildx(scope, today.dockerConfig, await startBuildkitd(scope, { insecure: [host] }));
      installCompose(today);
      const project = composeProject(scope, today, name("template"), {
        "compose.yaml": `services:\n  web:\n    image: made:template\n    build: { context: ., args: { BASE: "${host}/team/app:v1" } }\n`,
        Dockerfile: "ARG BASE\nFROM ${BASE}\nARG BASE\nLABEL base=${BASE} format='%{code}'\n",
      });
      succeeded(await project.compose(["build"], { env }));
      const labels = "{{.Config.Labels.base}} {{.Config.Labels.format}}";
      const { stdout } = await today.dockerOk(["image", "inspect", "-f", labels, "made:template"]);
      assert.equal(stdout, `${host}/team/app:v1 %{code}\n`);
      assert.deepEqual(readdirSync(temporary), []);
    });

    it("checks what the command uses, and removes nothing else", async () => {
      const files = {
        "compose.yaml": `services:\n  web:\n${signed()}    depends_on: [raw]\n  raw:\n${raw()}  tool:\n${raw()}    profiles: [tools]\n`,
      };
      const project = composeProject(scope, user, name("chosen"), files);
      succeeded(await user.docker(["compose", "up", "-d", "raw", "tool"], { cwd: project.directory }));
      assert.match((await project.compose(["up", "-d", "web"])).stderr, /service raw: .*No valid trust data/u);
      succeeded(await project.compose(["up", "-d", "--no-deps", "--remove-orphans", "web"]));
      assert.deepEqual(Object.keys(await project.images()).sort(), ["raw", "tool", "web"]);
      assert.match((await project.compose(["pull", "tool"])).stderr, /service tool: /u);
      await project.down();
    });

    it("finds the project as compose does: several files, variables, profiles, included and extended files, standard input", async () => {
      const project = composeProject(scope, user, name("files"), {
        ".env": `TAG=v1\nCOMPOSE_PROFILES=extra\n`,
        "compose.yaml": `include: [part/compose.yaml]\nservices:\n  web:\n    image: ${host}/team/app:v2\n    network_mode: none\n`,
        "compose.override.yaml": `services:\n  web:\n    image: ${host}/team/app:\${TAG}\n    environment: {PRICE: "5$$"}\n`,
        "part/compose.yaml": `services:\n  part:\n    extends: {file: base.yml, service: base}\n    profiles: [extra]\n`,
        "part/base.yml": `services:\n  base:\n${signed()}`,
        "elsewhere/x.yaml": `services:\n  x:\n${service(`${host}/team/app:\${TAG-v9}`)}`,
      });
      succeeded(await project.compose(["create"]));
      assert.deepEqual(await project.images(), { web: pinned(), part: pinned() });
      const format = '{{json .Config.Env}} {{index .Config.Labels "com.docker.compose.project.working_dir"}}';
      const { stdout } = await user.dockerOk(["inspect", "-f", format, `${name("files")}-web-1`]);
      assert.match(stdout, /"PRICE=5\$"/u);
      assert.ok(stdout.trimEnd().endsWith(` ${project.directory}`), stdout);
      await project.down();
      const elsewhere = ["-p", name("files"), "-f", "elsewhere/x.yaml", "--env-file", ".env", "create"];
      succeeded(await project.compose(elsewhere));
      assert.deepEqual(await project.images(), { x: pinned() });
      await project.down();
      const input = `name: ${name("files")}\nservices:\n  typed:\n${signed()}`;
      succeeded(await project.compose(["-f", "-", "create"], { input }));
      assert.deepEqual(await project.images(), { typed: pinned() });
      await project.down();
    });
  }
});
