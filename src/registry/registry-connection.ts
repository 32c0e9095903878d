/** Opens a connection to one registry: certificates, proxies, credentials and the base URL, as in docker's configuration. */
import type { Environment } from "../environment/environment.ts";
import { Authenticator } from "./authentication.ts";
import { loadHostCertificates, registryCertificateDirectories } from "../docker-config/certificate-directory.ts";
import { dockerLogins } from "../docker-config/docker-login-source.ts";
import type { CredentialSource, LoginTarget } from "../docker-config/credentials.ts";
import { findEndpoint, serverHost } from "./endpoint.ts";
import type { HttpClient, Timeouts } from "../http/client/http-client.ts";
import { HttpClients, type PeerRules } from "../http/client/http-clients.ts";
import { isConfiguredInsecure, mayBePlain } from "./insecure-registries.ts";
import type { TlsSettings } from "../http/client/trusted-roots.ts";

/** How to reach a registry, and under which identity. */
export interface ConnectionOptions {
  /** `$DOCKER_CONFIG`, usually `~/.docker`: credentials and certificates; neither when absent */
  readonly dockerConfigDir?: string;
  /** the environment: proxies, `HOME`, and the variables of credential helpers */
  readonly env?: Environment;
  /** hosts, `host:port` pairs and networks that docker's daemon.json lists as insecure */
  readonly insecureRegistries?: readonly string[];
  /** instead of docker's config.json */
  readonly credentials?: CredentialSource;
  /** instead of docker's certs.d directories */
  readonly certificateDirectories?: readonly string[];
  /** instead of any directory's certificates */
  readonly tls?: TlsSettings;
  /** connections to share with other repositories and trust servers, which the caller closes; separate ones when absent */
  readonly connections?: HttpClients;
  /** the command that logs in, for hints; `docker login` when absent */
  readonly login?: string;
  /** asks token services for an identity token as well, and passes on the one that they issue */
  readonly onIdentityToken?: (token: string) => void;
  readonly userAgent?: string;
  readonly timeouts?: Timeouts;
  /** aborts every request with `CANCELLED` */
  readonly signal?: AbortSignal;
}

/** A reachable registry. Close it when done. */
export interface Connection {
  readonly http: HttpClient;
  readonly authenticator: Authenticator;
  /** ends in `/v2/` */
  readonly base: URL;
  /** releases connections, unless they are shared */
  close(): void;
}

/**
 * Finds the registry and prepares requests to it.
 *
 * @param target the repository, whose login may differ from its registry's
 * @throws UsageError `FILE_UNREADABLE` for certificates that cannot be read; NetworkError as requests do
 */
export async function openConnection(target: LoginTarget, options: ConnectionOptions): Promise<Connection> {
  const { registry } = target;
  const { insecureRegistries = [], signal, connections = new HttpClients() } = options;
  const close = (): void => {
    if (options.connections === undefined) connections.close();
  };
  try {
    const http = await connections.for({ key: peerOf(registry, options), proxyEnv: options.env ?? {} }, () =>
      peerRules(registry, options),
    );
    const credentials = credentialSource(options);
    const authenticator = new Authenticator(http, {
      credentials: credentials === undefined ? undefined : (stop) => credentials(target, stop),
      allowPlainHttp: (host) => mayBePlain(host, insecureRegistries),
      registry,
      onIdentityToken: options.onIdentityToken,
      ...(options.login === undefined ? {} : { login: options.login }),
    });
    const base = await findEndpoint({ registry, insecureRegistries, authenticator, signal });
    return { http, authenticator, base, close };
  } catch (error) {
    close();
    throw error;
  }
}

/** Everything of the options that decides how to connect, but the proxy. */
function peerOf(registry: string, options: ConnectionOptions): string {
  const { dockerConfigDir, insecureRegistries, certificateDirectories, tls, userAgent, timeouts } = options;
  const rules = [dockerConfigDir, insecureRegistries, certificateDirectories, tls, userAgent, timeouts];
  return JSON.stringify(["registry", registry, ...rules]);
}

async function peerRules(registry: string, options: ConnectionOptions): Promise<PeerRules> {
  const { insecureRegistries = [], timeouts, userAgent } = options;
  return {
    tls: onlyFor(registry, await tlsSettings(registry, options)),
    allowPlainHttp: (host) => mayBePlain(host, insecureRegistries),
    ...(timeouts === undefined ? {} : { timeouts }),
    ...(userAgent === undefined ? {} : { userAgent }),
  };
}

/**
 * Token services and upload servers are other hosts, named by the registry: they do not get the client certificate, and their
 * certificate is always checked.
 */
function onlyFor(registry: string, settings: TlsSettings): (host: string) => TlsSettings {
  const text = `https://${serverHost(registry)}/`;
  const own = URL.canParse(text) ? new URL(text).host : undefined;
  const others = settings.ca === undefined ? {} : { ca: settings.ca };
  return (host) => (host === own ? settings : others);
}

function credentialSource(options: ConnectionOptions): CredentialSource | undefined {
  const { credentials, dockerConfigDir, env = {} } = options;
  if (credentials !== undefined || dockerConfigDir === undefined) return credentials;
  return dockerLogins({ directory: dockerConfigDir, env });
}

async function tlsSettings(registry: string, options: ConnectionOptions): Promise<TlsSettings> {
  const { tls, dockerConfigDir, env = {}, insecureRegistries = [] } = options;
  const insecure = isConfiguredInsecure(registry, insecureRegistries) ? { insecure: true } : {};
  if (tls !== undefined) return { ...tls, ...insecure };
  if (dockerConfigDir === undefined && options.certificateDirectories === undefined) return insecure;
  const directories =
    options.certificateDirectories ?? registryCertificateDirectories(dockerConfigDir ?? "", env["HOME"]);
  return { ...(await loadHostCertificates(directories, serverHost(registry))), ...insecure };
}
