/** The engine chosen in docker's configuration file: `"plugins": {"tagseal": {"engine": "podman"}}`, where docker keeps settings of plugins. */
import { dockerSetting } from "../../docker-config/configuration-file.ts";
import { hasCode } from "../../errors.ts";
import type { Io } from "../io.ts";
import { dockerConfigDir } from "../open/directories.ts";

/**
 * The engine that the file names, or undefined.
 *
 * @throws UsageError `FILE_UNREADABLE`: the choice in a file that cannot be read is not guessed
 */
export async function engineInConfiguration(io: Io): Promise<string | undefined> {
  return await dockerSetting(dockerConfigDir(io), ["plugins", "tagseal", "engine"]);
}

/**
 * {@link engineInConfiguration} for a command that goes to the engine as it is. There an unreadable file names none: docker reports it in its own
 * words and continues.
 */
export async function engineToHandOverTo(io: Io): Promise<string | undefined> {
  try {
    return await engineInConfiguration(io);
  } catch (error) {
    if (hasCode(error, "FILE_UNREADABLE")) return undefined;
    throw error;
  }
}
