import { loginAddress } from "../../docker-config/login-address.ts";
import { defineCommand } from "../command.ts";
import { dockerConfigDir } from "../open/directories.ts";
import { jsonOption } from "../options/output-flags.ts";
import { printable } from "../output/printable.ts";
import { writeJson } from "../output/write-json.ts";

/** `tagseal logout`: docker's `logout` for machines without an engine, out of docker's own files. */
export const command = defineCommand(
  {
    path: "logout",
    usage: "[OPTIONS] [SERVER]",
    summary: "Log out from a registry",
    description: [
      "Removes the login for a registry from docker's config.json and from the credential helpers that it names, under every spelling of the registry's name. Without SERVER it is for Docker Hub. If there is no login, nothing happens.",
      "If the helper fails, the login is removed from the file, and the command ends with an error.",
    ],
    options: { json: jsonOption },
    args: { min: 0, max: 1 },
    examples: [{ text: "log out from a registry", line: "tagseal logout registry.example.com" }],
    environment: [["DOCKER_CONFIG", "docker's configuration directory, with config.json (default ~/.docker)"]],
    dockerExitCodes: true,
  },
  async ({ options, args: [server = ""] }, io) => {
    const address = loginAddress(server);
    if (!options.json) io.stdout.write(`Removing login credentials for ${printable(address.key)}\n`);
    const { LoginStore } = await import("../../docker-config/login-store.ts");
    const store = new LoginStore({ directory: dockerConfigDir(io), env: io.env, signal: io.signal });
    const removed = await store.erase(address, server);
    if (options.json) writeJson(io, { registry: address.registry, key: address.key, removed });
    return 0;
  },
);
