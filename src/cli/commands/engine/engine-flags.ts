/** The engine's own words about its flags, for the help of docker-shaped commands: asking "docker" again would lead back here. */
import { engineEnvironment } from "../../../engine/engine-environment.ts";
import { engineHelp } from "../../../engine/engine-help.ts";
import { engineVariable, findEngine } from "../../../engine/executable.ts";
import { hasCode } from "../../../errors.ts";
import { engineInConfiguration } from "../../engine-configuration.ts";
import type { Io } from "../../io.ts";

/**
 * What the real engine lists as the flags of a command, under a heading that names the engine.
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
