/** Who may push: a client whose login the registry lets begin an upload. */
import { NetworkError } from "../../errors.ts";
import type { PushRelay } from "../../registry/push-relay.ts";
import { isSuccess } from "../../registry/upload-session.ts";
import { BoundedMap } from "../../service/bounded-map.ts";
import { GatewayRefusal } from "../gateway-refusal.ts";
import type { ShownLogin } from "../passed-logins.ts";
import { LoginGuesses, type PassedRepository, ProvedLogins } from "../proved-logins.ts";
import { upstreamKey } from "../served-name.ts";
import type { Upstreams } from "../upstreams.ts";
import { refusalOfAnswer } from "./push-refusal.ts";

/** how long a reader is not asked about again */
const refusedForMs = 60_000;
const maxRefused = 10_000;

/** See the top of this file. */
export class PushRights {
  readonly #proved: ProvedLogins;
  readonly #now: () => Date;
  /** not those of logins that are wrong for certain: many registries refuse a reader who may not push as they refuse a wrong password */
  readonly #questions: LoginGuesses;
  readonly #refusedUntil = new BoundedMap<string, number>(maxRefused);

  /** @param upstreams whose clients ask for the right to push */
  constructor(upstreams: Upstreams, guesses: LoginGuesses, now: () => Date) {
    this.#now = now;
    this.#questions = new LoginGuesses(now);
    this.#proved = new ProvedLogins(guesses, now, async (name) => {
      await upstreams.use(name, async ({ relay }) => await beginAndCancel(relay));
    });
  }

  /** @throws GatewayRefusal as the registry refuses the client; NetworkError */
  async require(name: PassedRepository, shown: ShownLogin): Promise<void> {
    await this.#proved.require(name, shown);
  }

  /** True for a publisher whose login was tried lately. */
  isProved(name: PassedRepository): boolean {
    return this.#proved.isProved(name);
  }

  /**
   * The same as a question, whose refusals are counted by themselves: a registry that lets everybody read has not tried the login before. Beyond the
   * limit a login that may push counts as one that may not. @throws GatewayRefusal, NetworkError when that cannot be known
   */
  async has(name: PassedRepository, shown: ShownLogin): Promise<boolean> {
    const { login } = name;
    if (this.isProved(name)) return true;
    if (this.#isRefused(name)) return false;
    try {
      await this.#questions.attempt({ login, shown, isKnown: false }, async (requireFew) => {
        if (this.isProved(name)) return;
        requireFew();
        await this.#proved.ask(name);
      });
      return true;
    } catch (error) {
      if (!isRefusal(error)) throw error;
      if (error.reason !== "LOGIN_THROTTLED")
        this.#refusedUntil.set(upstreamKey(name), this.#now().getTime() + refusedForMs);
      return false;
    }
  }

  #isRefused(name: PassedRepository): boolean {
    return (this.#refusedUntil.get(upstreamKey(name)) ?? 0) > this.#now().getTime();
  }
}

function isRefusal(error: unknown): error is GatewayRefusal {
  return error instanceof GatewayRefusal && error.status < 500;
}

/** What begins an upload may push. Registries remove what is not completed; this one is removed at once where the registry can. */
async function beginAndCancel(relay: PushRelay): Promise<void> {
  const begun = await relay.begin();
  if (!isSuccess(begun)) throw await refusalOfAnswer(relay, begun, "the start of an upload");
  begun.discard();
  const location = await relay.continuesAt(begun);
  try {
    (await relay.step({ method: "DELETE", location })).discard();
  } catch (error) {
    if (!(error instanceof NetworkError)) throw error;
  }
}
