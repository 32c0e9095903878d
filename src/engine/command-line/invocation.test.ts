import assert from "node:assert/strict";
import { describe, it } from "node:test";
import {
  type EngineInvocation,
  isFlagOn,
  flagValue,
  parseInvocation,
  replaceFlagValue,
  replaceOperand,
} from "./invocation.ts";
import type { EngineKind } from "./invocation.ts";

const parse = (line: string, kind: EngineKind = "docker"): Promise<EngineInvocation> =>
  parseInvocation(line.split(" "), kind);

async function image(line: string, kind?: EngineKind): Promise<string | undefined> {
  return (await parse(line, kind)).operands[0]?.text;
}

describe("a command line of docker's", () => {
  const images: readonly (readonly [string, string])[] = [
    ["pull alpine", "alpine"],
    ["pull -q alpine:3", "alpine:3"],
    ["pull --platform linux/arm64 alpine", "alpine"],
    ["pull alpine --platform=linux/arm64", "alpine"],
    ["image pull alpine", "alpine"],
    ["-H tcp://host:2375 pull alpine", "alpine"],
    ["--context pull pull alpine", "alpine"],
    ["-cdesk -D image push host:5000/a/b:1", "host:5000/a/b:1"],
    ["--tlsverify --tlscacert=/ca push x", "x"],
    ["run alpine", "alpine"],
    ["run -it --rm --name run alpine sh", "alpine"],
    ["run -itd -p 80:80 -p443:443 -v /a:/b --env-file x -e A alpine", "alpine"],
    ["run --net host --entrypoint create alpine run", "alpine"],
    ["run -h host -u 1:1 -w / -m 1g alpine", "alpine"],
    ["run --rm -- alpine ls", "alpine"],
    ["container run --gpus all alpine", "alpine"],
    ["create --pull always --platform linux/amd64 alpine", "alpine"],
    ["container create -P -a stdout alpine", "alpine"],
    ["build -t a/b:1 -f - .", "."],
    ["build --build-arg A=. --pull --no-cache -q dir", "dir"],
    ["build . -t x", "."],
    ["image build --target=x https://host/r.git#main", "https://host/r.git#main"],
    ["builder build .", "."],
    ["buildx build --push -t x --platform linux/amd64,linux/arm64 .", "."],
    ["buildx --builder big build --load .", "."],
    ["buildx b -o type=oci .", "."],
  ];
  for (const [line, expected] of images) {
    it(`has its image found: docker ${line}`, async () => assert.equal(await image(line), expected));
  }

  for (const line of [
    "ps",
    "image ls",
    "-D info",
    "container ls -a",
    "buildx bake",
    "trust sign x",
    "service create x",
    "compose watch x",
  ]) {
    it(`is not ours: docker ${line}`, async () => {
      const { word, argv } = await parse(line);
      assert.equal(word, undefined);
      assert.deepEqual(argv, line.split(" "));
    });
  }

  it("is not ours when there is no command", async () => {
    assert.equal((await parseInvocation([], "docker")).word, undefined);
    assert.equal((await parse("--help")).help, true);
  });

  it("separates command path, flags and the container's command", async () => {
    const { globalArgs, word, commandPath, flags, operands, args, help } = await parse(
      "--context x container run -it --rm -e A=1 --env B=2 --name n alpine ls -l --rm",
    );
    assert.deepEqual(globalArgs, ["--context", "x"]);
    assert.deepEqual([word, commandPath, help], ["run", ["container", "run"], false]);
    assert.deepEqual(
      [...flags],
      [
        ["interactive", ["true"]],
        ["tty", ["true"]],
        ["rm", ["true"]],
        ["env", ["A=1", "B=2"]],
        ["name", ["n"]],
      ],
    );
    assert.deepEqual(
      operands.map(({ text }) => text),
      ["alpine", "ls", "-l", "--rm"],
    );
    assert.deepEqual(args, "-it --rm -e A=1 --env B=2 --name n alpine ls -l --rm".split(" "));
  });

  it("has only the image changed when it is replaced", async () => {
    const invocation = await parse("-D run --disable-content-trust=false --name alpine --rm alpine alpine");
    const [operand] = invocation.operands;
    assert.ok(operand !== undefined);
    assert.deepEqual(
      replaceOperand(invocation, operand, "alpine@sha256:0"),
      "-D run --name alpine --rm alpine@sha256:0 alpine".split(" "),
    );
  });

  it("has only the value of a flag changed when that is replaced, in either spelling", async () => {
    const invocation = await parse("run -it --disable-content-trust=false --mount=a,b -e A --mount c alpine --mount d");
    const [first, second, ...others] = invocation.placedFlags.filter(({ name }) => name === "mount");
    assert.ok(first !== undefined && second !== undefined && others.length === 0);
    const line = replaceFlagValue(replaceFlagValue(invocation.argv, second, "2"), first, "1");
    assert.equal(line.join(" "), "run -it --mount=1 -e A --mount 2 alpine --mount d");
  });

  it("keeps buildx's flags, also those before its command", async () => {
    const { argv, commandPath } = await parse("buildx --builder big build --load .");
    assert.deepEqual(commandPath, ["buildx", "build"]);
    assert.deepEqual(argv, "buildx build --builder big --load .".split(" "));
  });
});

describe("--disable-content-trust", () => {
  const stories: readonly (readonly [string, boolean | undefined])[] = [
    ["pull x", undefined],
    ["pull --disable-content-trust x", true],
    ["pull --disable-content-trust=false x", false],
    ["pull x --disable-content-trust=0", false],
    ["pull --disable-content-trust --disable-content-trust=false x", false],
    ["pull -- --disable-content-trust", undefined],
    ["run x --disable-content-trust", undefined],
    ["run -e --disable-content-trust x", undefined],
    ["build --disable-content-trust=F .", false],
    ["create --disable-content-trust x", true],
    ["image push --disable-content-trust=true x", true],
    ["plugin install --disable-content-trust=false x", false],
    ["plugin push --disable-content-trust=0 x", false],
    ["plugin install --disable-content-trust x", undefined],
    ["plugin install x", undefined],
    ["exec x --disable-content-trust=false", undefined],
    ["compose run web -- --disable-content-trust=false", undefined],
  ];
  for (const [line, expected] of stories) {
    it(`is ${String(expected)} in: docker ${line}`, async () => {
      assert.equal((await parse(line)).disableContentTrust, expected);
    });
  }

  it("is left out of what the engine gets, and nothing else is", async () => {
    const { argv, args, flags } = await parse("build --disable-content-trust=false -t x --disable-content-trust .");
    assert.deepEqual([argv, args, [...flags.keys()]], [["build", "-t", "x", "."], ["-t", "x", "."], ["tag"]]);
  });

  it("is left alone in the container's command", async () => {
    const { argv } = await parse("run x --disable-content-trust");
    assert.deepEqual(argv, ["run", "x", "--disable-content-trust"]);
  });

  it("I9: with a value that is not a boolean is an error, as docker's", async () => {
    await assert.rejects(parse("pull --disable-content-trust=banana x"), {
      message: /^invalid argument "banana" for "--disable-content-trust" flag: strconv\.ParseBool/,
    });
  });

  it("takes --allow-local with it, which only we know", async () => {
    const invocation = await parse("build --allow-local .");
    assert.deepEqual(invocation.argv, ["build", "."]);
    assert.equal(isFlagOn(invocation, "allow-local"), true);
  });
});

describe("a flag our tables do not have", () => {
  const help = "Options:\n      --brand-new string   Something\n  -Z, --zed                Nothing\n";

  it("is learnt from the engine's help", async () => {
    const asked: (readonly string[])[] = [];
    const invocation = await parseInvocation(
      "image pull --brand-new value -Z alpine".split(" "),
      "docker",
      async (path) => {
        asked.push(path);
        return help;
      },
    );
    assert.equal(invocation.operands[0]?.text, "alpine");
    assert.equal(flagValue(invocation, "brand-new"), "value");
    assert.deepEqual(asked, [["image", "pull"]]);
  });

  it("is learnt before the command, too", async () => {
    const invocation = await parseInvocation("--brand-new run pull alpine".split(" "), "docker", async () => help);
    assert.deepEqual([invocation.word, invocation.operands[0]?.text], ["pull", "alpine"]);
  });

  it("I9: is refused when the engine's help does not have it either: the image could be anywhere", async () => {
    await assert.rejects(
      parseInvocation(["run", "--mystery", "alpine", "evil"], "docker", async () => help),
      {
        code: "USAGE",
        message: "unknown flag: --mystery",
      },
    );
  });

  it("does not make the engine explain flags that are known", async () => {
    await parseInvocation(["run", "-it", "alpine"], "docker", () => assert.fail("asked"));
  });
});

describe("a command line of podman's", () => {
  const images: readonly (readonly [string, string])[] = [
    ["pull --tls-verify=false alpine", "alpine"],
    ["push --digestfile d alpine docker://x/y", "alpine"],
    ["run --pod p --replace --log-level debug alpine", "alpine"],
    ["--root /x --storage-opt a=b run alpine", "alpine"],
    ["build --pull -t x .", "."],
    ["build --pull=never --layers .", "."],
    ["container create --uidmap 0:1:2 alpine", "alpine"],
  ];
  for (const [line, expected] of images) {
    it(`has its image found: podman ${line}`, async () => assert.equal(await image(line, "podman"), expected));
  }
});
