import { dirname, resolve } from "node:path";
import { candidates } from "../../engine/executable.ts";
import { engineVersion, trustlessMajor } from "../../engine/engine-version.ts";
import { defineCommand } from "../command.ts";
import { linkTarget, pluginPath, putLink, removeLink, shimPath } from "../installation.ts";
import type { Io } from "../io.ts";

/** `tagseal install`: puts Tagseal where docker, and people who type docker, find it. */
export const command = defineCommand(
  {
    path: "install",
    usage: "[OPTIONS]",
    summary: "Put Tagseal in front of docker",
    description: [
      "Links Tagseal into docker's plugin directory as docker-trust, so that 'docker trust' exists on docker 29 and later; earlier dockers have it themselves and get no plugin. With --shim it also puts a link called docker into a directory: where that directory stands before the real docker in PATH, every docker command goes through Tagseal, which hands on what content trust is not about.",
      "Nothing but links to Tagseal is made or replaced: a file of somebody else's is an error and stays. Installing twice changes nothing. 'tagseal uninstall' takes everything back.",
    ],
    options: {
      shim: {
        kind: "text",
        value: "dir",
        complete: "directory",
        help: "Also put a link called docker into this directory",
      },
    },
    args: { min: 0, max: 0 },
    examples: [
      { text: "docker trust on docker 29", line: "tagseal install" },
      { text: "docker itself under content trust", line: "tagseal install --shim ~/bin" },
    ],
    environment: [["DOCKER_CONFIG", "the plugin goes into cli-plugins below it (default ~/.docker)"]],
  },
  async ({ options }, io) => {
    const target = linkTarget(io);
    await installPlugin(target, io);
    const { shim } = options;
    if (shim === undefined) return 0;
    link(shimPath(shim), target, io);
    io.stderr.write(adviceAboutPath(resolve(shim), io));
    return 0;
  },
);

/** A docker that has the command itself would list a plugin of that name as invalid. */
async function installPlugin(target: string, io: Io): Promise<void> {
  const path = pluginPath(io);
  const docker = candidates("docker", { env: io.env, self: io.program.files }).find(({ isTagseal }) => !isTagseal);
  const version = docker === undefined ? undefined : await engineVersion(docker.path, io.env);
  if (version === undefined || version.major >= trustlessMajor) return link(path, target, io);
  const removed = removeLink(path, io) ? `Removed ${path}\n` : "";
  io.stdout.write(
    `${removed}docker ${version.text} has "docker trust" itself: no plugin is needed until you update to docker 29\n`,
  );
}

function link(path: string, target: string, io: Io): void {
  const isNew = putLink(path, target, io);
  io.stdout.write(isNew ? `Installed ${path} -> ${target}\n` : `Already installed: ${path}\n`);
}

/** A shim helps only where it is found before the real docker. */
function adviceAboutPath(directory: string, io: Io): string {
  const [first] = candidates("docker", { env: io.env, self: io.program.files });
  if (first !== undefined && dirname(first.path) === directory) return "";
  const found = first === undefined ? "docker is not in PATH" : `docker is still ${first.path}`;
  return `${found}\nhint: put the shim first, also in your shell's profile: export PATH=${directory}:$PATH\n`;
}
