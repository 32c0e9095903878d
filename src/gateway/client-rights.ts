/**
 * What a client may pull whose login is passed on. The registry is asked before anything is decided, so that neither trust data nor what other
 * clients fetched says that a private repository is there.
 */
import {
  type AskedContent,
  contentKey,
  type ContentRightParts,
  mayPullUnlisted,
  requireGiven,
} from "./content-right.ts";
import type { Answer } from "./answer.ts";
import { BoundedMap } from "../service/bounded-map.ts";
import { type PassedLogins, refusedLogin, type ShownLogin } from "./passed-logins.ts";
import type { LoginGuesses, PassedRepository } from "./proved-logins.ts";
import { type Repository, upstreamKey } from "./served-name.ts";

/** What rights are found out with. */
export interface RightsParts extends ContentRightParts {
  readonly logins: PassedLogins;
  readonly guesses: LoginGuesses;
}

/** as long as the tokens of registries: a right that was withdrawn ends then */
const provedForMs = 300_000;
const maxProved = 50_000;

/** See the top of this file. */
export class ClientRights {
  readonly #registries: ReadonlySet<string>;
  readonly #parts: RightsParts;
  readonly #now: () => Date;
  /** until when a registry's answer counts: for a repository, or for one thing in it */
  readonly #proved = new BoundedMap<string, number>(maxProved);
  /** until when it is known that a login gets something of a repository, and no list of its tags */
  readonly #unlisted = new BoundedMap<string, number>(maxProved);

  /** @param registries those that see the logins of clients */
  constructor(registries: readonly string[], parts: RightsParts, now: () => Date) {
    this.#registries = new Set(registries);
    this.#parts = parts;
    this.#now = now;
  }

  /** Asks for a login at the base of the API, where engines find out how to show one. @throws GatewayRefusal `UNAUTHORIZED` */
  requireShown(shown: ShownLogin): void {
    if (this.#registries.size === 0) return;
    if (shown.authorization === undefined)
      throw refusedLogin(shown, "log in with your login to the registry, or get a token without one", "missing");
    this.#parts.logins.read(shown);
  }

  /** A token for a login; undefined where no registry sees logins. @throws GatewayRefusal `UNAUTHORIZED` for a malformed one */
  tokenAnswer(shown: ShownLogin): Answer | undefined {
    return this.#registries.size === 0 ? undefined : this.#parts.logins.tokenAnswer(shown);
  }

  /**
   * The repository as this client sees it.
   *
   * @param content what is asked for; undefined for the list of tags
   * @throws GatewayRefusal `UNAUTHORIZED` or `DENIED` as the registry refuses the client; NetworkError
   */
  async seenBy(name: Repository, shown: ShownLogin, content: AskedContent | undefined): Promise<Repository> {
    if (!this.#registries.has(name.registry)) return name;
    const login = this.#parts.logins.read(shown);
    const seen = { ...name, login };
    if (this.#isProved(seen, content)) return seen;
    const isKnown = login.isAnonymous || this.#counts(this.#unlisted, upstreamKey(seen));
    await this.#parts.guesses.attempt({ login, shown, isKnown }, async (requireFew) => {
      if (this.#isProved(seen, content)) return;
      requireFew();
      this.#note(this.#proved, await this.#ask(seen, content));
    });
    return seen;
  }

  /**
   * A list of tags is what most clients with the right to pull get, and it is enough for the whole repository. Others are asked about one by one.
   *
   * @returns the key of what is proved
   */
  async #ask(seen: PassedRepository, content: AskedContent | undefined): Promise<string> {
    const key = upstreamKey(seen);
    const mayBeListed = content === undefined || !this.#counts(this.#unlisted, key);
    const unlisted = mayBeListed ? await this.#listingRefused(seen) : undefined;
    if (mayBeListed && unlisted === undefined) return key;
    if (content === undefined || (mayBeListed && !mayPullUnlisted(unlisted))) throw unlisted;
    await requireGiven(this.#parts, seen, content);
    this.#note(this.#unlisted, key);
    return keyOf(seen, content);
  }

  /** Why the registry does not list tags for a client; undefined when it does. */
  async #listingRefused(name: Repository): Promise<unknown> {
    try {
      await this.#parts.upstreams.use(name, async (client) => await client.tagPage(new URLSearchParams("n=1")));
      return undefined;
    } catch (error) {
      return error;
    }
  }

  #isProved(seen: PassedRepository, content: AskedContent | undefined): boolean {
    if (this.#counts(this.#proved, upstreamKey(seen))) return true;
    return content !== undefined && this.#counts(this.#proved, keyOf(seen, content));
  }

  #counts(until: ReadonlyMap<string, number>, key: string): boolean {
    return (until.get(key) ?? 0) > this.#now().getTime();
  }

  #note(until: Map<string, number>, key: string): void {
    until.set(key, this.#now().getTime() + provedForMs);
  }
}

function keyOf(seen: PassedRepository, content: AskedContent): string {
  return `${upstreamKey(seen)} ${contentKey(content)}`;
}
