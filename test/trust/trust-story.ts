/** A trust server in this process and people who use it, each with a separate trust directory or a shared one. */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before } from "node:test";
import { sha256Hex } from "../../src/crypto/sha256.ts";
import type { WritableKeyStore } from "../../src/keys/key-store.ts";
import { MemoryKeyStore } from "../../src/keys/memory-key-store.ts";
import { type Digest, digestFromHex } from "../../src/reference/digest.ts";
import { parseImageReference } from "../../src/reference/image-reference.ts";
import { referenceLifetimes } from "../../src/server/freshness/lifetimes.ts";
import { type RunningServer, type ServerOptions, startServer } from "../../src/server/run/start-server.ts";
import { MemoryMetadataStore } from "../../src/server/storage/memory-metadata-store.ts";
import { type TamperingProxy, startTamperingProxy } from "./tampering-proxy.ts";
import { signTags, type TagToSign } from "../../src/trust/publishing/sign.ts";
import { openTrustContext, type OpenTrustContextOptions } from "../../src/trust/open-trust-context.ts";
import type { TrustContext } from "../../src/trust/trust-context.ts";
import type { TrustEvent } from "../../src/trust/trust-event.ts";

/** How to open a repository; `via` goes through a proxy. */
export type OpenOptions = Partial<OpenTrustContextOptions> & { readonly via?: { readonly url: string } };

/** A person with a trust directory and keys. */
export interface Person {
  readonly dockerConfigDir: string;
  readonly keys: WritableKeyStore;
  /** all events, newest last */
  readonly events: TrustEvent[];
  /** Opens a repository; closed when the suite ends. */
  open(repository: string, options?: OpenOptions): Promise<TrustContext>;
}

/** What a suite works with. */
export interface TrustStory {
  readonly url: string;
  /** A proxy between the server and the repositories opened with `via`. */
  tamperingProxy(): Promise<TamperingProxy>;
  /** A person who has signed `v1` in a repository, opened directly, and a proxy to open it through and to race with. */
  contested(repository: string): Promise<{ person: Person; honest: TrustContext; proxy: TamperingProxy }>;
  person(options?: { readonly keys?: WritableKeyStore; readonly dockerConfigDir?: string }): Promise<Person>;
}

/**
 * Runs a server for the suite that calls this.
 *
 * @param options given to the server
 */
export function trustStory(options: Partial<ServerOptions> = {}): TrustStory {
  const directories: string[] = [];
  const contexts: TrustContext[] = [];
  const proxies: TamperingProxy[] = [];
  let server: RunningServer;
  const directory = async (): Promise<string> => {
    const made = await mkdtemp(join(tmpdir(), "trust-story-"));
    directories.push(made);
    return made;
  };
  before(async () => {
    const dataDir = await directory();
    // The stories' clocks jump, so the server must do nothing by itself; they expect the reference's lifetime of 14 days.
    const quiet = { lifetimes: referenceLifetimes, upkeep: false };
    const store = new MemoryMetadataStore();
    server = await startServer({ host: "127.0.0.1", port: 0, dataDir, store, ...quiet, ...options });
  });
  after(async () => {
    for (const context of contexts) context.close();
    for (const proxy of proxies) proxy.close();
    await server.close();
    await Promise.all(directories.map(async (path) => await rm(path, { recursive: true, force: true })));
  });
  return {
    get url() {
      return server.url;
    },
    async tamperingProxy() {
      const proxy = await startTamperingProxy(server.url);
      proxies.push(proxy);
      return proxy;
    },
    async contested(repository) {
      const person = await this.person();
      const honest = await person.open(repository);
      await signTags(honest, [tagOf("v1")]);
      return { person, honest, proxy: await this.tamperingProxy() };
    },
    async person(given = {}) {
      const dockerConfigDir = given.dockerConfigDir ?? (await directory());
      const keys = given.keys ?? new MemoryKeyStore();
      const events: TrustEvent[] = [];
      const open: Person["open"] = async (repository, more = {}) => {
        const context = await openTrustContext({
          reference: parseImageReference(`localhost:5000/${repository}`),
          dockerConfigDir,
          keys,
          env: { DOCKER_CONTENT_TRUST_SERVER: more.via?.url ?? server.url },
          allowPlainHttpLoopback: true,
          access: "write",
          notify: (event) => events.push(event),
          ...more,
        });
        contexts.push(context);
        return context;
      };
      return { dockerConfigDir, keys, events, open };
    },
  };
}

/** The digest of an image that exists only by name. */
export function digestOf(image: string): Digest {
  return digestFromHex("sha256", sha256Hex(Buffer.from(image)));
}

/** A tag of such an image. */
export function tagOf(tag: string, image: string = tag): TagToSign {
  return { tag, digest: digestOf(image), length: image.length };
}

/** The sentences of all warnings so far. */
export function warningsOf(person: Person): string[] {
  return person.events.filter((event) => event.kind === "warning").map((event) => event.message);
}
