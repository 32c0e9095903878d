/** The engine chosen in docker's configuration file: `"plugins": {"tagseal": {"engine": "podman"}}`, where docker keeps settings of plugins. */
import { dockerSetting } from "../../docker-config/configuration-file.ts";
import { hasCode } from "../../errors.ts";
import type { Io } from "../io.ts";
import { dockerConfigDir } from "../open/directories.ts";

/**
 * The engine that the file names, or undefined. An unreadable file names none: the engine reports it in its own words and continues, and a
 * login or a context that needs the file fails with the reason.
 */
export async function engineInConfiguration(io: Io): Promise<string | undefined> {
  try {
    return await dockerSetting(dockerConfigDir(io), ["plugins", "tagseal", "engine"]);
  } catch (error) {
    if (hasCode(error, "FILE_UNREADABLE")) return undefined;
    throw error;
  }
}
