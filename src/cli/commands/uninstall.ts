import { defineCommand } from "../command.ts";
import { pluginPath, removeLink, shimPath, shimsInPath } from "../installation.ts";

/** `tagseal uninstall`: takes back what `tagseal install` put somewhere. */
export const command = defineCommand(
  {
    path: "uninstall",
    usage: "[OPTIONS]",
    summary: "Take Tagseal away from in front of docker",
    description: [
      "Removes the docker-trust plugin and every link called docker in PATH that leads to Tagseal. Keys, trust data, and files that are not Tagseal's links stay.",
    ],
    options: {
      shim: {
        kind: "text",
        value: "dir",
        complete: "directory",
        help: "Also look for the link in this directory, which is not in PATH",
      },
    },
    args: { min: 0, max: 0 },
    examples: [{ text: "docker as it was", line: "tagseal uninstall" }],
    environment: [["DOCKER_CONFIG", "the plugin is in cli-plugins below it (default ~/.docker)"]],
  },
  async ({ options }, io) => {
    const named = options.shim === undefined ? [] : [shimPath(options.shim)];
    const paths = [...new Set([pluginPath(io), ...shimsInPath(io), ...named])];
    const removed = paths.filter((path) => removeLink(path, io));
    for (const path of removed) io.stdout.write(`Removed ${path}\n`);
    if (removed.length === 0) io.stdout.write("Nothing of Tagseal's is installed\n");
    return 0;
  },
);
