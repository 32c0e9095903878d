/** The logins of docker and podman on this machine, with which commands log in to registries and trust servers. */
import type { CredentialSource } from "../../docker-config/credentials.ts";
import type { KeptLogin } from "../../docker-config/login-entries.ts";
import { dockerLogins } from "../../docker-config/docker-login-source.ts";
import { hasCode } from "../../errors.ts";
import type { Io, Output } from "../io.ts";
import { printable } from "../output/printable.ts";
import { dockerConfigDir, homeOf } from "./directories.ts";

/** Warnings already shown, by stream: a command asks registry and trust server, and one warning is enough. */
const told = new WeakMap<Output, Set<string>>();

/** Writes a warning about the machine's settings to standard error, once. */
function warnOnce({ stderr }: Io, message: string): void {
  const before = told.get(stderr) ?? new Set();
  told.set(stderr, before);
  if (before.has(message)) return;
  before.add(message);
  stderr.write(`${printable(`warning: ${message}`)}\n`);
}

/**
 * The logins of a command: docker's for docker; podman's, then docker's, for podman; docker's, then podman's, for commands that need no
 * engine. Nothing is read before a server asks for a login.
 */
export function loginsOf(io: Io): CredentialSource {
  if (io.engine?.kind === "docker") return dockerLoginsOf(io);
  if (io.engine?.kind === "podman") return podmanLoginsOf(io, dockerLoginsOf(io));
  const podman = podmanLoginsOf(io, async () => undefined);
  return async (target, signal) => {
    const found = await dockerLoginsOf(io)(target, signal);
    if (found !== undefined) return found;
    try {
      return await podman(target, signal);
    } catch (error) {
      if (!hasCode(error, "FILE_UNREADABLE")) throw error;
      // a broken file of podman's must not stop users who may never have used podman
      warnOnce(io, `podman's login is not used: ${error.message}`);
      return undefined;
    }
  };
}

/** The command that logs in, for hints. */
export function loginCommand({ engine, program }: Io): string {
  if (engine !== undefined) return `${engine.kind} login`;
  return program.name === "tagseal" ? "tagseal login" : "docker login";
}

function dockerLoginsOf(io: Io): CredentialSource {
  return dockerLogins({ directory: dockerConfigDir(io), env: io.env, warn: (message) => warnOnce(io, message) });
}

function podmanLoginsOf(io: Io, docker: CredentialSource): CredentialSource {
  return async (target, signal) => {
    const { podmanLogins } = await import("../../docker-config/podman-login.ts");
    const { authFile, creds } = io.engine?.kind === "podman" ? io.engine : {};
    const warn = (message: string): void => warnOnce(io, message);
    const options = { env: io.env, home: homeOf(io), uid: io.uid, authFile, creds, docker, warn };
    return await podmanLogins(options)(target, signal);
  };
}

/** The login that docker's file or helper holds for a registry, if it can be kept again. */
export async function keptLogin(io: Io, registry: string): Promise<KeptLogin | undefined> {
  const env = { ...io.env, DOCKER_AUTH_CONFIG: undefined };
  const source = dockerLogins({ directory: dockerConfigDir(io), env, warn: (message) => warnOnce(io, message) });
  const login = await source({ registry }, io.signal);
  if (login?.kind === "basic") return login.password === "" ? undefined : login;
  return login?.kind === "identity-token" ? login : undefined;
}

/** Whether docker's variable holds a login for a registry, so that no stored one counts. */
export async function shadowingLogin({ env }: Io, registry: string): Promise<boolean> {
  const { loginsInVariable } = await import("../../docker-config/auth-variable.ts");
  try {
    return loginsInVariable(env)?.find({ registry }).credentials !== undefined;
  } catch (error) {
    // a variable that is ignored hides nothing
    if (hasCode(error, "FILE_UNREADABLE")) return false;
    throw error;
  }
}
