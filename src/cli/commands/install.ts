import { dirname, resolve } from "node:path";
import { candidates } from "../../engine/executable.ts";
import { engineVersion, trustlessMajor } from "../../engine/engine-version.ts";
import { defineCommand } from "../command.ts";
import { linkTarget, pluginPath, putLink, removeLink, shimPath } from "../installation.ts";
import type { Io } from "../io.ts";

/** `tagseal install`: installs Tagseal as a docker plugin and, with `--shim`, in front of docker in PATH. */
export const command = defineCommand(
  {
    path: "install",
    usage: "[OPTIONS]",
    summary: "Put Tagseal in front of docker",
    description: [
      "Links Tagseal into docker's plugin directory as docker-trust, which brings 'docker trust' back to docker 29 and later. Earlier versions have the command themselves and get no plugin. With --shim, it also creates a link called docker in a directory. If that directory comes before the real docker in PATH, every docker command goes through Tagseal, which passes commands that have nothing to do with content trust to docker.",
      "It creates and replaces only links to Tagseal; any other file in that place is an error and stays. A second run changes nothing. 'tagseal uninstall' removes the links.",
    ],
    options: {
      shim: {
        kind: "text",
        value: "dir",
        complete: "directory",
        help: "Also create a link called docker in this directory",
      },
    },
    args: { min: 0, max: 0 },
    examples: [
      { text: "add docker trust to docker 29", line: "tagseal install" },
      { text: "put docker itself under content trust", line: "tagseal install --shim ~/bin" },
    ],
    environment: [
      ["DOCKER_CONFIG", "docker's configuration directory; the plugin goes into its cli-plugins/ (default ~/.docker)"],
    ],
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

/** A docker with its own trust command lists a plugin of that name as invalid. */
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

/** The shim works only when PATH finds it before the real docker. */
function adviceAboutPath(directory: string, io: Io): string {
  const [first] = candidates("docker", { env: io.env, self: io.program.files });
  if (first !== undefined && dirname(first.path) === directory) return "";
  const found = first === undefined ? "docker is not in PATH" : `docker is still ${first.path}`;
  return `${found}\nhint: Put the shim first, also in your shell's profile: export PATH=${directory}:$PATH\n`;
}
