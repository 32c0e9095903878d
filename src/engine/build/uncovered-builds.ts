/** Commands that build from files which are not read here: with trust on they are refused, because they would build from anything. */
import { DockerfileRefused } from "./refused.ts";

const groups: ReadonlySet<string> = new Set(["buildx", "builder", "compose"]);

/** Flags before compose's own command that take a value. */
const composeValues: ReadonlySet<string> = new Set(
  "--ansi --env-file -f --file --parallel --profile --progress --project-directory -p --project-name --workdir".split(
    " ",
  ),
);
const buildxValues: ReadonlySet<string> = new Set(["--builder"]);

/**
 * Refuses `buildx bake`, `compose build` and compose's commands that build on the way.
 *
 * @param words the command line from its first word on, global flags taken off
 * @throws UsageError `DOCKERFILE_REFUSED`
 */
export function refuseUncoveredBuild(words: readonly string[]): void {
  const [group = "", ...rest] = words;
  if (!groups.has(group)) return;
  const at = commandAt(rest, group === "compose" ? composeValues : buildxValues);
  const [command = "", ...args] = rest.slice(at);
  if (!builds(group, command, args)) return;
  throw new DockerfileRefused(
    `content trust does not cover "${group} ${command}": it builds from files that are not checked`,
    [
      "build each image with the build command,",
      "or switch content trust off for this one: DOCKER_CONTENT_TRUST=0",
    ].join(" "),
  );
}

function commandAt(words: readonly string[], takesValue: ReadonlySet<string>): number {
  let at = 0;
  for (let word = words[at]; word?.startsWith("-") === true; word = words[at]) at += takesValue.has(word) ? 2 : 1;
  return at;
}

function builds(group: string, command: string, args: readonly string[]): boolean {
  if (group !== "compose") return command === "bake" || (group === "buildx" && command === "f");
  if (command === "build" || command === "watch") return true;
  const asksToBuild = args.some(
    (word) => /^(?:--build|--watch)(?:=|$)/.test(word) && !/=(?:0|f|F|[Ff]alse|FALSE)$/.test(word),
  );
  return ["up", "run", "create"].includes(command) && asksToBuild;
}
