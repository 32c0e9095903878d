import { childEnvironment } from "../environment/child-environment.ts";
import type { Environment } from "../environment/environment.ts";
import { trustVariable } from "./trust-switch.ts";

/**
 * The environment of every engine process that Tagseal starts under content trust. Content trust is off in it, because the images are resolved
 * already, and a docker that supports trust would resolve them a second time, perhaps to something else.
 *
 * @param args the engine's arguments
 */
export function engineEnvironment(env: Environment, args: readonly string[] = []): Record<string, string> {
  return { ...childEnvironment(env, "engine", { args }), [trustVariable]: "0" };
}
