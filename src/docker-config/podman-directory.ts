import { join } from "node:path";
import type { Environment } from "../environment/environment.ts";

/** podman's directory of a user's settings; undefined for an account without a home directory. */
export function podmanDirectory(env: Environment, home: string | undefined): string | undefined {
  const config = env["XDG_CONFIG_HOME"] || (home && join(home, ".config"));
  return config ? join(config, "containers") : undefined;
}
