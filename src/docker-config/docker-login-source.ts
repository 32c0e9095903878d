import type { Environment } from "../environment/environment.ts";
import type { CredentialSource } from "./credentials.ts";
import type { TellWarning } from "./docker-login.ts";

/** Where docker's logins are. */
export interface DockerLoginOptions {
  /** `$DOCKER_CONFIG`, usually `~/.docker` */
  readonly directory: string;
  /** docker's variable, and the environment of credential helpers (without the passphrases) */
  readonly env: Environment;
  /** called for each login that cannot be used */
  readonly warn?: TellWarning | undefined;
}

/**
 * Docker's logins as a source. Nothing is read, and no code for it loaded, before the first question: most commands need no login.
 *
 * The source throws UsageError `FILE_UNREADABLE` for a `config.json` that cannot be read; TagsealError `CANCELLED`.
 */
export function dockerLogins({ directory, env, warn }: DockerLoginOptions): CredentialSource {
  return async (target, signal) => {
    const { loadDockerConfig } = await import("./docker-login.ts");
    return await (await loadDockerConfig(directory, env, warn)).credentialsFor(target, signal);
  };
}
