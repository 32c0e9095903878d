/** The engine's own help on its flags, for the help of docker-shaped commands. It asks the real engine: "docker" in PATH may be Tagseal. */
import { engineEnvironment } from "../../engine/engine-environment.ts";
import { engineHelp } from "../../engine/engine-help.ts";
import { engineVariable, findEngine } from "../../engine/executable.ts";
import { hasCode } from "../../errors.ts";
import { engineInConfiguration } from "./engine-configuration.ts";
import type { Io } from "../io.ts";

/**
 * The flags of a command as the real engine lists them, under a heading that names the engine.
 *
 * @param command `build`
 * @returns empty when no engine is installed, or it lists none
 */
export async function engineFlags(command: string, io: Io): Promise<string> {
  try {
    const wanted = io.env[engineVariable] ?? (await engineInConfiguration(io));
    const { path } = findEngine({ env: io.env, self: io.program.files, wanted });
    const text = await engineHelp(path, [command], engineEnvironment(io.env));
    const [flags] = /^(?:Options|Flags):\n[\s\S]*/mu.exec(text) ?? [];
    return flags === undefined ? "" : `\nFlags of ${path} ${command}\n\n${flags.trimEnd()}\n`;
  } catch (error) {
    if (hasCode(error, "ENGINE_NOT_FOUND", "USAGE", "FILE_UNREADABLE")) return "";
    throw error;
  }
}
