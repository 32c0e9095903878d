/** Pushes through the gateway to the registry behind it, each with its publisher's login. What is pushed is read only when it is signed. */
import type { IncomingMessage } from "node:http";
import type { RegistryRoute } from "../../registry/registry-route.ts";
import type { Answer } from "../answer.ts";
import { GatewayRefusal } from "../gateway-refusal.ts";
import { type PassedLogins, refusedLogin, type ShownLogin } from "../passed-logins.ts";
import type { LoginGuesses } from "../proved-logins.ts";
import type { Repository } from "../served-name.ts";
import type { Upstreams } from "../upstreams.ts";
import { pushedManifestAnswer } from "./manifest-answer.ts";
import { type AskedHead, headAnswer } from "./publisher-heads.ts";
import type { PushJournal } from "./push-journal.ts";
import { refusalOfPush } from "./push-refusal.ts";
import { PushRights } from "./push-rights.ts";
import { beginAnswer, stepAnswer, type UploadParts, type UploadRequest } from "./upload-answers.ts";

/** What pushes are made of. */
export interface PushesParts extends UploadParts {
  /** the registry that takes them */
  readonly registry: string;
  /** whose clients ask for the right to push */
  readonly upstreams: Upstreams;
  readonly guesses: LoginGuesses;
  readonly logins: PassedLogins;
  readonly now: () => Date;
}

/** A place that takes pushes. */
type PushRoute = Extract<RegistryRoute, { readonly kind: "manifest" | "uploads" | "upload" }>;

/** A request that pushes. */
export interface TakenPush {
  /** for the metrics */
  readonly kind: "manifest" | "upload";
  /** Passes it on for the publisher whose login is shown. @throws GatewayRefusal */
  answer(name: Repository, shown: ShownLogin): Promise<Answer>;
}

/** Whether something is there, as a client asks it. */
export interface HeadRequest {
  readonly route: RegistryRoute;
  readonly name: Repository;
  readonly shown: ShownLogin;
}

interface PushRequest {
  readonly request: IncomingMessage;
  readonly route: PushRoute;
  readonly query: URLSearchParams;
}

/** longer than a registry may take to confirm a blob; what is waited for meanwhile has its separate bounds */
const socketIdleMs = 330_000;

/** See the top of this file. */
export class Pushes {
  readonly #parts: PushesParts;
  readonly #rights: PushRights;

  constructor(parts: PushesParts) {
    this.#parts = parts;
    this.#rights = new PushRights(parts.upstreams, parts.guesses, parts.now);
  }

  /** The registry as publishers see it. */
  get upstreams(): Upstreams {
    return this.#parts.upstreams;
  }

  /** Whose counts the metrics show. */
  get journal(): PushJournal {
    return this.#parts.journal;
  }

  /** A request as a push; undefined for what is none. */
  taken(request: IncomingMessage, route: RegistryRoute, query: URLSearchParams): TakenPush | undefined {
    const isUpload = route.kind === "uploads" || route.kind === "upload";
    if (!isUpload && !(route.kind === "manifest" && request.method === "PUT")) return undefined;
    const kind = isUpload ? "upload" : "manifest";
    return { kind, answer: async (name, shown) => await this.#answer({ request, route, query }, name, shown) };
  }

  /** Answers a HEAD; what a reader may not have is there or not for a publisher. @throws what `read` throws, for anybody who may not push */
  async head({ route, name, shown }: HeadRequest, read: () => Promise<Answer>): Promise<Answer> {
    const asked = headOf(route);
    const isOfRegistry = asked !== undefined && name.registry === this.#parts.registry;
    const login = isOfRegistry ? this.#parts.logins.read(shown) : undefined;
    if (asked === undefined || login === undefined || login.isAnonymous) return await read();
    const parts = { rights: this.#rights, upstreams: this.#parts.upstreams, shown };
    return await headAnswer(parts, { ...name, login }, asked, read);
  }

  async #answer(push: PushRequest, name: Repository, shown: ShownLogin): Promise<Answer> {
    const { request, route, query } = push;
    if (name.registry !== this.#parts.registry || query.has("ns"))
      throw new GatewayRefusal(405, "UNSUPPORTED", `pushes go to ${this.#parts.registry} under its name alone`);
    const publisher = { ...name, login: this.#parts.logins.read(shown) };
    if (publisher.login.isAnonymous)
      throw refusedLogin(shown, "log in to push, with your login to the registry", missingOf(shown));
    request.socket.setTimeout(socketIdleMs);
    const { counts } = this.journal;
    counts.open += 1;
    try {
      await this.#rights.require(publisher, shown);
      return await this.#parts.upstreams.use(publisher, async ({ relay }) => {
        return await this.#relayed({ request, name: publisher, path: route.repository, query, relay }, route);
      });
    } catch (error) {
      const refused = refusalOfPush(error, publisher.login, shown);
      this.journal.refused(publisher, route.kind === "manifest" ? "manifest" : "blob", refused);
      throw refused;
    } finally {
      counts.open -= 1;
    }
  }

  async #relayed(asked: UploadRequest, route: PushRoute): Promise<Answer> {
    if (route.kind === "upload") return await stepAnswer(this.#parts, asked, route.id);
    if (route.kind === "manifest") return await pushedManifestAnswer(this.#parts, asked, route.tagOrDigest);
    if (asked.request.method === "POST") return await beginAnswer(this.#parts, asked);
    throw new GatewayRefusal(405, "UNSUPPORTED", "an upload begins with POST");
  }
}

/** Who was given a token without a login is told that it is not enough. */
function missingOf({ authorization }: ShownLogin): "missing" | "insufficient" {
  return authorization === undefined ? "missing" : "insufficient";
}

function headOf(route: RegistryRoute): AskedHead | undefined {
  if (route.kind === "manifest") return { kind: "manifests", wanted: route.tagOrDigest };
  return route.kind === "blob" ? { kind: "blobs", wanted: route.digest } : undefined;
}
