/** Asks the installed programs for their commands, one by one: each must be in Tagseal's tables. */
import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import { after, describe, it } from "node:test";
import type { ProgramKind } from "../../src/engine/command-line/invocation.ts";
import { standingOf } from "../support/command-lists.ts";
import { findGoPeer } from "../support/go-peers.ts";
import { findExecutable, run, Scope } from "../support/peers.ts";

const scope = new Scope("every-command");
after(() => scope.close());

interface Program {
  readonly title: string;
  /** undefined: not on this machine */
  readonly executable: string | undefined;
  readonly program: ProgramKind;
  /** words before its commands in our tables */
  readonly below?: readonly string[];
  /** its commands have neither commands nor other names, so that its own help says all; each further answer takes it most of a second */
  readonly isFlat?: boolean;
}

const programs: readonly Program[] = [
  { title: "docker", executable: findExecutable("docker"), program: "docker" },
  {
    title: "Debian's docker",
    executable: existsSync("/usr/bin/docker") ? "/usr/bin/docker" : undefined,
    program: "docker",
  },
  { title: "docker 29", executable: findGoPeer("docker"), program: "docker" },
  { title: "podman", executable: findExecutable("podman"), program: "podman" },
  { title: "buildah", executable: findExecutable("buildah"), program: "buildah" },
  {
    title: "compose 1",
    executable: findExecutable("docker-compose"),
    program: "docker",
    below: ["compose"],
    isFlat: true,
  },
  { title: "buildx", executable: findGoPeer("buildx"), program: "docker", below: ["buildx"] },
];

/** What a help text says: the names of the commands below, and the other names of the command itself. */
function namesIn(help: string): { readonly commands: readonly string[]; readonly aliases: readonly string[] } {
  const commands: string[] = [];
  const aliases: string[] = [];
  let section = "";
  for (const line of help.split("\n")) {
    if (/^\S/u.test(line)) section = line;
    const text = line.trim();
    if (text === "" || text === section) continue;
    if (/^[A-Z][\w ]*ommands:$/u.test(section)) commands.push(/^ {2}([a-z][\w-]*)\*? /u.exec(line)?.[1] ?? "");
    if (section === "Aliases:") aliases.push(...text.split(",").map((name) => name.trim()));
  }
  return { commands: commands.filter((name) => name !== ""), aliases };
}

/** Every command line of a program up to its name, program first, by asking it. */
async function pathsOf(executable: string, path: readonly string[], isFlat = false): Promise<string[][]> {
  const env = { HOME: scope.directory, PATH: process.env["PATH"] ?? "", BUILDX_EXPERIMENTAL: "1" };
  const { stdout, stderr } = await run(executable, [...path, "--help"], { env });
  const { commands, aliases } = namesIn(`${stdout}\n${stderr}`);
  // today's docker says the whole line, `docker container ls`; others say the name alone
  const found = aliases.map((name) => (name.includes(" ") ? name.split(" ") : ["", ...path.slice(0, -1), name]));
  for (const name of commands) {
    if (name === "help" || (path.length === 0 && name === "trust")) continue; // trust is Tagseal's
    found.push(["", ...path, name], ...(isFlat ? [] : await pathsOf(executable, [...path, name])));
  }
  return found;
}

describe("every command of the programs that are here", () => {
  for (const { title, executable, program, below = [], isFlat } of programs) {
    it(
      `is in a table: ${title}`,
      { skip: executable === undefined ? `${title} is not on this machine` : false },
      async () => {
        const paths = (await pathsOf(executable ?? "", [], isFlat)).map(([, ...path]) => path);
        assert.ok(paths.length > 20, `only ${paths.join(", ")}`);
        const unknown = paths.filter((path) => standingOf(program, [...below, ...path]) === undefined);
        assert.deepEqual(unknown, []);
      },
    );
  }
});
