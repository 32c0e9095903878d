import type { ServerRole } from "../../tuf/metadata.ts";
import type { PublicKey } from "../../crypto/public-key.ts";
import { hasCode, NetworkError } from "../../errors.ts";
import type { HttpResponse } from "../../http/client/http-response.ts";
import type { HttpRequest } from "../../http/client/http-request.ts";
import { answeredAt } from "../../http/client/answered-at.ts";
import type { RoleName } from "../../tuf/metadata.ts";
import { allowsDcz, announcesDcz, offeredDictionary } from "./offered-dictionary.ts";
import type { ProposalPlace, TrustRepository } from "../ports.ts";
import { proposalsLater } from "./proposals-later.ts";

/** The purpose of a request: decides which rights a token needs. */
export type TrustServerAccess = "read" | "write" | "admin";

/** Sends a request, with the authentication that the server asks for. */
export type AuthorisedRequest = (request: HttpRequest, access: TrustServerAccess) => Promise<HttpResponse>;

/** The server, collection and connection of a {@link TrustServerClient}. */
export interface TrustServerClientOptions {
  /** as returned by `trustServerUrl`: no trailing slash */
  readonly url: string;
  readonly gun: string;
  readonly send: AuthorisedRequest;
  readonly signal?: AbortSignal;
  /** converts a failure before it is thrown; by default it is thrown unchanged */
  readonly explain?: (error: unknown) => unknown;
  /** the command that logs in, for hints; `docker login` when absent */
  readonly login?: string;
}

/** A file that was asked for before it was needed. */
interface AskedAhead {
  readonly name: string;
  readonly answer: Promise<Uint8Array>;
  /** milliseconds on the clock of the process; infinite while the answer is on its way */
  answeredAt: number;
}

/** How long an answer may wait until it is read. */
const keptAheadMs = 100;
const maxKeyBytes = 256 * 1024;
const basePatienceMs = 9_000;
/** A server verifies and signs before it answers, which takes longer for larger uploads. */
const patienceMsPerMiB = 2_000;

/**
 * The client for one collection of one trust server. Requests exactly what is needed, without a round trip to find out how to log in:
 * the server's challenge says so, and the usual read is one request. What only other requests need is loaded when they are made.
 *
 * @see Notary v1: HTTP API
 */
export class TrustServerClient implements TrustRepository {
  readonly url: string;
  readonly proposals: ProposalPlace;
  readonly #gun: string;
  readonly #send: AuthorisedRequest;
  readonly #signal: AbortSignal | undefined;
  readonly #explain: (error: unknown) => unknown;
  readonly #login: string | undefined;
  #ahead: AskedAhead | undefined;
  #answeredAt: Date | undefined;
  #takesDifferences = false;

  constructor(options: TrustServerClientOptions) {
    this.url = options.url;
    this.#gun = options.gun;
    this.#send = options.send;
    this.#signal = options.signal;
    this.#login = options.login;
    this.#explain = options.explain ?? ((error) => error);
    this.proposals = proposalsLater(
      (request, path, access) => this.#accepted(request, { url: this.#address(path), access, subject: "proposals" }),
      { gun: this.#gun, server: this.name },
    );
  }

  /** The server's host, with its port. */
  get name(): string {
    return new URL(this.url).host;
  }

  /** The server's clock at its last answer, to the second; undefined while unknown. */
  get answeredAt(): Date | undefined {
    return this.#answeredAt;
  }

  /**
   * Fetches a metadata file.
   *
   * @param name without `.json`: `timestamp`, `targets.<sha256 hex>`, `3.root`
   * @param earlier another version of the file: the server may send the difference from it
   * @throws MetadataError `METADATA_MISSING`
   * @throws NetworkError `RESPONSE_TOO_LARGE`, `TRUST_SERVER_ERROR`, `TRUST_SERVER_REFUSED`, `AUTHENTICATION_REFUSED`, and what a connection throws
   */
  async fetch(name: string, maxBytes: number, earlier?: Uint8Array): Promise<Uint8Array> {
    const ahead = this.#ahead;
    this.#ahead = undefined;
    const isFresh = ahead !== undefined && performance.now() - ahead.answeredAt <= keptAheadMs;
    return isFresh && ahead.name === name ? await ahead.answer : await this.#fetch(name, maxBytes, earlier);
  }

  /**
   * Asks for a file that {@link fetch} will be called for next. A failure is thrown there. An answer that has waited for longer than code takes to load is
   * not used: a publisher may have waited for another one, or for a passphrase.
   */
  fetchAhead(name: string, maxBytes: number): void {
    const ahead: AskedAhead = { name, answer: this.#fetch(name, maxBytes), answeredAt: Number.POSITIVE_INFINITY };
    const answered = (): void => void (ahead.answeredAt = performance.now());
    ahead.answer.then(answered, answered);
    this.#ahead = ahead;
  }

  async #fetch(name: string, maxBytes: number, earlier?: Uint8Array): Promise<Uint8Array> {
    const asked = { url: this.#address(`tuf/${name}.json`), access: "read", subject: name } as const;
    const request = { method: "GET", acceptGzip: name !== "timestamp" } as const;
    const dictionary = await offeredDictionary(asked.url, earlier, maxBytes);
    const response = await this.#accepted({ ...request, dictionary }, asked);
    try {
      return await response.bytes(maxBytes);
    } catch (error) {
      // Intermediaries that do not know the coding may damage it: the whole file is asked for, once.
      if (dictionary === undefined || !hasCode(error, "RESPONSE_MALFORMED")) throw error;
      return await (await this.#accepted(request, asked)).bytes(maxBytes);
    }
  }

  /**
   * Publishes files in one request: all or none. Returns once the server acknowledged.
   *
   * @throws NetworkError `PUBLISH_CONFLICT` when another publisher was faster; `TRUST_SERVER_REFUSED` with the server's reason; others may mean
   *   that the answer was lost and the files are published
   */
  async publish(
    files: ReadonlyMap<RoleName, Uint8Array>,
    earlier: ReadonlyMap<RoleName, Uint8Array> = new Map(),
  ): Promise<void> {
    const { multipartOf } = await import("./multipart-writer.ts");
    const { differenceOf, wantsWholeBody } = await import("./difference-upload.ts");
    const whole = multipartOf(files);
    const published = this.#takesDifferences ? earlier : new Map();
    const difference = await differenceOf(whole.body, files, published, async () => await allowsDcz(new URL(this.url)));
    const patienceMs = basePatienceMs + Math.ceil((whole.body.length / 2 ** 20) * patienceMsPerMiB);
    const post = async (body: Uint8Array, headers: Readonly<Record<string, string>>): Promise<void> => {
      const request = { method: "POST", headers, body, patienceMs } as const;
      const asked = { url: this.#address("tuf/"), access: "write", subject: "publish" } as const;
      (await this.#accepted(request, asked)).discard();
    };
    const headers = { "content-type": whole.contentType };
    if (difference === undefined) return await post(whole.body, headers);
    try {
      await post(difference, { ...headers, "content-encoding": "dcz" });
    } catch (error) {
      if (!wantsWholeBody(error)) throw error;
      await post(whole.body, headers);
    }
  }

  /** The key the server holds for a role; an unknown collection gets a new one. @throws as {@link rotateKey} */
  async getKey(role: ServerRole): Promise<PublicKey> {
    return await this.#key({ method: "GET" }, role, "write");
  }

  /**
   * The server's key to name next for a role: the same one until a root names it.
   *
   * @throws NetworkError `RESPONSE_MALFORMED` for an unusable key, and as {@link fetch}
   */
  async rotateKey(role: ServerRole): Promise<PublicKey> {
    return await this.#key({ method: "POST" }, role, "admin");
  }

  /** @see Notary v1: HTTP API */
  async delete(): Promise<void> {
    const asked = { url: this.#address("tuf/"), access: "admin", subject: "delete" } as const;
    (await this.#accepted({ method: "DELETE" }, asked)).discard();
  }

  /**
   * True when the last change of the collection is its deletion. A server without a changefeed, or one that does not show
   * it: false.
   *
   * @throws NetworkError as {@link fetch}, unless the server answers
   */
  async wasDeleted(): Promise<boolean> {
    try {
      const address = { url: this.#address("changefeed?records=-1"), access: "read", subject: "changefeed" } as const;
      const response = await this.#accepted({ method: "GET" }, address);
      const { lastCategoryIn, maxErrorBytes } = await import("./trust-server-answers.ts");
      return lastCategoryIn(await response.bytes(maxErrorBytes)) === "deletion";
    } catch (error) {
      if (hasCode(error, "METADATA_MISSING", "TRUST_SERVER_REFUSED", "AUTHENTICATION_REFUSED")) return false;
      throw error;
    }
  }

  async #key(request: Pick<HttpRequest, "method">, role: ServerRole, access: TrustServerAccess): Promise<PublicKey> {
    const response = await this.#accepted(request, {
      url: this.#address(`tuf/${role}.key`),
      access,
      subject: `${role} key`,
    });
    const { serverKeyIn } = await import("./trust-server-answers.ts");
    const key = serverKeyIn(await response.bytes(maxKeyBytes));
    if (key?.verificationKey() !== undefined) return key;
    throw new NetworkError("RESPONSE_MALFORMED", `${this.url} answered with no usable public key for the ${role} role`);
  }

  /** @param path below the collection's address */
  #address(path: string): URL {
    return new URL(`${this.url}/v2/${this.#gun}/_trust/${path}`);
  }

  /** Sends a request and throws unless the server accepts it. */
  async #accepted(request: Omit<HttpRequest, "url" | "signal">, asked: Asked): Promise<HttpResponse> {
    const { url } = asked;
    const signal = this.#signal === undefined ? {} : { signal: this.#signal };
    try {
      const response = await this.#send({ ...request, url, ...signal }, asked.access);
      this.#answeredAt = answeredAt(response);
      this.#takesDifferences ||= announcesDcz(response);
      if (response.status === 200) return response;
      const { refusalOf } = await import("./trust-server-answers.ts");
      throw await refusalOf(response, asked.subject, this.#login);
    } catch (error) {
      throw this.#explain(error);
    }
  }
}

/** The subject of a request. */
interface Asked {
  readonly url: URL;
  readonly access: TrustServerAccess;
  /** for messages */
  readonly subject: string;
}
