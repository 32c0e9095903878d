/**
 * docker 28 and Tagseal in its place where a command fails: the first line is docker's, whatever Tagseal adds after it, and so is the
 * exit status. Beside `front-side-by-side`, which compares everything that is printed.
 */
import assert from "node:assert/strict";
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { missingPeers, Scope } from "../support/peers.ts";
import { startTwoSides, untrusted, type Operation, type Side, type TwoSides } from "../support/side-by-side.ts";

const missing = missingPeers(["docker 28", "dockerd", "registry", "openssl", "busybox"]);
const unreachable = { DOCKER_CONTENT_TRUST_SERVER: "https://localhost:1" };
const invalid = { DOCKER_CONTENT_TRUST_SERVER: "http://localhost:1" };

const words = (line: string, more: Omit<Operation, "args"> = {}): Operation => ({
  args: ({ prefix }: Side) => line.split(" ").map((word) => word.replace(/^@/u, `${prefix}/`)),
  ...more,
});
const named = (line: string, image: string, more: Omit<Operation, "args" | "prepare"> = {}): Operation =>
  words(line, {
    prepare: ({ prefix }, user) => user.dockerOk(["tag", "made:one", `${prefix}/${image}`], untrusted),
    ...more,
  });

describe("a command that fails begins with docker's line", { skip: missing }, () => {
  const scope = new Scope("refusals");
  let both: TwoSides;

  before(async () => {
    both = await startTwoSides(scope);
    writeFileSync(join(scope.directory, "no-key.pub"), "no key\n");
  });
  after(async () => await scope.close());

  const lines: Readonly<Record<string, Operation>> = {
    "push of a new repository, server unreachable": named("push @fresh:v1", "fresh:v1", { env: unreachable }),
    "push, server without https": named("push @app:v1", "app:v1", { as: "publisher", env: invalid }),
    "pull, server unreachable": words("pull @app:v1", { env: unreachable }),
    "pull, server without https": words("pull @app:v1", { env: invalid }),
    "pull of all tags, server unreachable": words("pull -a @app", { env: unreachable }),
    "create, server unreachable": words("create @app:v1", { env: unreachable }),
    "run, server unreachable": words("run --rm @app:v1", { env: unreachable }),
    "inspect of an unknown repository": words("trust inspect @unknown"),
    "inspect, server unreachable": words("trust inspect @app", { env: unreachable }),
    "inspect --pretty of an unknown repository": words("trust inspect --pretty @unknown"),
    "inspect --pretty of an unknown tag": words("trust inspect --pretty @app:absent"),
    "inspect --pretty, server unreachable": words("trust inspect --pretty @app", { env: unreachable }),
    "inspect of no name": words("trust inspect UPPER"),
    "inspect of nothing": words("trust inspect"),
    "inspect with an unknown flag": words("trust inspect --no-such @app"),
    "revoke of an unknown repository": words("trust revoke -y @unknown:v1"),
    "revoke of an unknown tag": words("trust revoke -y @app:absent", { as: "publisher" }),
    "revoke without a key": words("trust revoke -y @app:v1"),
    "revoke, server unreachable": words("trust revoke -y @app:v1", { as: "publisher", env: unreachable }),
    "revoke of a digest": words(`trust revoke -y @app@sha256:${"0".repeat(64)}`),
    "revoke of nothing": words("trust revoke"),
    "revoke of no name": words("trust revoke -y UPPER"),
    "sign of nothing": words("trust sign"),
    "sign without a tag": words("trust sign @app"),
    "sign of a digest": words(`trust sign @app@sha256:${"0".repeat(64)}`),
    "sign of what is not here and not in the registry": words("trust sign @app:absent", { as: "publisher" }),
    "sign --local of what is not here": words("trust sign --local @app:absent", { as: "publisher" }),
    "sign without a key": named("trust sign @app:v1", "app:v1"),
    "sign of no name": words("trust sign UPPER:v1"),
    "signer add without a key": words("trust signer add alice @app"),
    "signer add of a key that is not there": words("trust signer add --key absent.pub alice @app"),
    "signer add of a bad key": words("trust signer add --key no-key.pub alice @app", {
      cwd: () => scope.directory,
    }),
    "signer add with a bad name": words("trust signer add --key absent.pub Alice! @app"),
    "signer add of releases": words("trust signer add --key absent.pub releases @app"),
    "signer add of one argument": words("trust signer add alice"),
    "signer add, server unreachable": words("trust signer add --key no-key.pub alice @app", {
      cwd: () => scope.directory,
      env: unreachable,
    }),
    "signer remove of an unknown signer": words("trust signer remove nosuch @app", { as: "publisher" }),
    "signer remove in an unknown repository": words("trust signer remove alice @unknown"),
    "signer remove of releases": words("trust signer remove releases @app"),
    "signer remove, server unreachable": words("trust signer remove alice @app", { env: unreachable }),
    "signer remove of one argument": words("trust signer remove alice"),
    "key generate with a bad name": words("trust key generate Alice!"),
    "key generate of nothing": words("trust key generate"),
    "key generate of two": words("trust key generate a b"),
    "key generate into nowhere": words("trust key generate --dir absent alice"),
    "key load of nothing": words("trust key load"),
    "key load of an absent file": words("trust key load absent.pem"),
    "key load of no key": words("trust key load no-key.pub", { cwd: () => scope.directory }),
    "key load with a bad name": words("trust key load --name Alice! no-key.pub", { cwd: () => scope.directory }),
    "an unknown trust command": words("trust nosuch"),
    "an unknown signer command": words("trust signer nosuch"),
    "an unknown key command": words("trust key nosuch"),
  };

  for (const command of ["push", "trust sign"]) {
    it(`${command} in a known repository, server unreachable: docker answers from its cache and notices later`, async () => {
      const publish = named(`${command} @app:v1`, "app:v1", { as: "publisher", env: unreachable });
      const { docker, tagseal } = await both.compare(publish);
      assert.match(docker.stderr, /^failed to sign REGISTRY\/side\/app:v1: .*connection refused$/mu);
      assert.match(tagseal.stderr, /^Error: error contacting notary server: .*connection refused$/mu);
      if (command === "push")
        assert.match(tagseal.stderr, /^hint: .*finish with: tagseal sign REGISTRY\/side\/app:v1@/mu);
      assert.equal(tagseal.code, docker.code);
    });
  }

  for (const [form, flags] of [
    ["pretty", ["--pretty"]],
    ["json", []],
  ] as const) {
    it(`inspect names signers in docker's order, as ${form}: signer2 before signer10`, async () => {
      const { docker, tagseal } = await both.compare({
        as: "publisher",
        args: ({ prefix }) => ["trust", "inspect", ...flags, `${prefix}/${form}`],
        prepare: async ({ name, prefix }, user) => {
          const directory = scope.path(`${name}-${form}`);
          mkdirSync(directory);
          for (const signer of ["signer10", "signer2", "signer1"]) {
            await user.dockerOk(["trust", "key", "generate", signer, "--dir", directory]);
            const key = join(directory, `${signer}.pub`);
            await user.dockerOk(["trust", "signer", "add", "--key", key, signer, `${prefix}/${form}`]);
          }
        },
      });
      const order = ({ stdout }: typeof docker): string[] => stdout.match(/signer\d+/gu) ?? [];
      assert.equal(order(docker).length, 3, docker.stdout + docker.stderr);
      assert.deepEqual(order(tagseal), order(docker));
    });
  }

  for (const [name, operation] of Object.entries(lines)) {
    it(name, async () => {
      const { docker, tagseal } = await both.compare(operation);
      const first = ({ stdout, stderr }: typeof docker): string =>
        [...stderr.split("\n"), ...stdout.split("\n")]
          // what notary's library logs, and our warning in its place
          .filter((line) => line !== "" && !/^(?:time=|warning: )/u.test(line))
          .join("\n")
          .replace(/\n[\s\S]*/u, "")
          // each has its own words for what a connection reports
          .replace(/: (?:dial tcp|cannot reach).*$/u, ": <unreachable>");
      assert.deepEqual([tagseal.code, first(tagseal)], [docker.code, first(docker)]);
    });
  }
});
