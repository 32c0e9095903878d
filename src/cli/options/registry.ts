/** Opening a repository of a registry for a command, with docker's credentials, certificates and insecure registries. */
import type { ImageReference } from "../../reference/image-reference.ts";
import type { RegistryClient } from "../../registry/registry-client.ts";
import type { Io } from "../io.ts";
import { dockerConfigDir } from "./docker-config.ts";
import { loginsOf } from "./login.ts";

/** Where docker's daemon keeps its list of insecure registries. */
const daemonConfig = "/etc/docker/daemon.json";

/** Opens the repository `reference` names, lends it to `use`, and closes it whatever happens. */
export async function withRegistry<T>(
  io: Io,
  reference: ImageReference,
  access: "pull" | "push",
  use: (registry: RegistryClient) => Promise<T>,
): Promise<T> {
  const { RegistryClient: Client } = await import("../../registry/registry-client.ts");
  const { loadInsecureRegistries } = await import("../../registry/insecure-registries.ts");
  const registry = Client.forReference(reference, {
    dockerConfigDir: dockerConfigDir(io),
    credentials: loginsOf(io),
    env: io.env,
    insecureRegistries: await loadInsecureRegistries(daemonConfig),
    access,
    signal: io.signal,
  });
  try {
    return await use(registry);
  } finally {
    registry.close();
  }
}

/** The name this machine is logged in to the registry with; undefined when it is not, or by a token without a name. */
export async function registryUser(io: Io, reference: ImageReference): Promise<string | undefined> {
  const credentials = await loginsOf(io)(reference, io.signal);
  return credentials?.kind === "basic" ? credentials.username : credentials?.basic?.username;
}
