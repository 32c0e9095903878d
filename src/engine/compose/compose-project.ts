/** The project of a compose line: compose itself finds, joins and resolves its files. */
import { dirname, resolve } from "node:path";
import { existsSync } from "node:fs";
import type { Environment } from "../../environment/environment.ts";
import { isJsonObject, type JsonObject, parseOrdinaryJsonOr } from "../../encoding/json.ts";
import type { Engine } from "../engine.ts";
import type { ComposeLine } from "./compose-line.ts";
import { ComposeRefused } from "./compose-refused.ts";

/** A project with all variables, files and profiles resolved. */
export interface ComposeProject {
  readonly name: string;
  /** the whole of it, as compose writes it for itself */
  readonly model: JsonObject;
  /** the services that the line chooses, with what they depend on */
  readonly services: ReadonlyMap<string, JsonObject>;
  /** the names of all others: other profiles', and those that the line does not name */
  readonly others: readonly string[];
  /** what compose had to say about the files */
  readonly warnings: string;
}

/** compose could not read the project: what it printed, and its exit status. */
export interface UnreadableProject {
  readonly exitCode: number;
  readonly stderr: string;
}

/** Asks compose for the project of a line. @returns its own answer when it cannot read the files */
export async function askProject(
  engine: Pick<Engine, "run">,
  line: ComposeLine,
  input: Uint8Array | undefined,
): Promise<ComposeProject | UnreadableProject> {
  const how = { stdin: input ?? "ignore", capture: true } as const;
  const chosen = ["config", "--format", "json", "--", ...line.services];
  const [answer, all] = await Promise.all([
    engine.run([...line.words, ...chosen], how),
    engine.run([...line.words, "--profile", "*", "config", "--services"], how),
  ]);
  if (answer.exitCode !== 0) return answer;
  if (all.exitCode !== 0) return all;
  const model = parsedModel(answer.stdout);
  const services = servicesOf(model);
  const names = all.stdout.split("\n").filter((name) => name !== "");
  return {
    name: projectName(model),
    model,
    services,
    others: names.filter((name) => !services.has(name)),
    warnings: answer.stderr,
  };
}

/** compose doubles every dollar sign in what it prints, so that it can read it again. */
function parsedModel(text: string): JsonObject {
  const plain = text.replaceAll("$$", "\u0000");
  if (plain.includes("$")) throw misunderstood();
  const model = parseOrdinaryJsonOr(
    () => misunderstood(),
    plain.replaceAll("\u0000", () => "$"),
  );
  if (!isJsonObject(model)) throw misunderstood();
  return model;
}

/** The project as a file for compose. */
export function writtenModel(model: JsonObject): Uint8Array {
  return Buffer.from(JSON.stringify(model).replaceAll("$", () => "$$"));
}

function servicesOf({ services }: JsonObject): ReadonlyMap<string, JsonObject> {
  if (services === null || services === undefined) return new Map();
  if (!isJsonObject(services)) throw misunderstood();
  return new Map(
    Object.entries(services).map(([name, service]) => {
      if (!isJsonObject(service)) throw misunderstood();
      return [name, service];
    }),
  );
}

function projectName({ name }: JsonObject): string {
  if (typeof name !== "string" || !/^[a-z0-9][a-z0-9_-]*$/u.test(name)) throw misunderstood();
  return name;
}

function misunderstood(): ComposeRefused {
  return new ComposeRefused(
    "what compose says about the project is not understood",
    "Content trust covers docker compose 2 and later; see: docker compose version",
  );
}

const defaultFiles: readonly string[] = ["compose.yaml", "compose.yml", "docker-compose.yml", "docker-compose.yaml"];

/**
 * The directory that compose takes for the project's. The files are resolved already: what is left of it is a label of the containers, and the
 * place of `.env`.
 */
export function projectDirectory({ files, projectDirectory: given }: ComposeLine, env: Environment): string {
  if (given !== undefined && given !== "") return resolve(given);
  const [first = ""] = files.length > 0 ? files : listedFiles(env);
  if (first === "-") return resolve(".");
  return first === "" ? nearestProject(resolve(".")) : dirname(resolve(first));
}

function nearestProject(start: string): string {
  for (let directory = start; ; directory = dirname(directory)) {
    if (defaultFiles.some((name) => existsSync(resolve(directory, name)))) return directory;
    if (dirname(directory) === directory) return start;
  }
}

/** Files that are named in the environment. compose takes an empty separator for none. */
function listedFiles(env: Environment): readonly string[] {
  return (env["COMPOSE_FILE"] ?? "").split(env["COMPOSE_PATH_SEPARATOR"] || ":");
}

/** What compose fetches: OCI artifacts, URLs, and git repositories as `git clone` names them or below `github.com/`. */
const remoteFile = /^oci:|:\/\/|^github\.com\/|^[^/]+@[^/]+:/iu;

/**
 * Refuses projects that compose would fetch. It asks before it uses such files, and would not ask about what is resolved already.
 *
 * @throws ComposeRefused `COMPOSE_REFUSED`
 */
export function refuseRemoteFiles({ files }: Pick<ComposeLine, "files">, env: Environment): void {
  const listed = env["COMPOSE_FILE"] ?? "";
  // the usual separator is in every URL, too
  const named = listed.includes("://") ? [...files, listed] : [...files, ...listedFiles(env)];
  const remote = named.find((file) => remoteFile.test(file));
  if (remote === undefined) return;
  throw new ComposeRefused(
    `${remote} is fetched from elsewhere and not checked`,
    "Fetch the files of the project, look at them, and name them with -f.",
  );
}
