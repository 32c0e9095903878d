import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { hasCode } from "../../errors.ts";
import { refuseUncovered } from "./command-gate.ts";
import { parseInvocation, type ProgramKind } from "./invocation.ts";

/** What becomes of a line under content trust. */
async function outcome(line: string, program: ProgramKind): Promise<"covered" | "passes" | "refused" | "unreadable"> {
  try {
    const invocation = await parseInvocation(line.split(" "), program);
    refuseUncovered(invocation, { command: program, keptOnBy: undefined });
    return invocation.word === undefined || invocation.help ? "passes" : "covered";
  } catch (error) {
    if (hasCode(error, "COMMAND_NOT_COVERED")) return "refused";
    if (hasCode(error, "USAGE")) return "unreadable";
    throw error;
  }
}

const refused: Readonly<Record<ProgramKind, readonly string[]>> = {
  docker: [
    "bake",
    "buildx bake",
    "buildx --builder x bake --push",
    "buildx --debug f",
    "builder bake",
    "builder f",
    "buildx dap build .",
    "buildx dap attach x",
    "buildx debug build .",
    "buildx debug --builder x build .",
    "buildx debug",
    "buildx debug-shell",
    "buildx dial-stdio",
    "buildx policy eval x",
    "buildx create --bootstrap",
    "buildx create --bootstrap=true --name x",
    "buildx create --driver-opt image=evil",
    'buildx create --driver-opt=network=host,"image=evil"',
    "buildx inspect --bootstrap",
    "builder inspect x --bootstrap",
    "compose push",
    "compose -f up.yml --profile x watch",
    "compose -p ps watch",
    "compose -pps watch",
    "compose watch --help=false",
    "compose scale web=2",
    "compose publish x",
    "compose alpha watch",
    "compose --dry-run alpha --dry-run publish x",
    "compose bridge convert",
    "compose bridge transformations create x",
    "compose frob",
    "service create x",
    "service update --image x web",
    "stack deploy -c x web",
    "stack up -c x web",
    "--context ps stack deploy x",
    "plugin install x",
    "plugin upgrade x",
    "plugin push x",
    "import http://x/y.tar",
    "image import -m x HTTPS://x/y.tar z",
    "system dial-stdio",
    "scout cves x",
    "sandbox create x",
    "model run x",
    "app run x",
    "docker-compose up",
    "frob --help",
    "image frob",
    "--help frob",
    "PULL x",
    "constructor",
    "image __proto__",
  ],
  podman: [
    "auto-update",
    "container runlabel run x",
    "container clone a b evil",
    "container restore x",
    "kube play x.yml",
    "kube --log-level debug play x.yml",
    "kube apply x",
    "play kube x.yml",
    "farm build .",
    "image scp a::b",
    "machine init",
    "machine os apply x",
    "machine os upgrade",
    "quadlet install x",
    "artifact pull x",
    "compose up",
    "compose -f x pull",
    "import http://x/y.tar",
    "load -i https://x/y.tar",
    "load -ihttps://x/y.tar",
    "image load --input=http://x/y.tar",
    "pod create --infra-image evil",
    "pod create --infra-image=evil --name x",
    "volume create --driver image --opt image=evil",
    "volume create -dimage x",
    "volume create -d=image x",
    "system service",
    "system dial-stdio",
    "trust x",
    "bake",
  ],
  buildah: [
    "bud .",
    "build .",
    "--root /x build-using-dockerfile",
    "from evil",
    "pull evil",
    "add --from evil c /x",
    "add --from=evil c /x",
    "copy c --from evil /x",
    "run --mount type=bind,from=evil,target=/x c sh",
    "commit --sbom syft c x",
    "mkcw evil x",
    "source pull x y",
    "push x",
    "manifest push x",
    "frob",
  ],
};

const passing: Readonly<Record<ProgramKind, readonly string[]>> = {
  docker: [
    "ps",
    "-D -H tcp://x:1 --context y images",
    "image ls",
    "container ls -a",
    "exec web pull evil",
    "start web",
    "commit web x",
    "load -i x.tar",
    "import x.tar y",
    "buildx ls",
    "buildx create --name x --driver-opt network=host --bootstrap=false",
    "buildx inspect x",
    "buildx history inspect attachment x",
    "builder prune",
    "compose",
    "compose ps",
    "compose -f x.yml -p up logs web",
    "compose --version",
    "compose up --help",
    "compose --help up",
    "--help compose up -d",
    "compose down --rmi all",
    "stack ls",
    "service ls",
    "service scale web=2",
    "plugin ls",
    "help compose up",
    "__complete compose up ",
    "version",
    "--version",
    "image",
    "image --help",
  ],
  podman: [
    "ps",
    "--log-level debug images",
    "image --log-level debug ls",
    "image trust show",
    "load -i x.tar",
    "generate systemd x",
    "kube generate x",
    "kube play --help",
    "pod create --name x",
    "pod start x",
    "volume create image-x",
    "volume create --driver local x",
    "machine start",
    "unshare ls",
    "--version pull evil",
    "-v run evil",
    "compose ps",
  ],
  buildah: ["images", "ps", "run c sh", "commit c x", "add c /x /y", "copy c /x", "config --cmd sh c", "-v bud ."],
};

const covered: Readonly<Partial<Record<ProgramKind, readonly string[]>>> = {
  docker: [
    "pull x",
    "-- pull x",
    "--help=false pull x",
    "--help pull --help=false x",
    "image --help pull --help=false x",
    "image --help=false pull x",
    "--help run x",
    "container --help run x",
    "-h run x",
    "--version pull x",
    "buildx --debug b .",
    "builder build .",
    "--context x image pull y",
    "-Dcx pull y",
  ],
  podman: [
    "pull x",
    "--help run x",
    "image --log-level debug pull x",
    "image --syslog pull x",
    "buildx build .",
    "builder build .",
    "image build .",
    "manifest push x",
  ],
};

const unreadable: Readonly<Partial<Record<ProgramKind, readonly string[]>>> = {
  docker: [
    "image -D pull x",
    "image -H x pull y",
    "image -- x pull evil",
    "image -- pull evil",
    "compose -- ps up",
    "image --mystery ls pull evil",
    "--mystery ps pull evil",
    "--help=maybe ps",
  ],
  podman: ["-- ps run evil", "image -- ls pull evil", "image --mystery ls pull evil"],
  buildah: ["-- images from evil"],
};

describe("a command line under content trust", () => {
  const stories = { refused, passes: passing, covered, unreadable };
  for (const [expected, lines] of Object.entries(stories)) {
    for (const program of ["docker", "podman", "buildah"] as const) {
      for (const line of lines[program] ?? []) {
        it(`${expected === "refused" ? "I9: " : ""}${expected}: ${program} ${line}`, async () => {
          assert.equal(await outcome(line, program), expected);
        });
      }
    }
  }

  it("is refused with the reason, what to do instead, and how to say otherwise", async () => {
    const invocation = await parseInvocation("--context x compose -f y.yml watch -q".split(" "), "docker");
    const off = { command: "docker compose watch", keptOnBy: undefined };
    assert.throws(() => refuseUncovered(invocation, off), {
      code: "COMMAND_NOT_COVERED",
      message: /^content trust does not cover "docker compose watch": it builds whenever files change/u,
      hint: /^Build and start .*, or run it without content trust: DOCKER_CONTENT_TRUST=0 docker compose watch$/u,
    });
    const service = await parseInvocation("service create x".split(" "), "docker");
    assert.throws(() => refuseUncovered(service, { ...off, command: "docker service create" }), {
      hint: /^Name images by .* tagseal verify IMAGE:TAG, then run it .*: DOCKER_CONTENT_TRUST=0 docker service create$/u,
    });
  });

  it("is refused without a way around that would not count, where the machine's policy keeps content trust on", async () => {
    const invocation = await parseInvocation(["unheard-of"], "docker");
    assert.throws(() => refuseUncovered(invocation, { command: "docker unheard-of", keptOnBy: "/etc/p.json" }), {
      hint: "Ask the administrator of this machine to run it: its policy /etc/p.json keeps content trust on",
    });
  });
});

describe("a line that is handed over", () => {
  const lines: readonly (readonly [ProgramKind, string, string])[] = [
    ["docker", "-D ps --help x", "-D ps --help x"],
    ["docker", "--help pull evil", "pull --help"],
    ["docker", "image --help pull evil", "image pull --help"],
    ["docker", "pull evil --help", "pull --help"],
    ["docker", "-Dh ps x", "--debug=true ps --help"],
    ["docker", "-- ps x", "ps x"],
    ["docker", "compose -f a -f b --help up x", "compose -f a -f b up --help"],
    ["docker", "compose --dry-run ps x", "compose --dry-run ps x"],
    ["docker", "buildx --builder big ls x", "buildx ls --builder big x"],
    ["podman", "--log-level debug image --log-level info ls x", "--log-level debug image ls --log-level info x"],
    ["podman", "--root /x --version pull evil", "--root /x --version"],
  ];
  for (const [program, line, expected] of lines) {
    it(`means to ${program} what it means here: ${line}`, async () => {
      assert.equal((await parseInvocation(line.split(" "), program)).argv.join(" "), expected);
    });
  }
});
