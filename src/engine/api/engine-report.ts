/** What docker's engine reports about itself, and whether it refuses an image. */
import { objectIn, requireSuccess, textMember } from "./engine-answer.ts";
import type { EngineConnection, EngineRequest } from "./engine-connection.ts";

/** An engine's version, and what decides about its requests. */
export interface EngineReport {
  readonly version: string;
  readonly apiVersion: string;
  /** authorization plugins, in their order */
  readonly plugins: readonly string[];
}

/**
 * Asks an engine about itself.
 *
 * @throws NetworkError `ENGINE_UNREACHABLE`, `ENGINE_RESPONSE_MALFORMED`; `ENGINE_ERROR`, also when a plugin does not answer
 */
export async function engineReport(connection: EngineConnection): Promise<EngineReport> {
  const [version, info] = [await answer(connection, "/version"), await answer(connection, "/info")];
  const { Plugins: plugins } = info;
  const named: unknown =
    typeof plugins === "object" && plugins !== null && "Authorization" in plugins ? plugins.Authorization : [];
  return {
    version: textMember(version, "Version") ?? "",
    apiVersion: textMember(version, "ApiVersion") ?? "",
    plugins: Array.isArray(named) ? named.filter((name): name is string => typeof name === "string") : [],
  };
}

/**
 * Asks an engine for an image that cannot exist.
 *
 * @returns true when it was refused before the registry was asked
 * @throws NetworkError `ENGINE_UNREACHABLE`
 */
export async function refusesPull(connection: EngineConnection, repository: string, tag: string): Promise<boolean> {
  const query = new URLSearchParams({ fromImage: repository, tag });
  const response = await connection.request({ method: "POST", path: `/images/create?${query.toString()}` });
  response.discard();
  return response.status === 403;
}

async function answer(
  connection: EngineConnection,
  path: EngineRequest["path"],
): Promise<Readonly<Record<string, unknown>>> {
  const response = await connection.request({ method: "GET", path });
  await requireSuccess(response);
  return await objectIn(response);
}
