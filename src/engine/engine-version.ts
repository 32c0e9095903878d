/** The version of an engine, as its command reports it. */
import { execFile } from "node:child_process";
import { engineEnvironment } from "./engine-environment.ts";
import type { Environment } from "../environment/environment.ts";

/** The first docker that ignores `DOCKER_CONTENT_TRUST` and has no `docker trust`. */
export const trustlessMajor = 29;

const timeoutMs = 10_000;

/** A version such as `28.2.2`. */
export interface EngineVersion {
  readonly text: string;
  readonly major: number;
}

/** Asks a command for its version. It contacts no daemon. @returns undefined when it reports none */
export async function engineVersion(path: string, env: Environment): Promise<EngineVersion | undefined> {
  const { promise, resolve } = Promise.withResolvers<string>();
  const options = { env: engineEnvironment(env), timeout: timeoutMs };
  execFile(path, ["--version"], options, (_error, stdout) => resolve(stdout));
  const [, text, major] = /version v?((\d+)(?:\.\d+)*[\w.+~-]*)/u.exec(await promise) ?? [];
  return text === undefined ? undefined : { text, major: Number(major) };
}
