import { UsageError } from "../../errors.ts";
import type { BlobCacheSettings } from "../../gateway/blob-cache/blob-cache.ts";
import type { TlsPaths } from "../../service/tls-files.ts";
import { FileWatch } from "../../service/watching/file-watch.ts";
import { defineCommand } from "../command.ts";
import { openGatewayMemory } from "../open/gateway-memory.ts";
import { loadPolicies } from "../open/policies.ts";
import { openRegistry, openRegistryAs } from "../open/registry.ts";
import { openTrust, type TrustSettings } from "../open/trust.ts";
import { parseByteSize } from "../options/byte-size.ts";
import { parseDuration } from "../options/duration.ts";
import { parseListenAddress } from "../options/listen-address.ts";
import { listeningOptions, requireBoth } from "../options/listening-flags.ts";
import { clientLoginOptions, clientLogins } from "../options/client-login-flags.ts";
import type { Options } from "../options/option.ts";
import { foregroundLog, serveUntilStopped } from "../serving/in-foreground.ts";
import { version } from "../version-line.ts";

const options = {
  ...listeningOptions,
  ...clientLoginOptions,
  upstream: {
    kind: "list",
    value: "registry",
    help: "Registry to serve; may be repeated (default: those that the policy has rules for)",
  },
  registry: {
    kind: "text",
    value: "registry",
    help: "Stand in front of this registry: names without a registry are its repositories",
  },
  "pass-through": {
    kind: "list",
    value: "registry",
    help: "Show this registry the login of each client, and never the gateway's own; may be repeated",
  },
  pushes: {
    kind: "switch",
    help: "Pass on what publishers push to the registry of --registry and --pass-through, each with their own login",
  },
  data: {
    kind: "text",
    value: "dir",
    complete: "directory",
    help: "Directory that remembers trust data (default: docker's trust directory)",
  },
  database: {
    kind: "text",
    value: "url",
    help: "Remember trust data in a database that several gateways share: postgres://… or mysql://… (default: TAGSEAL_GATEWAY_DATABASE, or the content of the file TAGSEAL_GATEWAY_DATABASE_FILE)",
  },
  "blob-cache": {
    kind: "text",
    value: "dir",
    complete: "directory",
    help: "Keep blobs in this directory, which no other gateway uses (default: ask the registry each time)",
  },
  "blob-cache-size": {
    kind: "text",
    value: "size",
    help: 'Most bytes of the blob cache; what was not used for longest is removed (default "10GB")',
  },
  "trusted-proxies": {
    kind: "list",
    value: "address",
    help: "Proxy that names its client in X-Forwarded-For or Forwarded: an address, or a network such as 10.0.0.0/8; may be repeated",
  },
  refresh: {
    kind: "text",
    value: "duration",
    help: 'Ask the trust server at most this often for one repository; no answer is older than twice this (default "30s")',
  },
  grace: {
    kind: "text",
    value: "duration",
    help: 'Serve a superseded image by digest for this long, so that pulls under way can finish (default "1h")',
  },
} as const satisfies Options;

/** `tagseal gateway`: a registry endpoint that serves only what is signed, for engines that cannot check it. */
export const command = defineCommand(
  {
    path: "gateway",
    usage: "--listen HOST:PORT [OPTIONS]",
    summary: "Run a registry endpoint that serves only what is signed",
    description: [
      "Answers a tag with the digest that its publisher signed, and asks the registry for that digest only: what the registry's tag points to does not count. Blobs and manifests by digest are served when a signed image lists them. Everything else is refused with the reason.",
      "Engines name images through it as GATEWAY/REGISTRY/REPOSITORY:TAG, such as gateway.example.com/docker.io/library/alpine:3. It also answers the mirror requests of containerd, and with --registry it stands in front of one registry under its own name.",
      "The policies of this machine decide, as for every other command. Without one, each tag must be signed and each digest may be used, as in docker's content trust. SIGHUP reads policies and certificates again.",
      "With --htpasswd, --client-ca or the --token flags, only clients that log in may pull; several ways may be given. Without them, every client may. What the gateway shows to registries and trust servers are its own logins, from docker's configuration and helpers.",
      "With --pass-through, a registry sees the login that a client has for the gateway (docker login GATEWAY), or an anonymous client, and decides what it may pull. That login goes to no other registry, and to the named one only over TLS or on this machine.",
      "With --pushes, publishers push to the registry of --registry and --pass-through by the gateway's name, with their own login; the registry decides who may. What was pushed is served once it is signed.",
      "It runs in the foreground until SIGTERM or Ctrl-C, then finishes the open requests and exits with 0. Logs are JSON lines on standard error, one for each verdict. Monitor it with /healthz, /readyz and /metrics.",
    ],
    options,
    args: { min: 0, max: 0 },
    examples: [
      {
        text: "serve two registries",
        line: "tagseal gateway --listen 0.0.0.0:443 --tls-cert gateway.crt --tls-key gateway.key --upstream docker.io --upstream registry.example.com",
      },
      {
        text: "stand in front of one registry",
        line: "tagseal gateway --listen 127.0.0.1:5443 --registry registry.example.com --data /var/lib/tagseal-gateway",
      },
      {
        text: "stand in front of one registry, for its publishers too",
        line: "tagseal gateway --listen 127.0.0.1:5443 --registry registry.example.com --pass-through registry.example.com --pushes",
      },
    ],
    endsOnSignal: true,
  },
  async ({ options: given }, io) => {
    const log = foregroundLog(io);
    if (given.listen === undefined)
      throw new UsageError("USAGE", "--listen is required", {
        hint: "Start it with: tagseal gateway --listen HOST:PORT",
      });
    const { startGateway } = await import("../../gateway/start-gateway.ts");
    const watch = new FileWatch(io.now);
    const { cacheFor, close: closeMemory, ...memory } = await openGatewayMemory(given, io, { log, watch });
    const notify: TrustSettings["notify"] = (event) =>
      log(JSON.stringify({ level: "warning", event: "trust", ...event }));
    // Without a memory an older state would not be noticed: nothing is decided that cannot be remembered.
    const settings = { access: "read", notify, cacheFor, mustRemember: true } as const;
    const running = await startGateway({
      ...parseListenAddress(given.listen),
      tls: tlsPaths(given["tls-cert"], given["tls-key"]),
      logins: clientLogins(given),
      trustedProxies: given["trusted-proxies"],
      policies: await loadPolicies(io),
      upstreams: given.upstream,
      registry: given.registry,
      openTrust: async (requirements) => await openTrust(io, requirements.reference, { ...settings, requirements }),
      openUpstream: async (name, access) =>
        name.login === undefined
          ? await openRegistry(io, name)
          : await openRegistryAs(io, name, name.login.credentials(), access),
      passThrough: given["pass-through"],
      pushes: given.pushes ? {} : undefined,
      refreshMs: duration(given.refresh, "--refresh"),
      graceMs: duration(given.grace, "--grace"),
      blobCache: blobCache(given["blob-cache"], given["blob-cache-size"]),
      memory,
      watch,
      version,
      now: io.now,
      log,
    });
    const reload = async (): Promise<void> => await running.reload(async () => await loadPolicies(io));
    const close = async (): Promise<void> => {
      await running.close();
      await closeMemory();
    };
    return await serveUntilStopped({ reload, close }, io, log);
  },
);

function tlsPaths(certFile: string | undefined, keyFile: string | undefined): TlsPaths | undefined {
  requireBoth(certFile, keyFile);
  return certFile === undefined || keyFile === undefined ? undefined : { certFile, keyFile };
}

function blobCache(directory: string | undefined, size: string | undefined): BlobCacheSettings | undefined {
  if (directory !== undefined) return { directory, maxBytes: parseByteSize(size ?? "10GB", "--blob-cache-size") };
  if (size === undefined) return undefined;
  throw new UsageError("USAGE", "--blob-cache-size needs a directory", { hint: "Add --blob-cache DIR." });
}

function duration(text: string | undefined, flag: string): number | undefined {
  return text === undefined ? undefined : parseDuration(text, flag);
}
