import { helperEnvironment } from "../registry/credential-helper.ts";
import { type Env, trustVariable } from "./trust-switch.ts";

/**
 * The environment of every engine process. Content trust is off there, because what it is given has been resolved already, and a docker that
 * knows trust would resolve it a second time, perhaps to something else; passphrases are left out, because nobody there has any business
 * with them (I6).
 */
export function childEnvironment(env: Env): Record<string, string> {
  return { ...helperEnvironment(env), [trustVariable]: "0" };
}
