/** The container engine of this machine, for Tagseal's own commands that also work without one. */
import type { Engine } from "../../engine/engine.ts";
import { engineVariable, findEngine } from "../../engine/executable.ts";
import { hasCode } from "../../errors.ts";
import { engineInConfiguration } from "../front-end/engine-configuration.ts";
import type { Io } from "../io.ts";
import { dockerConfigDir } from "./directories.ts";
import { loginsOf } from "./logins.ts";

/**
 * Opens the engine that docker-shaped commands would use. The caller closes it.
 *
 * @returns undefined when there is none in PATH; whether it can be reached shows at the first call
 * @throws UsageError `USAGE` for a configured engine that is neither docker nor podman
 */
export async function openLocalEngine(io: Io): Promise<Engine | undefined> {
  const wanted = io.env[engineVariable] ?? (await engineInConfiguration(io));
  try {
    const { kind, path } = findEngine({ env: io.env, self: io.program.files, wanted });
    if (kind === "buildah") return undefined; // it has no interface for programs
    const { openEngine } = await import("../../engine/open-engine.ts");
    const { env, signal } = io;
    // flags before the command that locate the engine are variables by now
    return await openEngine({
      kind,
      executable: path,
      globalArgs: [],
      env,
      dockerConfigDir: dockerConfigDir(io),
      credentials: loginsOf(io),
      signal,
    });
  } catch (error) {
    if (hasCode(error, "ENGINE_NOT_FOUND")) return undefined;
    throw error;
  }
}
