/** Which docker the command `docker` starts, and whether that one obeys content trust. */
import { existsSync } from "node:fs";
import { dirname, join } from "node:path";
import { candidates, type EngineExecutable, engineVariable, findEngine } from "../../engine/executable.ts";
import { engineVersion, trustlessMajor } from "../../engine/engine-version.ts";
import { TagsealError } from "../../errors.ts";
import { occupantOf, pluginPath, shimsInPath } from "../installation.ts";
import type { Io } from "../io.ts";
import { ciSystemHere, installShim, lastingHere } from "./ci-system.ts";
import { type Finding, ok, problem, shellPath, warning } from "./finding.ts";

/** docker's plugin directories after the user's own. */
const pluginDirectories = [
  "/usr/local/lib/docker/cli-plugins",
  "/usr/local/libexec/docker/cli-plugins",
  "/usr/lib/docker/cli-plugins",
  "/usr/libexec/docker/cli-plugins",
];

/** The programs in PATH, and how they treat content trust. */
export async function checkEngine(io: Io, wanted: string | undefined): Promise<readonly Finding[]> {
  let engine: EngineExecutable;
  try {
    engine = findEngine({ env: io.env, self: io.program.files, wanted });
  } catch (error) {
    if (!(error instanceof TagsealError)) throw error;
    if (wanted !== undefined && wanted !== "")
      return [problem("engine", error.message, error.hint ?? `unset ${engineVariable}`)];
    return [ok("engine", "no container engine found; verify, sign, push --from and pull --to need none")];
  }
  const version = await engineVersion(engine.path, io.env);
  const major = version?.major ?? Number.NaN;
  return [...judgePath(engine, version?.text, major, io), ...judgePlugin(engine, major, io)];
}

function judgePath(engine: EngineExecutable, version: string | undefined, major: number, io: Io): Finding[] {
  const home = io.env["HOME"];
  const name = `${engine.kind} ${version ?? "of unknown version"} (${shellPath(engine.path, home)})`;
  const [first] = candidates(engine.kind, { env: io.env, self: io.program.files });
  if (first?.isTagseal === true) {
    return [
      ok("path", `"${engine.kind}" is Tagseal (${shellPath(first.path, home)})`),
      ok("engine", `the engine is ${name}`),
      ok("compose", composeCovered(engine.kind)),
      ...judgeStandaloneCompose(io),
    ];
  }
  const [late] = engine.kind === "docker" ? shimsInPath(io) : [];
  if (late !== undefined) {
    const directory = shellPath(dirname(late), home);
    const fix =
      ciSystemHere(io.env) === undefined
        ? `export PATH=${directory}:$PATH`
        : lastingHere(io.env).addPath(directory.replace(/^~/u, "$HOME"));
    return [
      problem("path", `the shim ${shellPath(late, home)} comes after the real docker in PATH`, fix),
      ignoredBy(name, engine, major, io),
    ];
  }
  return [ignoredBy(name, engine, major, io)];
}

/** podman's compose is another program, behind podman's socket. */
function composeCovered(kind: EngineExecutable["kind"]): string {
  return kind === "docker"
    ? "docker compose build, create, pull, run and up are checked; other commands that could let unchecked images in are refused"
    : "commands that could let unchecked images in, such as podman compose up, are refused";
}

/** These call the engine directly, so Tagseal cannot stand in front of them. */
function judgeStandaloneCompose(io: Io): Finding[] {
  return ["docker-compose", "podman-compose"].flatMap((name) => {
    const [first] = candidates(name, { env: io.env, self: io.program.files });
    if (first === undefined || first.isTagseal) return [];
    const message = `${name} (${shellPath(first.path, io.env["HOME"])}) fetches, builds and starts images past content trust`;
    return [warning("compose", message, `alias ${name}='${name.replace("-", " ")}'`)];
  });
}

/** Without Tagseal in front, everything depends on what the engine does by itself. */
function ignoredBy(name: string, { kind }: EngineExecutable, major: number, { env }: Io): Finding {
  if (kind !== "docker")
    return problem("engine", `${name} ignores DOCKER_CONTENT_TRUST`, `alias ${kind}='tagseal --engine ${kind}'`);
  const fix = installShim(lastingHere(env));
  if (major >= trustlessMajor) return problem("engine", `${name} ignores DOCKER_CONTENT_TRUST`, fix);
  if (Number.isNaN(major)) return warning("engine", `cannot tell whether ${name} heeds DOCKER_CONTENT_TRUST`, fix);
  return warning(
    "engine",
    `${name} heeds DOCKER_CONTENT_TRUST, but not in builds with BuildKit, nor in docker compose, nor after an update to 29`,
    fix,
  );
}

function judgePlugin({ kind }: EngineExecutable, major: number, io: Io): Finding[] {
  if (kind !== "docker") return [];
  const home = io.env["HOME"];
  const own = pluginPath(io);
  const occupant = occupantOf(own, io);
  if (occupant.kind === "ours" && !existsSync(occupant.target)) {
    const message = `${shellPath(own, home)} leads to ${occupant.target}, which is gone`;
    return [problem("plugin", message, "tagseal install")];
  }
  if (occupant.kind === "ours" && major < trustlessMajor) {
    const message = `docker ${major} has "docker trust" itself and calls the plugin invalid`;
    return [warning("plugin", message, "tagseal install, which removes it; again after an update to docker 29")];
  }
  if (occupant.kind === "ours") return [ok("plugin", '"docker trust" is Tagseal\'s plugin')];
  if (occupant.kind === "foreign") {
    return [
      warning(
        "plugin",
        `"docker trust" is another plugin: ${shellPath(own, home)}`,
        `mv ${shellPath(own, home)} ${shellPath(own, home)}.old && tagseal install`,
      ),
    ];
  }
  const other = pluginDirectories
    .map((directory) => join(directory, "docker-trust"))
    .find((path) => occupantOf(path, io).kind !== "nothing");
  if (other !== undefined) return [warning("plugin", `"docker trust" is another plugin: ${other}`, "tagseal install")];
  if (major >= trustlessMajor)
    return [warning("plugin", `docker ${major} has no "docker trust", and there is no plugin`, "tagseal install")];
  return [];
}
