/** Dockerfiles as people write them, for tests that none is refused. @see test/vectors/dockerfiles/README.md */
import { readFileSync } from "node:fs";

/** A Dockerfile, and what a build of it needs besides. */
export interface RealisticDockerfile {
  readonly name: string;
  readonly text: string;
  /** `--build-arg`, by name */
  readonly arguments: Readonly<Record<string, string>>;
  /** `--build-context`, by name */
  readonly contexts: Readonly<Record<string, string>>;
  readonly platforms: readonly string[];
  /** whether docker's classic builder builds it as well */
  readonly classic: boolean;
  /** every image it names, as today's BuildKit reads it: familiar names with tag or digest, sorted */
  readonly images: readonly string[];
}

type Entry = Pick<RealisticDockerfile, "name" | "images"> & Partial<RealisticDockerfile>;

const folder = new URL("../vectors/dockerfiles/", import.meta.url);

/** All of them, in the order of the index. */
export function realisticDockerfiles(): readonly RealisticDockerfile[] {
  const index = JSON.parse(readFileSync(new URL("index.json", folder), "utf8")) as readonly Entry[];
  return index.map((entry) => ({
    arguments: {},
    contexts: {},
    platforms: ["linux/amd64"],
    classic: false,
    ...entry,
    text: readFileSync(new URL(`${entry.name}.Dockerfile`, folder), "utf8"),
  }));
}
