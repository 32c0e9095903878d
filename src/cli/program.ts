/** The name this program was started by: its own, docker's (a shim earlier in PATH), or that of docker's plugin. */

/** The names Tagseal answers to. */
export type ProgramName = "tagseal" | "docker" | "podman" | "docker-trust";

/** How the program was started. */
export interface Program {
  readonly name: ProgramName;
  /** what usage lines call it */
  readonly shownAs: string;
  /** files of this program: those a search for the real engine must pass over. The first is what a link to it should point to */
  readonly files: readonly string[];
}

const names: readonly ProgramName[] = ["tagseal", "docker", "podman", "docker-trust"];

/** The program behind the name it was called by; anything unknown is `tagseal`. `.exe`, `.js` and directories do not matter. */
export function programNamed(calledAs: string, files: readonly string[]): Program {
  const base = calledAs.replace(/^.*[/\\]/u, "").replace(/\.(?:exe|js|ts)$/u, "");
  const name = names.find((known) => known === base) ?? "tagseal";
  return { name, shownAs: name === "docker-trust" ? "docker" : name, files };
}
