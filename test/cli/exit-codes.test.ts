/** What every command's exit status says about every kind of failure, and that JSON says the same. */
import assert from "node:assert/strict";
import { before, describe, it } from "node:test";
import { captured } from "../../src/cli/captured-io.ts";
import type { Command } from "../../src/cli/command.ts";
import { exitCodeFor, exitCodes } from "../../src/cli/exit-code.ts";
import { failed } from "../../src/cli/command-failure.ts";
import { withoutEngine } from "../../src/cli/front-end/missing-engine.ts";
import {
  cannotInspect,
  cannotRetrieveSigners,
  dockerised,
  failedToSign,
  prefixed,
} from "../../src/cli/output/docker-errors.ts";
import { unsignedPush } from "../../src/cli/output/unsigned-push.ts";
import { root } from "../../src/cli/table.ts";
import type { Entry } from "../../src/cli/table-entry.ts";
import {
  EncodingError,
  errorCodes,
  KeyStoreError,
  MetadataError,
  NetworkError,
  TagsealError,
  UsageError,
} from "../../src/errors.ts";
import type { Digest } from "../../src/reference/digest.ts";
import { parseImageReference } from "../../src/reference/image-reference.ts";
import { explainShutdown } from "../../src/trust/trust-server/docker-hub.ts";
import type { DemoImage } from "../../src/sandbox/demo-image.ts";
import { CliSandbox } from "./cli-sandbox.ts";

const classes = [TagsealError, UsageError, EncodingError, MetadataError, KeyStoreError, NetworkError] as const;
const everyError = errorCodes.flatMap((code) => classes.map((Kind) => new Kind(code, "what failed", { hint: "do" })));
const now = (): Date => new Date("2027-01-01T00:00:00Z");

describe("putting an error in other words", () => {
  const { io } = captured({ env: {}, now });
  const image = parseImageReference("localhost:5000/team/app:v1");
  const digest = `sha256:${"0".repeat(64)}` as Digest;
  const wraps: Readonly<Record<string, (error: unknown) => unknown>> = {
    failedToSign: (error) => failedToSign(error, "localhost:5000/team/app", "v1"),
    cannotRetrieveSigners: (error) => cannotRetrieveSigners(error, "localhost:5000/team/app"),
    prefixed: (error) => prefixed(error, "failed to sign"),
    dockerised: (error) => dockerised(error, "localhost:5000/team/app"),
    cannotInspect: (error) => cannotInspect(error, "app", "localhost:5000/team/app"),
    unsignedPush: (error) => unsignedPush(error, { image, tag: "v1", digest }, io),
    withoutEngine: (error) => withoutEngine(error, "push"),
    explainShutdown: (error) => explainShutdown(error, "https://notary.docker.io", now()),
  };
  for (const [name, wrap] of Object.entries(wraps)) {
    it(`${name} keeps code, class and exit status`, () => {
      for (const error of everyError) {
        const wrapped = wrap(error);
        assert.ok(wrapped instanceof TagsealError);
        assert.equal(wrapped.constructor, error.constructor, `${error.constructor.name} ${error.code}`);
        assert.equal(wrapped.code, error.code);
        assert.equal(exitCodeFor(wrapped), exitCodeFor(error), error.code);
      }
    });
  }

  it("keeps an HTTP status", () => {
    const wrapped = prefixed(new NetworkError("TRUST_SERVER_ERROR", "no", { status: 503 }), "failed to sign");
    assert.ok(wrapped instanceof NetworkError);
    assert.equal(wrapped.status, 503);
  });
});

const commandsBelow = async ({ load, children = [] }: Entry): Promise<readonly Command[]> => [
  ...(load === undefined ? [] : [await load()]),
  ...(await Promise.all(children.map(commandsBelow))).flat(),
];

describe("every command", () => {
  it("ends every kind of failure with the status that exit-code.ts gives it, or docker's 1", async () => {
    for (const command of await commandsBelow(root)) {
      const { path, options, dockerExitCodes } = command.description;
      for (const error of everyError) {
        const { io, stdout, stderr } = captured({ env: {}, now });
        const status = failed(error, io, { command, json: "json" in options });
        const expected = dockerExitCodes === true ? exitCodes.failure : exitCodeFor(error);
        assert.equal(status, expected, `${path}: ${error.code}`);
        assert.match(stderr(), new RegExp(`\\[${error.code}\\]\n$`, "u"));
        const said =
          "json" in options ? { error: { code: error.code, message: "what failed", hint: "do" } } : undefined;
        assert.deepEqual(stdout() === "" ? undefined : JSON.parse(stdout()), said, path);
      }
    }
  });

  it("that speaks to registry or trust server, and is not docker's, explains 2, 3 and 4 in its help", async () => {
    for (const path of ["verify", "list", "pull", "push", "sign", "import hand-over", "export"]) {
      const command = (await commandsBelow(root)).find(({ description }) => description.path === path);
      const explained = command?.description.exitCodes?.map(([code]) => code) ?? [];
      for (const code of [2, 3, 4]) assert.ok(explained.includes(code), `${path}: ${code}`);
    }
  });
});

describe("what went wrong is the same for every command", () => {
  const stage = CliSandbox.forSuite("exit-codes");
  let made: DemoImage;
  let app: string;

  before(async () => {
    app = stage.repository();
    made = await stage.image("1.0");
    await stage.publish(made, `${app}:v1`);
    await stage.ok(["trust", "key", "generate", "alice", "--dir", stage.directory]);
  });

  const own = ["verify", "list", "pull", "push", "sign", "import hand-over", "export"] as const;
  const dockers = ["trust inspect", "trust sign", "trust revoke", "trust signer add", "trust signer remove"] as const;
  type Name = (typeof own)[number] | (typeof dockers)[number];

  /** The command, asked about one repository that holds one tag. */
  const line = (name: Name, repository: string, tag = "v1"): readonly string[] => {
    const lines: Readonly<Record<Name, readonly string[]>> = {
      verify: [`${repository}:${tag}`],
      list: [repository],
      pull: ["--to", `oci:${stage.path(stage.fresh("out"))}`, `${repository}:${tag}`],
      push: ["--from", `oci:${made.directory}`, `${repository}:${tag}`],
      sign: [`${repository}:${tag}@${made.manifestDigest}`],
      "import hand-over": [repository],
      export: ["--to", stage.path(`${stage.fresh("bundle")}.tar`), "--from", server(repository), repository],
      "trust inspect": [`${repository}:${tag}`],
      "trust sign": [`${repository}:${tag}`],
      "trust revoke": [`${repository}:${tag}`],
      "trust signer add": ["--key", stage.path("alice.pub"), "alice", repository],
      "trust signer remove": ["alice", repository],
    };
    return [...name.split(" "), ...lines[name]];
  };
  const server = (repository: string): string =>
    repository.includes("nowhere") ? nowhere : (stage.sandbox.environment["DOCKER_CONTENT_TRUST_SERVER"] ?? "");
  const nowhere = "https://127.0.0.1:1";
  const stranger = (more: Record<string, string> = {}): Record<string, string> => ({
    ...stage.stranger(),
    ...more,
  });

  interface Situation {
    readonly what: string;
    readonly repository: () => string;
    readonly tag?: string;
    readonly env?: () => Record<string, string>;
    readonly at?: () => Date;
    readonly code: RegExp;
    readonly status: number;
    readonly commands: readonly Name[];
  }
  const ninety = (): Date => new Date(Date.now() + 90 * 86_400_000);
  const situations: readonly Situation[] = [
    {
      what: "nobody has signed in the repository",
      repository: () => stage.repository("team/unsigned"),
      code: /^REPOSITORY_NOT_SIGNED$/u,
      status: 2,
      commands: [
        "verify",
        "list",
        "pull",
        "import hand-over",
        "export",
        "trust inspect",
        "trust revoke",
        "trust signer remove",
      ],
    },
    {
      what: "the trust server presents something expired",
      repository: () => app,
      at: ninety,
      code: /^METADATA_EXPIRED$/u,
      status: 3,
      // a bundle may hold what has expired: its importer decides
      commands: [...own.filter((name) => name !== "export"), ...dockers],
    },
    {
      what: "the trust server cannot be reached",
      repository: () => stage.repository("team/nowhere"),
      env: () => stranger({ DOCKER_CONTENT_TRUST_SERVER: nowhere }),
      code: /^NETWORK_UNREACHABLE$/u,
      status: 4,
      commands: [...own.filter((name) => name !== "sign"), ...dockers],
    },
    {
      what: "the registry cannot be reached",
      repository: () => "127.0.0.1:1/team/app",
      env: () => stranger(),
      code: /^NETWORK_UNREACHABLE$/u,
      status: 4,
      commands: ["push", "sign"],
    },
    {
      what: "the name cannot be one",
      repository: () => stage.repository("team/UPPER"),
      code: /^REFERENCE_INVALID$/u,
      status: 1,
      commands: [...own.filter((name) => name !== "export"), ...dockers],
    },
    {
      what: "no key here may sign",
      repository: () => app,
      env: () => stranger(),
      code: /^SIGNING_KEY_MISSING$/u,
      status: 1,
      tag: "v2",
      commands: ["push", "sign"],
    },
    {
      what: "no key here may sign what is signed",
      repository: () => app,
      env: () => stranger(),
      code: /^SIGNING_KEY_MISSING$/u,
      status: 1,
      commands: ["trust revoke", "trust signer add"],
    },
  ];

  for (const { what, repository, tag, env, at, code, status, commands } of situations) {
    describe(what, () => {
      for (const name of commands) {
        const isDockers = dockers.some((one) => one === name);
        it(`tagseal ${name}`, async () => {
          const options = { env: env?.() ?? stage.sandbox.environment, now: at ?? (() => new Date()) };
          const argv = line(name, repository(), tag);
          const plain = await stage.run(argv, options);
          assert.equal(plain.code, isDockers ? 1 : status, plain.stderr);
          assert.match(lastCode(plain.stderr), code);
          const json = await stage.run([...argv, "--json"], options);
          assert.equal(json.code, plain.code);
          if (name !== "trust inspect") assert.match(jsonCode(JSON.parse(json.stdout)), code);
        });
      }
    });
  }

  it("a push that cannot sign says how to finish, and the line works when pasted", async () => {
    const image = `${stage.repository("team/finish")}:v1`;
    const env = { ...stage.sandbox.environment, DOCKER_CONTENT_TRUST_SERVER: nowhere };
    const { code, stderr } = await stage.run(["push", "-q", "--from", `oci:${made.directory}`, image], { env });
    assert.equal(code, 4);
    const finish = /finish with: tagseal (sign \S+@sha256:[0-9a-f]{64})/u.exec(stderr)?.[1] ?? "";
    await stage.ok(finish.split(" "));
    assert.equal((await stage.ok(["verify", image])).stdout, `${made.manifestDigest}\n`);
  });
});

function lastCode(stderr: string): string {
  return [...stderr.matchAll(/\[([A-Z_]+)\]$/gmu)].at(-1)?.[1] ?? stderr;
}

/** The code in `{"error": …}`, or in the last of the results of several repositories. */
function jsonCode(value: unknown): string {
  const last: unknown = Array.isArray(value) ? value.at(-1) : value;
  return (last as { error?: { code?: string } }).error?.code ?? JSON.stringify(value);
}
