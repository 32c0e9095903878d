import { UsageError } from "../../../errors.ts";
import { configurableEngines, type EngineSettings } from "../../../gateway/engine-settings/engine-settings.ts";
import { defineCommand } from "../../command.ts";
import type { Io } from "../../io.ts";
import type { Options } from "../../options/option.ts";

const options = {
  gateway: { kind: "text", value: "url", help: "Address of the gateway: https://HOST or https://HOST:PORT" },
  registry: {
    kind: "list",
    value: "registry",
    help: "Registry that is asked through the gateway; may be repeated (default: all, where the engine has a setting for that)",
  },
  ca: {
    kind: "text",
    value: "file",
    complete: "file",
    help: "PEM file with the authority of the gateway's certificate, where this machine does not know it",
  },
  write: { kind: "switch", help: "Write the files, and keep copies of what they replace" },
  root: {
    kind: "text",
    value: "dir",
    complete: "directory",
    help: 'Directory that stands for /, such as a mounted image (default "/")',
  },
} as const satisfies Options;

/** `tagseal gateway configure ENGINE`: settings with which an engine asks the gateway only. */
export const command = defineCommand(
  {
    path: "gateway configure",
    usage: `[OPTIONS] --gateway URL ${configurableEngines.join("|")}`,
    summary: "Configure an engine to pull through a gateway only",
    description: [
      "Prints the files with which an engine asks the gateway and never the registry itself: it fails when the gateway refuses an image or does not answer. What engines call a mirror has the registry behind it, so no mirror is ever configured. What must also hold is printed to standard error.",
      "With --write, the files are written, each at once. A file that is replaced is kept beside it, with .bak at its end. Nothing is written when a file has settings that would be lost, or when another file of the engine makes it go past the gateway.",
      "'tagseal doctor --gateway URL' proves the result with the engine itself.",
    ],
    options,
    args: { min: 1, max: 1 },
    complete: configurableEngines,
    examples: [
      {
        text: "let podman pull from two registries through the gateway",
        line: "tagseal gateway configure podman --gateway https://gateway.example.com --registry docker.io --registry registry.example.com --write",
      },
      {
        text: "print the settings of containerd for all registries",
        line: "tagseal gateway configure containerd --gateway https://gateway.example.com --ca gateway-ca.pem",
      },
    ],
  },
  async ({ args, options: given }, io) => {
    const { parseConfigurableEngine, parseGatewayUrl, settingsForEngine } =
      await import("../../../gateway/engine-settings/settings-for-engine.ts");
    const engine = parseConfigurableEngine(args[0] ?? "");
    if (given.gateway === undefined)
      throw new UsageError("USAGE", "--gateway is required", {
        hint: `Start it with: tagseal gateway configure ${engine} --gateway URL`,
      });
    const ca = given.ca === undefined ? undefined : await authorityIn(given.ca);
    const gateway = parseGatewayUrl(given.gateway);
    const settings = settingsForEngine(engine, { gateway, registries: [...new Set(given.registry)], ca });
    if (given.write) await write(settings, given.root ?? "/", io);
    else print(settings, io);
    for (const note of settings.notes) io.stderr.write(`note: ${note}\n`);
    io.stderr.write(`Prove it with: tagseal doctor --gateway ${gateway.origin}\n`);
    return 0;
  },
);

/** The certificates of a file, and nothing else of it: it is copied to where everybody can read it. */
async function authorityIn(path: string): Promise<string> {
  const { readCertificates } = await import("../../gateway/gateway-authority.ts");
  return readCertificates(path);
}

function print({ files }: EngineSettings, io: Io): void {
  io.stdout.write(files.map(({ path, content }) => `# ---- ${path}\n${content}`).join("\n"));
}

async function write(settings: EngineSettings, root: string, io: Io): Promise<void> {
  const { writeEngineSettings } = await import("../../gateway/write-engine-settings.ts");
  for (const { path, isChanged, backup } of await writeEngineSettings(settings, root, io.now())) {
    io.stdout.write(isChanged ? `Wrote ${path}\n` : `Unchanged: ${path}\n`);
    if (backup !== undefined) io.stdout.write(`Kept what was there as ${backup}\n`);
  }
}
