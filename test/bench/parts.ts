/** The parts of the benchmark: what each needs, and how it measures. */
import { startDockerRegistry, startTagsealServer, type Peer, type Scope } from "../support/peers.ts";
import { clientLoads, startUp, verifyAndSign } from "./clients.ts";
import { verifyDigests } from "./digests.ts";
import { gatewayCosts, gatewayLoads } from "./gateway.ts";
import { againstRepositories, againstVersions, growthLoads } from "./growth.ts";
import type { Row } from "./measure.ts";
import { trustedPulls } from "./pulls.ts";
import { compareServers } from "./server.ts";
import { shardLoads, verifyShards } from "./shards.ts";
import { transferLoads, transfers } from "./transfers.ts";
import { uploadsBesideReaders } from "./uploads.ts";

/** How much is measured: what counts, or a first look that takes seconds. */
export type Effort = "whole" | "quick";

/** A part: rows are kept as they come. */
export interface Part {
  readonly peers: readonly Peer[];
  measure(scope: Scope, effort: Effort): AsyncIterable<Row> | Promise<Iterable<Row>>;
}

/** By name, in the order they run in. */
export const parts: Readonly<Record<string, Part>> = {
  start: { peers: [], measure: (scope, effort) => startUp(scope, effort === "quick" ? 1 : 21) },
  clients: {
    peers: ["notary", "registry", "skopeo"],
    measure: (scope, effort) => verifyAndSign(scope, clientLoads[effort]),
  },
  // cosign and notation take part where `npm run peers -- cosign notation` has built them.
  digests: {
    peers: ["registry", "skopeo"],
    measure: async (scope, effort) => await verifyDigests(scope, effort === "quick" ? 1 : 15),
  },
  pulls: {
    peers: ["docker", "dockerd", "busybox", "notary", "registry"],
    measure: async (scope, effort) => {
      const [server, registry] = [await startTagsealServer(scope), await startDockerRegistry(scope)];
      return effort === "quick"
        ? await trustedPulls(scope, server, registry, { sizes: [1], turns: 3 })
        : await trustedPulls(scope, server, registry, { sizes: [1, 10_000], turns: 41 });
    },
  },
  repositories: { peers: ["wrk"], measure: (scope, effort) => againstRepositories(scope, growthLoads[effort]) },
  versions: { peers: [], measure: (scope, effort) => againstVersions(scope, growthLoads[effort]) },
  shards: {
    peers: ["notary"],
    measure: async (scope, effort) => await verifyShards(scope, shardLoads[effort]),
  },
  transfer: {
    peers: ["registry", "openssl", "skopeo"],
    measure: (scope, effort) => transfers(scope, transferLoads[effort]),
  },
  server: { peers: ["notary", "postgres", "wrk"], measure: compareServers },
  uploads: { peers: ["notary", "curl"], measure: uploadsBesideReaders },
  gateway: {
    peers: ["registry 3", "openssl", "curl", "skopeo"],
    measure: async (scope, effort) => await gatewayCosts(scope, await startTagsealServer(scope), gatewayLoads[effort]),
  },
};
