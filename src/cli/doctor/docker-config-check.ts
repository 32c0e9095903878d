/** Whether docker's `config.json` can be read: if not, commands under trust fail, while docker itself continues without its settings. */
import { dockerConfigPath, dockerSetting } from "../../docker-config/configuration-file.ts";
import { loadDockerConfig } from "../../docker-config/docker-login.ts";
import { hasCode } from "../../errors.ts";
import { engineInConfiguration } from "../front-end/engine-configuration.ts";
import type { Io } from "../io.ts";
import { dockerConfigDir } from "../open/directories.ts";
import { type Finding, problem } from "./finding.ts";

/** The engine that the file names, and the problems of the file. */
export async function checkConfiguration(
  io: Io,
): Promise<{ readonly engine: string | undefined; readonly findings: readonly Finding[] }> {
  const directory = dockerConfigDir(io);
  try {
    await loadDockerConfig(directory, {});
    await dockerSetting(directory, ["currentContext"]);
    return { engine: await engineInConfiguration(io), findings: [] };
  } catch (error) {
    if (!hasCode(error, "FILE_UNREADABLE")) throw error;
    const fix = error.hint ?? `Correct ${dockerConfigPath(directory)}.`;
    return { engine: undefined, findings: [problem("configuration", error.message, fix)] };
  }
}
