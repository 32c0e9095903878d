import { childEnvironment } from "../environment/child-environment.ts";
import type { Environment } from "../environment/environment.ts";
import { trustVariable } from "./trust-switch.ts";

/**
 * The environment of every engine process whose work was decided here. Content trust is off there, because what it is given has been resolved
 * already, and a docker that knows trust would resolve it a second time, perhaps to something else.
 *
 * @param args the engine's arguments
 */
export function engineEnvironment(env: Environment, args: readonly string[] = []): Record<string, string> {
  return { ...childEnvironment(env, "engine", { args }), [trustVariable]: "0" };
}
