/** What is typed behind `tagseal` is for Tagseal and docker: nothing in it is taken by the JavaScript runtime that Tagseal runs on. */
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { existsSync, mkdirSync, symlinkSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { after, before, describe, it } from "node:test";
import { run, runOk, Scope, tagsealCommand } from "../support/peers.ts";
import type { Environment } from "../support/processes.ts";

const root = resolve(import.meta.dirname, "../..");
const scope = new Scope("runtime-options");
/** Where the tests stand: everything that an option could name is here, and leaves a mark if the runtime runs it. */
const here = scope.path("here");
const mark = scope.path("taken");
const npmEntry = scope.path("dist", "tagseal.js");
let env: Environment;
/** Another command than the checkout's is under test: what npm installs is not that. */
const isOtherCommand = process.env["TAGSEAL_BIN"] !== undefined;

function layTraps(): void {
  mkdirSync(here);
  writeFileSync(join(here, "code.cjs"), `require("node:fs").writeFileSync(${JSON.stringify(mark)}, "");\n`);
  writeFileSync(join(here, "variables"), "NODE_OPTIONS='--require ./code.cjs'\nDOCKER_CONTENT_TRUST=0\n");
  writeFileSync(join(here, ".env"), "NODE_OPTIONS='--require ./code.cjs'\n");
  for (const name of ["settings.json", "node.config.json"])
    writeFileSync(join(here, name), JSON.stringify({ nodeOptions: { require: ["./code.cjs"] } }));
}

function installRecorder(): string {
  const directory = scope.path("recorder");
  mkdirSync(directory);
  writeFileSync(join(directory, "docker"), `#!/bin/sh\nprintf '<%s>\\n' "$@"\n`, { mode: 0o755 });
  return directory;
}

before(async () => {
  layTraps();
  if (!isOtherCommand) await runOk(process.execPath, [join(root, "build.ts"), scope.path("dist")]);
  // Found as `node` by the npm entry: the runtime of this test.
  mkdirSync(scope.path("node"));
  symlinkSync(process.execPath, scope.path("node", "node"));
  const path = `${installRecorder()}:${scope.path("node")}:/usr/bin:/bin`;
  env = { HOME: scope.directory, DOCKER_CONFIG: scope.path("config"), PATH: path };
});
after(() => scope.close());

/** Every option that Node.js has: those it documents, those it takes from a variable, and V8's. */
function optionsOfNode(): string[] {
  const help = execFileSync(process.execPath, ["--help"], { encoding: "utf8" });
  const v8 = execFileSync(process.execPath, ["--v8-options"], { encoding: "utf8" });
  const documented = [...help.matchAll(/^ {2}(-[^\n=]*?)(?:=\.\.\.)?(?: {2}|\n)/gmu)].flatMap(([, names]) =>
    (names ?? "").split(/, /u),
  );
  const ofV8 = [...v8.matchAll(/^ {2}(--[\w-]+)/gmu)].map(([, name]) => name ?? "");
  const names = [...documented, ...process.allowedNodeEnvironmentFlags, ...ofV8];
  return [...new Set(names)].filter((name) => name !== "-" && name !== "--");
}

/** Values for an option: a file that does not exist, and files whose use leaves traces. */
const values = ["/nowhere/.env", "variables", "settings.json", "./code.cjs", "1"];

/** The options, each with a value, in one of the two forms. */
function written(names: readonly string[], form: "--opt=value" | "--opt value", value: string): string[] {
  return names.flatMap((name) => (form === "--opt=value" ? [`${name}=${value}`] : [name, value]));
}

/** The ways in which people start Tagseal. */
const entries = {
  "the command": () => tagsealCommand,
  ...(isOtherCommand ? {} : { "the command that npm installs": () => npmEntry }),
};

const recorded = (args: readonly string[]): string => args.map((argument) => `<${argument}>\n`).join("");

describe("no argument is taken by the runtime", () => {
  it("the test knows the options that matter", () => {
    const options = optionsOfNode();
    for (const known of [
      "--env-file",
      "--env-file-if-exists",
      "--experimental-config-file",
      "--inspect",
      "-r",
      "--title",
    ])
      assert.ok(options.includes(known), known);
    assert.ok(options.length > 200, `${options.length} options`);
  });

  for (const [title, entry] of Object.entries(entries)) {
    for (const trust of ["0", "1"]) {
      const ask = async (args: readonly string[]) =>
        await run(entry(), args, { env: { ...env, DOCKER_CONTENT_TRUST: trust }, cwd: here });

      /** Tagseal itself may refuse what it does not know; the runtime may not. */
      const isForTagseal = async (args: readonly string[]): Promise<void> => {
        const shown = args.join(" ").slice(0, 200);
        const { code, stdout, stderr } = await ask(args);
        assert.ok(!existsSync(mark), `the runtime took ${shown}`);
        if (code === 0) assert.ok(stdout === recorded(args) || /tagseal/iu.test(stdout), shown);
        else assert.match(stderr, /^(?:tagseal|docker|unknown|invalid|bad flag|content trust)/u, shown);
      };

      it(`${title}, content trust ${trust === "1" ? "on" : "off"}: behind a command`, async () => {
        for (const value of values) {
          for (const form of ["--opt=value", "--opt value"] as const) {
            const args = ["exec", "container", "node", ...written(optionsOfNode(), form, value), "app.js"];
            const { code, stdout, stderr } = await ask(args);
            assert.equal(stderr, "", `${form}, ${value}`);
            assert.equal(code, 0);
            assert.equal(stdout, recorded(args));
            assert.ok(!existsSync(mark), `the runtime ran what ${form} named with ${value}`);
          }
        }
      });

      it(`${title}, content trust ${trust === "1" ? "on" : "off"}: each one before a command`, async () => {
        await isForTagseal([...written(optionsOfNode(), "--opt=value", "variables"), "ps"]);
        // The runtime has taken its options before anything knows of content trust: once is enough for so many.
        if (trust === "0") return;
        const scanned = optionsOfNode().filter((name) => /env-file|config/u.test(name));
        for (const name of [...scanned, "--require", "--import", "--inspect", "--eval", "--test", "--version", "-p"]) {
          for (const args of [
            [`${name}=variables`, "ps"],
            [name, "settings.json", "ps"],
            [name, "ps"],
          ]) {
            await isForTagseal(args);
          }
        }
      });
    }

    it(`${title}: an image that is refused is refused by Tagseal, whatever stands behind it`, async () => {
      for (const option of ["--env-file=/nowhere", "--experimental-config-file=settings.json"]) {
        const { code, stdout, stderr } = await run(entry(), ["run", "127.0.0.1:1/team/app:v1", "echo", option], {
          env: { ...env, DOCKER_CONTENT_TRUST: "1" },
          cwd: here,
        });
        assert.equal(stdout, "");
        assert.notEqual(code, 0);
        assert.match(stderr, /127\.0\.0\.1:1/u);
        assert.ok(!existsSync(mark));
      }
    });

    it(`${title}: through a link called docker, too, and as docker's plugin`, async () => {
      const links = scope.path(`links of ${title}`);
      mkdirSync(links);
      for (const name of ["docker", "docker-trust"]) symlinkSync(entry(), join(links, name));
      const args = ["exec", "container", "--env-file", "/nowhere", "--experimental-default-config-file", ":x", "-"];
      assert.equal((await runOk(join(links, "docker"), args, { env, cwd: here })).stdout, recorded(args));
      const found = { ...env, PATH: `${links}:${env["PATH"]}` };
      assert.equal(
        (await runOk("/bin/sh", ["-c", 'docker "$@"', "sh", ...args], { env: found, cwd: here })).stdout,
        recorded(args),
      );
      const plugin = await run(join(links, "docker-trust"), ["trust", "inspect", "--env-file=/nowhere"], {
        env,
        cwd: here,
      });
      assert.match(plugin.stderr, /^unknown flag: --env-file/u);
      assert.ok(!existsSync(mark));
    });

    it(`${title}: arguments arrive as they were typed`, async () => {
      const odd = [
        "",
        ":",
        "::",
        ":-x",
        "-",
        "--",
        "---",
        "a b",
        "*",
        "$(echo x)",
        "`x`",
        '"',
        "'",
        "\\",
        "${1}",
        "new\nline",
        "ü",
      ];
      const args = ["ps", ...odd, ...Array.from({ length: 300 }, (_, index) => `-${index}`)];
      assert.equal((await runOk(entry(), args, { env, cwd: here })).stdout, recorded(args));
    });
  }

  it("the environment is the caller's: docker gets the runtime's variables as they are", async () => {
    const script = `#!/bin/sh\necho "$NODE_OPTIONS, $BUN_OPTIONS, $TAGSEAL_LAUNCHER"\n`;
    const directory = scope.path("variables-seen");
    mkdirSync(directory);
    writeFileSync(join(directory, "docker"), script, { mode: 0o755 });
    const variables = { NODE_OPTIONS: "--title=mine", BUN_OPTIONS: "--smol", TAGSEAL_LAUNCHER: "docker:/elsewhere" };
    for (const entry of Object.values(entries)) {
      const asked = { env: { ...env, ...variables, PATH: `${directory}:${env["PATH"]}` } };
      assert.equal((await runOk(entry(), ["ps"], asked)).stdout, "--title=mine, --smol, \n");
    }
  });
});
