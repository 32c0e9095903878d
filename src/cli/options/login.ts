/** Who a command is to registries and trust servers: the logins of docker on this machine. */
import type { CredentialSource } from "../../registry/credentials.ts";
import type { Io, Output } from "../io.ts";
import { printable } from "../output/printable.ts";
import { dockerConfigDir } from "./docker-config.ts";

/** What was told already, by where it was told: a command asks registry and trust server, and one warning serves. */
const told = new WeakMap<Output, Set<string>>();

/** Tells a warning about the machine's settings on standard error, once. */
export function warnOnce({ stderr }: Io, message: string): void {
  const before = told.get(stderr) ?? new Set();
  told.set(stderr, before);
  if (before.has(message)) return;
  before.add(message);
  stderr.write(`${printable(`warning: ${message}`)}\n`);
}

/** The logins a command has. Nothing is read before a server asks for one. */
export function loginsOf(io: Io): CredentialSource {
  return async (target, signal) => {
    const { loadDockerConfig } = await import("../../registry/credentials.ts");
    const config = await loadDockerConfig(dockerConfigDir(io), io.env, (message) => warnOnce(io, message));
    return await config.credentialsFor(target, signal);
  };
}
