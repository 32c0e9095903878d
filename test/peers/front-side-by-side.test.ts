/**
 * docker 28 and Tagseal in its place, side by side: the same words on the same streams and the same exit status, except where
 * docs/differences.md says otherwise.
 */
import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import { pack } from "tar-stream";
import { missingPeers, Scope } from "../support/peers.ts";
import {
  newRepository,
  startTwoSides,
  untrusted,
  withoutHints,
  type Operation,
  type Side,
  type TwoSides,
} from "../support/side-by-side.ts";

const missing = missingPeers(["docker 28", "dockerd", "registry", "openssl", "busybox"]);
const nothing = `sha256:${"0".repeat(64)}`;

/** An operation whose arguments are words, with `@` for the side's part of the name. */
const words = (line: string, more: Omit<Operation, "args"> = {}): Operation => ({
  args: ({ prefix }: Side) => line.split(" ").map((word) => word.replace(/^@/u, `${prefix}/`)),
  ...more,
});

const named = (line: string, label: string, image: string, more: Omit<Operation, "args" | "prepare"> = {}): Operation =>
  words(line, {
    prepare: ({ prefix }, user) => user.dockerOk(["tag", `made:${label}`, `${prefix}/${image}`], untrusted),
    ...more,
  });

const present = (line: string, ...images: readonly string[]): Operation =>
  words(line, {
    prepare: async ({ prefix }, user) => {
      for (const image of images) await user.dockerOk(["pull", `${prefix}/${image}`], untrusted);
    },
  });

describe("side by side with docker 28", { skip: missing }, () => {
  const scope = new Scope("side-by-side");
  let both: TwoSides;

  before(async () => {
    both = await startTwoSides(scope);
  });
  after(async () => await scope.close());

  /** Both did the same. */
  async function same(operation: Operation, code: number): Promise<void> {
    const { docker, tagseal } = await both.compare(operation);
    assert.deepEqual(withoutHints(tagseal), docker);
    assert.equal(docker.code, code, docker.stdout + docker.stderr);
  }

  describe("push", () => {
    it("of a first tag: keys, repository, signature", () => same(named("push @first:v1", "one", "first:v1"), 0));
    it("of the same tag again", () => same(named("push @app:v1", "one", "app:v1", { as: "publisher" }), 0));
    it("of another image under a signed tag", () =>
      same(named("push @app:v2", "one", "app:v2", { as: "publisher" }), 0));
    it("as docker image push", () => same(named("image push @image:v1", "one", "image:v1"), 0));
    it("of all tags signs nothing and says so", () => same(named("push --all-tags @all", "one", "all:v1"), 0));
    it("of all tags, with a tag", () => same(named("push -a @all:v1", "one", "all:v1"), 1));
    it("of an image that is not here", () => same(words("push @absent:v1"), 1));
    it("of a digest", () => same(words(`push @app@${nothing}`), 1));
    it("of nothing", () => same(words("push"), 1));
    it("of something that is no name", () => same(words("push UPPER:v1"), 1));
    it("with an unknown flag", () => same(words("push --unknown @app:v1"), 125));
    it("without trust", () => same(named("push --disable-content-trust @plain:v1", "one", "plain:v1"), 0));
    it("without a key that fits", async () => {
      const { docker, tagseal } = await both.compare(named("push @app:v3", "one", "app:v3"));
      assert.deepEqual({ ...tagseal, stderr: "" }, { ...docker, stderr: "" });
      const words =
        /^failed to sign REGISTRY\/side\/app:v3: .*could not find necessary signing keys, at least one of these keys must be available: <id 3>$/mu;
      assert.match(docker.stderr, words);
      assert.match(tagseal.stderr, words);
    });
    it("that fails to be signed says how to finish", async () => {
      const { stderr } = await both.alone("tagseal", named("push @app:v3", "one", "app:v3"));
      assert.match(stderr, /finish with: tagseal sign localhost:\d+\/side-b\/app:v3@sha256:[0-9a-f]{64}\b/u);
    });
    it("with a wrong passphrase", async () => {
      const wrong = {
        DOCKER_CONTENT_TRUST_REPOSITORY_PASSPHRASE: "wrong passphrase",
        NOTARY_TARGETS_PASSPHRASE: undefined,
      };
      const { docker, tagseal } = await both.compare(
        named("push @app:v3", "one", "app:v3", { as: "publisher", env: wrong }),
      );
      assert.equal(tagseal.stdout, docker.stdout);
      assert.equal(tagseal.code, docker.code);
      assert.match(tagseal.stderr, /^failed to sign REGISTRY\/side\/app:v3: /mu);
    });
  });

  describe("pull", () => {
    it("of a signed tag", () => same(words("pull @app:v1"), 0));
    it("of a signed tag that is here already", () => same(present("pull @app:v1", "app:v1"), 0));
    it("as docker image pull", () => same(words("image pull @app:v1"), 0));
    it("of an unsigned tag", () => same(words("pull @app:unsigned"), 1));
    it("of a tag that does not exist", () => same(words("pull @app:absent"), 1));
    it("of an unsigned repository", () => same(words("pull @none:v1"), 1));
    it("without a tag, which is latest", () => same(words("pull @app"), 1));
    it("of a digest, which needs no signature", async () => {
      const { stdout } = await both.alone("docker", words("pull @app:v1"));
      const digest = /@(sha256:[0-9a-f]{64})/u.exec(stdout)?.[1] ?? "";
      await same(words(`pull @app@${digest}`), 0);
    });
    it("of all tags of an unsigned repository", () => same(words("pull -a @none"), 1));
    it("of all tags, with a tag", () => same(words("pull -a @app:v1"), 1));
    it("for a platform", () => same(words("pull --platform linux/amd64 @app:v1"), 0));
    it("without trust", () => same(words("pull --disable-content-trust @app:unsigned"), 0));
    it("without trust, spelled out", () => same(words("pull --disable-content-trust=true @app:unsigned"), 0));
    it("of nothing", () => same(words("pull"), 1));
    it("of two images", () => same(words("pull @app:v1 @app:v2"), 1));
    it("of something that is no name", () => same(words("pull @app@"), 1));
    for (const value of ["0", "false", "F", ""]) {
      it(`with DOCKER_CONTENT_TRUST="${value}"`, () =>
        same(words("pull @app:unsigned", { env: { DOCKER_CONTENT_TRUST: value } }), 0));
    }
    for (const value of ["1", "true", "banana", "off"]) {
      it(`with DOCKER_CONTENT_TRUST="${value}"`, () =>
        same(words("pull @app:unsigned", { env: { DOCKER_CONTENT_TRUST: value } }), 1));
    }
    it("with the switch against the variable", () =>
      same(words("pull --disable-content-trust=false @app:unsigned", { env: untrusted.env }), 1));
    it("with a trust server that is no https", () =>
      same(words("pull @app:v1", { env: { DOCKER_CONTENT_TRUST_SERVER: "http://localhost:1" } }), 1));
  });

  describe("create and run", () => {
    const run = "run --rm --network none";

    it("create from a signed tag that is not here", () => same(words("create @app:v1"), 0));
    it("create from an unsigned tag", () => same(words("create @app:unsigned"), 1));
    it("create without trust", () => same(present("create --disable-content-trust @app:unsigned", "app:unsigned"), 0));
    it("run from a signed tag that is not here", () => same(words(`${run} @app:v1`), 0));
    it("run from a signed tag that is here", () => same(present(`${run} @app:v1`, "app:v1"), 0));
    it("run of a command with its own flags", () =>
      same(words(`${run} @app:v1 echo --rm -it --disable-content-trust`), 0));
    it("run from an unsigned tag", () => same(words(`${run} @app:unsigned`), 125));
    it("run from an unsigned tag that is here", () => same(present(`${run} @app:unsigned`, "app:unsigned"), 125));
    it("run from an unsigned repository", () => same(words(`${run} @none:v1`), 125));
    it("run without trust", () => same(words(`${run} --disable-content-trust @app:unsigned`), 0));
    it("run of a locally built, unsigned image", () => same(words(`${run} made:one`), 125));
    it("run by digest", async () => {
      const { stdout } = await both.alone("docker", words("pull @app:v1"));
      const digest = /@(sha256:[0-9a-f]{64})/u.exec(stdout)?.[1] ?? "";
      await same(words(`${run} @app@${digest}`), 0);
    });
    it("run by image ID", async () => {
      const id = (await both.world.imageId("made:one")) ?? "";
      await same(words(`${run} ${id}`), 0);
    });
    it("run, pulling always", () => same(present(`${run} --pull always @app:v1`, "app:v1"), 0));
    it("run, pulling never, from what is here", () =>
      same(
        words(`${run} --pull never @app:v1`, {
          prepare: ({ prefix }, user) =>
            user.dockerOk(["pull", `${prefix}/app:v1`], { env: { DOCKER_CONTENT_TRUST: "1" } }),
        }),
        0,
      ));
    it("run, pulling never, from what is not here: the name that was typed stays", async () => {
      const { docker, tagseal } = await both.compare(words(`${run} --pull never @app:v2`));
      assert.equal(docker.code, 125);
      assert.deepEqual(withoutHints(tagseal), { ...docker, stderr: docker.stderr.replace("/app@", "/app:v2@") });
    });
    it("run, quietly: nothing but what the container says", async () => {
      const { docker, tagseal } = await both.compare(words(`${run} --quiet @app:v1`));
      assert.match(docker.stderr, /^Tagging /u);
      assert.deepEqual(tagseal, { ...docker, stderr: "" });
    });
    it("run that fails", () => same(words(`${run} @app:v1 false`), 1));
    it("run of a program that is not there", async () => {
      const { docker, tagseal } = await both.compare(present(`${run} --entrypoint /absent @app:v1`, "app:v1"));
      assert.equal(tagseal.code, docker.code);
      assert.equal(tagseal.stdout, docker.stdout);
      assert.match(tagseal.stderr, /no such file or directory/u);
    });
    it("run without an image", () => same(words(run), 1));
    it("run with an unknown flag", () => same(words("run --unknown @app:v1"), 125));
    it("run with a platform", () => same(words(`${run} --platform linux/amd64 @app:v1`), 0));
    it("container run and container create", async () => {
      await same(words("container run --rm --network none @app:v1"), 0);
      await same(words("container create @app:v1"), 0);
    });
  });

  describe("build, with the classic builder", () => {
    const dockerfile = (...lines: readonly string[]): Pick<Operation, "input"> => ({
      input: ({ prefix }) => lines.map((line) => `${line.replaceAll("@", `${prefix}/`)}\n`).join(""),
    });
    const build = (...lines: readonly string[]): Operation =>
      words("build --no-cache -t built:here -", dockerfile(...lines));

    it("from a signed tag", () => same(build("FROM @app:v1", "LABEL x=1"), 0));
    it("from a signed tag, quietly", async () => {
      const { docker, tagseal } = await both.compare({
        ...build("FROM @app:v1", "LABEL x=1"),
        ...words("build -q -", dockerfile("FROM @app:v1", "LABEL x=1")),
      });
      assert.deepEqual({ ...tagseal, stderr: "" }, { ...docker, stderr: "" });
      assert.match(docker.stderr, /^Tagging /mu);
    });
    it("in stages from two signed tags", () =>
      same(build("FROM @app:v1 AS one", "FROM @app:v2", "COPY --from=one /bin/busybox /b"), 0));
    it("from scratch", () => same(build("FROM scratch", "LABEL x=1"), 0));
    it("without trust", () =>
      same(
        words(
          "build --no-cache --disable-content-trust -t built:here -",
          dockerfile("FROM @app:unsigned", "LABEL x=1"),
        ),
        0,
      ));
    it("that fails in the engine", () => same(build("FROM @app:v1", "RUN /absent"), 1));
    it("that cannot begin: the same words, without those about the builder", async () => {
      for (const line of ["build", "build /absent/directory"]) {
        const { docker, tagseal } = await both.compare(words(line));
        const stderr = docker.stderr.replace(/^DEPRECATED: .*\n(?: +.*\n)*\n/u, "");
        assert.deepEqual(withoutHints(tagseal), { ...docker, stderr });
      }
    });
    it("that is refused: the same reason and exit status, where the image stands, and none of docker's noise", async () => {
      for (const [image, reason] of [
        ["app:unsigned", /No valid trust data for unsigned/u],
        ["none:v1", /remote trust data does not exist for REGISTRY\/side\/none/u],
      ] as const) {
        const { docker, tagseal } = await both.compare(build(`FROM @${image}`, "LABEL x=1"));
        assert.equal(docker.code, 1);
        assert.equal(tagseal.code, 1);
        for (const { stderr } of [docker, tagseal]) assert.match(stderr, reason);
        assert.match(docker.stderr, /error during connect|read\/write on closed pipe/u);
        assert.doesNotMatch(tagseal.stderr, /error during connect|read\/write on closed pipe/u);
        assert.match(tagseal.stderr, /Dockerfile:1/u);
      }
    });
  });

  describe("what docker does not do", () => {
    const build = (...lines: readonly string[]): Operation =>
      words("build -q -", {
        input: ({ prefix }) => lines.map((line) => `${line.replaceAll("@", `${prefix}/`)}\n`).join(""),
      });

    it("an image in COPY --from is checked: docker lets an unsigned one in", async () => {
      const { docker, tagseal } = await both.compare(
        build("FROM @app:v1", "COPY --from=@app:unsigned /bin/busybox /stolen"),
      );
      assert.equal(docker.code, 0, docker.stderr);
      assert.equal(tagseal.code, 1);
      assert.match(tagseal.stderr, /No valid trust data for unsigned/u);
    });

    it("an archive on standard input is checked: docker builds whatever is in it", async () => {
      const archive = async (prefix: string): Promise<Buffer> => {
        const packed = pack();
        packed.entry({ name: "Dockerfile" }, `FROM ${prefix}/app:unsigned\nLABEL x=1\n`);
        packed.finalize();
        const chunks: Buffer[] = [];
        for await (const chunk of packed) chunks.push(chunk as Buffer);
        return Buffer.concat(chunks);
      };
      const archives = new Map<string, Buffer>();
      for (const { prefix } of both.sides) archives.set(prefix, await archive(prefix));
      const { docker, tagseal } = await both.compare(
        words("build -q -", { input: ({ prefix }) => archives.get(prefix) ?? "" }),
      );
      assert.equal(docker.code, 0, docker.stderr);
      assert.equal(tagseal.code, 1);
      assert.match(tagseal.stderr, /No valid trust data for unsigned/u);
    });

    it("FROM with an ARG, a stage's name or --platform builds: docker calls them invalid", async () => {
      for (const lines of [
        ["ARG BASE=@app:v1", "FROM $BASE", "LABEL x=1"],
        ["FROM @app:v1 AS one", "FROM one", "LABEL x=1"],
        ["FROM --platform=linux/amd64 @app:v1", "LABEL x=1"],
      ]) {
        const { docker, tagseal } = await both.compare(build(...lines));
        assert.equal(docker.code, 1, lines.join("\n"));
        assert.equal(tagseal.code, 0, tagseal.stderr);
      }
    });

    it("a tag with a digest must be signed for it: docker does not verify it on pull, and fetches another digest on run", async () => {
      const { stdout } = await both.alone("docker", words("pull --disable-content-trust @app:unsigned"));
      const digest = /sha256:[0-9a-f]{64}/u.exec(stdout)?.[0] ?? "";
      const pull = await both.compare(words(`pull @app:v1@${digest}`));
      assert.equal(pull.docker.code, 0);
      assert.equal(pull.tagseal.code, 1);
      const run = await both.compare(words(`run --rm --network none @app:v1@${digest}`));
      assert.match(run.docker.stderr, /^Status: Downloaded newer image for REGISTRY\/side\/app@<id 2>$/mu);
      assert.equal(run.tagseal.code, 125);
      for (const { stderr } of [pull.tagseal, run.tagseal]) assert.match(stderr, /\[TAG_DIGEST_MISMATCH\]/u);
    });

    it("a push without a tag signs nothing and says so: docker signs latest", async () => {
      const { docker, tagseal } = await both.compare(named("push @untagged", "one", "untagged:latest"));
      assert.match(docker.stdout, /Successfully signed/u);
      assert.doesNotMatch(tagseal.stdout, /[Ss]ign/u);
      assert.equal(tagseal.code, 0);
      assert.match(tagseal.stderr, /^No tag specified, skipping trust metadata push\nhint: /u);
      assert.equal(tagseal.stdout, docker.stdout.slice(0, docker.stdout.indexOf("Signing and pushing")));
    });

    it("quiet pulls and pushes print a name: docker prints everything", async () => {
      const pull = await both.compare(words("pull -q @app:v1"));
      assert.equal(pull.docker.stdout.split("\n").length, 3);
      assert.deepEqual(pull.tagseal, { code: 0, stdout: "REGISTRY/side/app:v1\n", stderr: "" });
      const push = await both.compare(named("push -q @quiet:v1", "one", "quiet:v1"));
      assert.match(push.docker.stdout, /The push refers to/u);
      assert.deepEqual(withoutHints(push.tagseal), { code: 0, stdout: "REGISTRY/side/quiet:v1\n", stderr: "" });
      assert.match(push.tagseal.stderr, newRepository);
    });

    it("an image's ID as docker shows it is its ID: docker takes it for an unsigned name", async () => {
      const id = ((await both.world.imageId("made:one")) ?? "").replace("sha256:", "").slice(0, 12);
      const { docker, tagseal } = await both.compare(words(`run --rm --network none ${id}`));
      assert.equal(docker.code, 125);
      assert.deepEqual(tagseal, { code: 0, stdout: "image one\n", stderr: "" });
    });

    it("all tags come in the order people count: docker's order is another one each time", async () => {
      const { docker, tagseal } = await both.compare(words("pull -a @app"));
      const pulled = (stdout: string): string[] =>
        [...stdout.matchAll(/^Pull .*:(v\d)@/gmu)].map(([, tag = ""]) => tag);
      assert.deepEqual(pulled(tagseal.stdout), ["v1", "v2"]);
      assert.deepEqual(pulled(docker.stdout).toSorted(), ["v1", "v2"]);
      assert.equal(tagseal.code, 0);
    });
  });

  describe("everything else", () => {
    for (const line of ["no-such-command", "image no-such-command"]) {
      it(`${line}: refused by both, here because it could let in any image`, async () => {
        const { docker, tagseal } = await both.compare(words(line));
        assert.deepEqual([docker.code, tagseal.code], [1, 1]);
        assert.match(tagseal.stderr, /^content trust does not cover ".*no-such-command".*\[COMMAND_NOT_COVERED\]\n$/su);
      });
    }
    for (const line of ["images --format {{.ID}} made", "ps", "version --format {{.Client.Version}}"]) {
      it(line, async () => {
        const { docker, tagseal } = await both.compare(words(line));
        assert.deepEqual(tagseal, docker);
      });
    }
    for (const line of ["push --help", "pull --help", "run --help", "build --help", "image --help"]) {
      it(line, async () => {
        const { docker, tagseal } = await both.compare(words(line));
        assert.deepEqual(tagseal, docker);
      });
    }
  });
});
