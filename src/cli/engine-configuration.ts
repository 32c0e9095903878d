/** The engine chosen in docker's configuration file: `"plugins": {"tagseal": {"engine": "podman"}}`, where docker keeps settings of plugins. */
import { dockerSetting } from "../docker-config/configuration-file.ts";
import { hasCode } from "../errors.ts";
import type { Io } from "./io.ts";
import { dockerConfigDir } from "./options/docker-config.ts";

/**
 * What the file says, undefined when it says nothing. A file that cannot be read says nothing here: the engine that runs tells of it in its own
 * words and goes on, and whatever a login or a context depends on it for ends with the reason.
 */
export async function engineInConfiguration(io: Io): Promise<string | undefined> {
  try {
    return await dockerSetting(dockerConfigDir(io), ["plugins", "tagseal", "engine"]);
  } catch (error) {
    if (hasCode(error, "FILE_UNREADABLE")) return undefined;
    throw error;
  }
}
