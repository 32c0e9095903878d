/** docker compose 5 as a plugin of a user's docker, and projects for it. */
import { existsSync, mkdirSync, symlinkSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import type { Client } from "./clients.ts";
import { trustOn } from "./docker-words.ts";
import { findGoPeer } from "./go-peers.ts";
import type { Finished, RunOptions, Scope } from "./processes.ts";

/** Makes compose a plugin of the user's docker, and buildx, with which it builds, unless that is there. */
export function installCompose({ dockerConfig }: Client): void {
  const plugins = join(dockerConfig, "cli-plugins");
  mkdirSync(plugins, { recursive: true });
  symlinkSync(findGoPeer("docker-compose") ?? "docker-compose", join(plugins, "docker-compose"));
  const buildx = join(plugins, "docker-buildx");
  if (!existsSync(buildx)) symlinkSync(findGoPeer("buildx") ?? "docker-buildx", buildx);
}

/** A directory with the files of a project. */
export interface ComposeProject {
  readonly directory: string;
  /** Tagseal's `compose` in the directory, with trust on. */
  compose(args: readonly string[], options?: RunOptions): Promise<Finished>;
  /** The names of the images of the project's containers, by service. */
  images(): Promise<Readonly<Record<string, string>>>;
  /** Removes its containers with docker's own compose. */
  down(): Promise<void>;
}

/** Writes the files. The directory's name is the project's. */
export function composeProject(
  scope: Scope,
  user: Client,
  name: string,
  files: Readonly<Record<string, string>>,
): ComposeProject {
  const directory = join(scope.directory, name);
  for (const [file, text] of Object.entries(files)) {
    mkdirSync(dirname(join(directory, file)), { recursive: true });
    writeFileSync(join(directory, file), text);
  }
  const env = { ...trustOn, DOCKER_BUILDKIT: undefined, BUILDX_NO_DEFAULT_ATTESTATIONS: "1" };
  return {
    directory,
    compose: (args, options = {}) =>
      user.tagseal(["compose", ...args], { cwd: directory, ...options, env: { ...env, ...options.env } }),
    async images() {
      const label = "com.docker.compose";
      const format = `{{.Label "${label}.service"}}\t{{.Image}}`;
      const filter = `label=${label}.project=${name}`;
      const { stdout } = await user.dockerOk(["ps", "-a", "--no-trunc", "--filter", filter, "--format", format]);
      return Object.fromEntries(
        stdout
          .split("\n")
          .filter(Boolean)
          .map((row) => row.split("\t")),
      );
    },
    async down() {
      await user.dockerOk(["compose", "-p", name, "down", "--remove-orphans", "-t", "0"]);
    },
  };
}
