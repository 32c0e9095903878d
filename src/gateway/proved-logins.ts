/** What registries said about the logins of clients, for a while. Wrong logins of one address are limited, whatever was asked with them. */
import { NetworkError } from "../errors.ts";
import { FailureLimit } from "../login/failure-limit.ts";
import { BoundedMap } from "../service/bounded-map.ts";
import { KeyedLock } from "../service/keyed-lock.ts";
import { GatewayRefusal } from "./gateway-refusal.ts";
import type { PassedLogin } from "./passed-login.ts";
import { refusedLogin, type ShownLogin } from "./passed-logins.ts";
import { type Repository, upstreamKey } from "./served-name.ts";

/** A repository, and the login that its registry is shown. */
export interface PassedRepository extends Repository {
  readonly login: PassedLogin;
}

/** as long as the tokens of registries: a right that was withdrawn ends then */
const provedForMs = 300_000;
const maxProved = 10_000;
/** wrong logins of one address */
const wrongLogins = { max: 10, windowMs: 60_000 };

/** Counts wrong logins, and has those of one address tried one after another: requests at the same time are no way around the limit. */
export class LoginGuesses {
  readonly #failures: FailureLimit;
  readonly #checking = new KeyedLock();

  constructor(now: () => Date) {
    this.#failures = new FailureLimit(wrongLogins, now);
  }

  /** Tries a login. @throws GatewayRefusal `UNAUTHORIZED` or `DENIED` as the registry refuses it; NetworkError */
  async attempt({ login, shown, isKnown }: Attempt, work: (requireFew: () => void) => Promise<void>): Promise<void> {
    const { remoteAddress = "" } = shown;
    const requireFew = (): void => {
      if (!login.isAnonymous && this.#failures.isReached(remoteAddress))
        throw refusedLogin(shown, "too many wrong logins: try again in a minute", "throttled");
    };
    const tried = async (): Promise<void> => {
      try {
        await work(requireFew);
      } catch (error) {
        const refused = refusalOfLogin(error, login, shown);
        if (isWrong(refused) && !login.isAnonymous) this.#failures.add(remoteAddress);
        throw refused;
      }
    };
    await (isKnown ? tried() : this.#checking.hold(remoteAddress, tried));
  }
}

/** A login that is tried. */
export interface Attempt {
  readonly login: PassedLogin;
  readonly shown: ShownLogin;
  /** it need not wait for others of its address */
  readonly isKnown: boolean;
}

/** One right, such as to pull: what a login that has it can do. */
export class ProvedLogins {
  readonly #guesses: LoginGuesses;
  readonly #now: () => Date;
  readonly #ask: (name: PassedRepository) => Promise<void>;
  /** until when a registry's answer counts */
  readonly #proved = new BoundedMap<string, number>(maxProved);

  /** @param ask asks the registry for what needs the right; rejects as requests do */
  constructor(guesses: LoginGuesses, now: () => Date, ask: (name: PassedRepository) => Promise<void>) {
    this.#guesses = guesses;
    this.#now = now;
    this.#ask = ask;
  }

  /** True for a login that the registry has accepted lately. */
  isProved(name: PassedRepository): boolean {
    return (this.#proved.get(upstreamKey(name)) ?? 0) > this.#now().getTime();
  }

  /** @throws GatewayRefusal `UNAUTHORIZED` or `DENIED` as the registry refuses the client; NetworkError */
  async require(name: PassedRepository, shown: ShownLogin): Promise<void> {
    if (this.isProved(name)) return;
    const { login } = name;
    await this.#guesses.attempt({ login, shown, isKnown: login.isAnonymous }, async (requireFew) => {
      if (this.isProved(name)) return;
      requireFew();
      await this.ask(name);
    });
  }

  /** Asks the registry, whatever was said before. @throws as requests do */
  async ask(name: PassedRepository): Promise<void> {
    await this.#ask(name);
    this.#proved.set(upstreamKey(name), this.#now().getTime() + provedForMs);
  }
}

function isWrong(error: unknown): boolean {
  return error instanceof GatewayRefusal && error.status === 401 && error.reason !== "LOGIN_THROTTLED";
}

/**
 * A registry's refusal of a login, in the words for the client; anything else unchanged. Who was given a token without a login is told that it is not
 * enough: engines would ask for another one.
 */
export function refusalOfLogin(error: unknown, { isAnonymous }: PassedLogin, shown: ShownLogin): unknown {
  if (!(error instanceof NetworkError)) return error;
  const { code, status, message } = error;
  if (code !== "AUTHENTICATION_REQUIRED" && code !== "AUTHENTICATION_REFUSED") return error;
  const missing = shown.authorization === undefined ? "missing" : "insufficient";
  if (code === "AUTHENTICATION_REQUIRED" || status === 401)
    return refusedLogin(shown, message, isAnonymous ? missing : "invalid");
  return new GatewayRefusal(403, "DENIED", message, { reason: code });
}
