/** The name by which this program was started: its own, docker's (a shim earlier in PATH), or that of docker's plugin. */

/** The names by which Tagseal can be started. */
export type ProgramName = "tagseal" | "docker" | "podman" | "docker-trust";

/** How the program was started. */
export interface Program {
  readonly name: ProgramName;
  /** its name in usage lines */
  readonly shownAs: string;
  /** files of this program, which a search for the real engine must skip. Links to it should point to the first */
  readonly files: readonly string[];
}

const names: readonly ProgramName[] = ["tagseal", "docker", "podman", "docker-trust"];

/** The program of a name it was started by; anything unknown is `tagseal`. `.exe`, `.js` and directories are ignored. */
export function programNamed(calledAs: string, files: readonly string[]): Program {
  const base = calledAs.replace(/^.*[/\\]/u, "").replace(/\.(?:exe|js|ts)$/u, "");
  const name = names.find((known) => known === base) ?? "tagseal";
  return { name, shownAs: name === "docker-trust" ? "docker" : name, files };
}
