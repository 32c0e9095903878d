/** Opens a repository of a registry for a command, with the credentials, certificates and insecure registries of docker or podman. */
import { join } from "node:path";
import { hasCode, NetworkError } from "../../errors.ts";
import type { ImageReference } from "../../reference/image-reference.ts";
import type { Credentials } from "../../docker-config/credentials.ts";
import type { RegistryClient, RegistryClientOptions } from "../../registry/registry-client.ts";
import type { Io } from "../io.ts";
import { dockerConfigDir, homeOf } from "./directories.ts";
import { loginCommand, loginsOf } from "./logins.ts";

/** Where docker's daemon keeps its list of insecure registries. */
const daemonConfig = "/etc/docker/daemon.json";

type Repository = Pick<ImageReference, "registry" | "repository">;

/** Opens the repository that `reference` names, passes it to `use`, and always closes it. */
export async function withRegistry<T>(
  io: Io,
  reference: Repository,
  access: "pull" | "push",
  use: (registry: RegistryClient) => Promise<T>,
): Promise<T> {
  const { named } = await sourcesOf(io, reference);
  return await opened(io, named, access, use);
}

/**
 * The same for a pull by digest. podman may have mirrors of the repository: they are asked first, and a mirror that cannot answer is
 * skipped.
 */
export async function withMirrors<T>(
  io: Io,
  reference: Repository,
  use: (registry: RegistryClient) => Promise<T>,
): Promise<T> {
  const { location, mirrors } = await sourcesOf(io, reference);
  for (const mirror of mirrors) {
    try {
      return await opened(io, mirror, "pull", use);
    } catch (error) {
      if (!(error instanceof NetworkError) || hasCode(error, "CANCELLED")) throw error;
    }
  }
  return await opened(io, location, "pull", use);
}

interface Source extends Repository {
  readonly insecure: boolean;
}

interface Sources {
  readonly named: Source;
  readonly location: Source;
  readonly mirrors: readonly Source[];
}

async function sourcesOf(io: Io, { registry, repository }: Repository): Promise<Sources> {
  const reference = { registry, repository };
  const named = { ...reference, insecure: false };
  if (io.engine?.kind !== "podman") return { named, location: named, mirrors: [] };
  const { registrySources } = await import("../../docker-config/registries-conf.ts");
  return await registrySources(reference, { env: io.env, home: homeOf(io) });
}

async function opened<T>(
  io: Io,
  source: Source,
  access: "pull" | "push",
  use: (registry: RegistryClient) => Promise<T>,
): Promise<T> {
  const registry = await clientOf(io, source, access);
  try {
    return await use(registry);
  } finally {
    registry.close();
  }
}

/** Opens the repository that `reference` names, for pulls. The caller closes it. */
export async function openRegistry(io: Io, reference: Repository): Promise<RegistryClient> {
  const { named } = await sourcesOf(io, reference);
  return await clientOf(io, named, "pull");
}

/** The same under a login of another user, or none: nothing of this machine's own identity is shown, and nothing is sent in clear. */
export async function openRegistryAs(
  io: Io,
  { registry, repository }: Repository,
  login: Credentials | undefined,
  access: "pull" | "push" = "pull",
): Promise<RegistryClient> {
  const { RegistryClient: Client } = await import("../../registry/registry-client.ts");
  const { loadHostCertificates } = await import("../../docker-config/certificate-directory.ts");
  const { serverHost } = await import("../../registry/endpoint.ts");
  const { certificateDirectories = [] } = await dockerSettings(io);
  const { ca } = await loadHostCertificates(certificateDirectories, serverHost(registry));
  return Client.forReference(
    { registry, repository },
    {
      tls: ca === undefined ? {} : { ca },
      credentials: async () => login,
      env: io.env,
      access,
      signal: io.signal,
      ...(io.connections === undefined ? {} : { connections: io.connections }),
    },
  );
}

async function clientOf(io: Io, source: Source, access: "pull" | "push"): Promise<RegistryClient> {
  const { RegistryClient: Client } = await import("../../registry/registry-client.ts");
  const settings = io.engine?.kind === "podman" ? await podmanSettings(io, source) : await dockerSettings(io);
  return Client.forReference(source, {
    ...settings,
    credentials: loginsOf(io),
    login: loginCommand(io),
    env: io.env,
    access,
    signal: io.signal,
    ...(io.connections === undefined ? {} : { connections: io.connections }),
  });
}

async function dockerSettings(io: Io): Promise<RegistryClientOptions> {
  const { loadInsecureRegistries } = await import("../../registry/insecure-registries.ts");
  const { registryCertificateDirectories } = await import("../../docker-config/certificate-directory.ts");
  const directories = registryCertificateDirectories(dockerConfigDir(io), homeOf(io));
  return {
    insecureRegistries: await loadInsecureRegistries(daemonConfig),
    // docker ignores podman's directories; a command without an engine uses both
    certificateDirectories: io.engine === undefined ? [...directories, ...podmanDirectories(io)] : directories,
  };
}

async function podmanSettings(io: Io, { registry, insecure }: Source): Promise<RegistryClientOptions> {
  const { certDir, insecure: unverified } = io.engine?.kind === "podman" ? io.engine : {};
  const insecureRegistries = insecure || unverified === true ? [registry] : [];
  if (certDir === undefined) return { insecureRegistries, certificateDirectories: podmanDirectories(io) };
  const { loadCertificates } = await import("../../docker-config/certificate-directory.ts");
  return { insecureRegistries, tls: loadCertificates([certDir]) };
}

/**
 * Shows a login to a registry, once, with the certificates and insecure registries of commands that need no engine.
 *
 * @returns as `checkLogin`
 */
export async function showLogin(io: Io, registry: string, credentials: Credentials): Promise<string | undefined> {
  const { checkLogin } = await import("../../registry/login-check.ts");
  return await checkLogin(registry, credentials, {
    ...(await dockerSettings(io)),
    login: loginCommand(io),
    env: io.env,
    signal: io.signal,
  });
}

function podmanDirectories(io: Io): string[] {
  const home = homeOf(io);
  const own = home === undefined ? [] : [join(home, ".config", "containers", "certs.d")];
  return [...own, "/etc/containers/certs.d", "/etc/docker/certs.d"];
}

/** The user name of this machine's login to the registry; undefined without a login, or for a token without a name. */
export async function registryUser(io: Io, reference: ImageReference): Promise<string | undefined> {
  const credentials = await loginsOf(io)(reference, io.signal);
  return credentials?.kind === "basic" ? credentials.username : credentials?.basic?.username;
}
