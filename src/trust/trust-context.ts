/**
 * The use cases of content trust: verify, list, inspect, sign, revoke, signers, initialise, rotate. Each takes a {@link TrustContext}
 * and speaks to one trust server about one collection. Nothing here touches a terminal or the process: what a person should see
 * goes out as a `TrustEvent`, keys come from a `KeyStore`, the time from `now`.
 */

import type { KeyStore } from "../keys/key-store.ts";
import type { PassphraseSource } from "../keys/passphrase.ts";
import type { ImageReference } from "../reference/image-reference.ts";
import { TagsealError } from "../errors.ts";
import type { MetadataCache, TrustPinning } from "../tuf/updater.ts";
import type { TrustEventHandler } from "./trust-event.ts";
import type { TrustServerClient } from "./trust-server-client.ts";

/** Everything a use case needs to work on one collection. Close it when done. */
export interface TrustContext {
  /** the collection: `docker.io/library/alpine` */
  readonly gun: string;
  readonly server: TrustServerClient;
  /** what this machine already trusts; shared by processes */
  readonly cache: MetadataCache;
  readonly keys: KeyStore;
  readonly now: () => Date;
  readonly notify: TrustEventHandler;
  readonly pinning?: TrustPinning;
  /** refuse a cached timestamp older than this when the server cannot be reached */
  readonly maxStalenessMs?: number;
  /** aborts whatever is under way with `CANCELLED` */
  readonly signal?: AbortSignal;
  /** releases connections */
  close(): void;
}

/** What {@link openTrustContext} needs to know; nothing is read from the process. */
export interface OpenTrustContextOptions {
  readonly reference: ImageReference;
  /** `$DOCKER_CONFIG`, usually `~/.docker` */
  readonly dockerConfigDir: string;
  /** the environment: server, proxies */
  readonly env: Readonly<Record<string, string | undefined>>;
  /** asked when a key must be unlocked or made; without it encrypted keys stay locked */
  readonly passphrases?: PassphraseSource;
  /** what the server's token should allow: `read` pulls, `write` also pushes, `admin` rotates and deletes */
  readonly access?: "read" | "write" | "admin";
  readonly notify?: TrustEventHandler;
  readonly now?: () => Date;
  readonly pinning?: TrustPinning;
  readonly maxStalenessMs?: number;
  /** also accept a trust server on plain http, on loopback only */
  readonly allowPlainHttpLoopback?: boolean;
  readonly userAgent?: string;
  readonly signal?: AbortSignal;
}

/**
 * Opens the collection an image reference belongs to, as docker's files and environment describe it.
 *
 * @throws UsageError `TRUST_SERVER_URL_INVALID`, `FILE_UNREADABLE` (TLS files, config.json)
 * @see Notary v1: names, servers, TLS
 */
export async function openTrustContext(options: OpenTrustContextOptions): Promise<TrustContext> {
  throw new TagsealError("INTERNAL", `trust is not wired yet for ${options.reference.repository}`);
}
