/**
 * Whether content trust is on, by docker's rules: off by default; the variable turns it on for a shell, the flag decides for one
 * command and wins.
 */
import type { Environment } from "../environment/environment.ts";
import { parseBoolean } from "./command-line/boolean.ts";

/** The variable that turns content trust on. */
export const trustVariable = "DOCKER_CONTENT_TRUST";

/**
 * Decides whether a docker-shaped command runs under content trust.
 *
 * @param flag value of `--disable-content-trust`, undefined when it was not given
 * @returns true also for a variable that is not a boolean (`banana`): when in doubt, trust is on
 * @see Notary v1: docker CLI under content trust, switches
 */
export function isTrustOn(env: Environment, flag: boolean | undefined): boolean {
  if (flag !== undefined) return !flag;
  const value = env[trustVariable];
  if (value === undefined || value === "") return false;
  return parseBoolean(value) !== false;
}
