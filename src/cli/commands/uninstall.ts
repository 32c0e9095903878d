import { defineCommand } from "../command.ts";
import { pluginPath, removeLink, shimPath, shimsInPath } from "../installation.ts";

/** `tagseal uninstall`: removes the links that `tagseal install` created. */
export const command = defineCommand(
  {
    path: "uninstall",
    usage: "[OPTIONS]",
    summary: "Remove the docker shim and plugin",
    description: [
      "Removes the docker-trust plugin and every link called docker in PATH that points to Tagseal. Keys, trust data and all other files stay.",
    ],
    options: {
      shim: {
        kind: "text",
        value: "dir",
        complete: "directory",
        help: "Also remove the link from this directory, which need not be in PATH",
      },
    },
    args: { min: 0, max: 0 },
    examples: [{ text: "restore docker to what it was", line: "tagseal uninstall" }],
    environment: [
      ["DOCKER_CONFIG", "docker's configuration directory; the plugin is in its cli-plugins/ (default ~/.docker)"],
    ],
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
