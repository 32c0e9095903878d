/** Checks passwords so that no client can guess many, find out which users exist, or keep the server busy. */

import { createHmac, randomBytes } from "node:crypto";
import { clientKey } from "../http/server/client-address.ts";
import { KeyedLock } from "../service/keyed-lock.ts";
import { BoundedMap } from "../service/bounded-map.ts";
import { FailureLimit } from "./failure-limit.ts";
import type { PasswordFile } from "./password-file.ts";

/** The name and password a client claims, and its address. */
export interface PasswordClaim {
  readonly user: string;
  readonly password: string;
  /** undefined when the connection is already closed */
  readonly address: string | undefined;
}

/** Outcome of a check. */
export type PasswordOutcome = "right" | "wrong" | "throttled";

/** Answers whether a password belongs to a bcrypt hash. */
export type ComparePassword = (password: string, hash: string) => Promise<boolean>;

const minuteMs = 60_000;
/** Mistyping does not reach this; guessing does. */
const perUserAndAddress = { max: 10, windowMs: minuteMs };
/** Users behind one proxy share an address. */
const perAddress = { max: 50, windowMs: minuteMs };
/** High, so that a stranger cannot easily lock a user out by failing in the user's name. */
const perUser = { max: 200, windowMs: minuteMs };
/** how long a right password is not checked again; a changed file takes effect at once */
const rememberedForMs = 5 * minuteMs;
const maxRemembered = 10_000;
/** Checks run one after the other: each needs a processor, and the last request waits for all of them. */
const maxWaiting = 64;

/** Checks passwords against the password file, with limits per user and per address. */
export class PasswordCheck {
  readonly #compare: ComparePassword;
  readonly #now: () => Date;
  readonly #lock = new KeyedLock();
  readonly #limits: { readonly both: FailureLimit; readonly address: FailureLimit; readonly user: FailureLimit };
  /** Random, in memory and only for this process: a copy of what is remembered is of no use to a thief. */
  readonly #secret = randomBytes(32);
  /** until when, in milliseconds, by {@link PasswordCheck.#name} */
  readonly #remembered = new BoundedMap<string, number>(maxRemembered);
  #waiting = 0;

  constructor(compare: ComparePassword, now: () => Date) {
    this.#compare = compare;
    this.#now = now;
    this.#limits = {
      both: new FailureLimit(perUserAndAddress, now),
      address: new FailureLimit(perAddress, now),
      user: new FailureLimit(perUser, now),
    };
  }

  /** Users who do not exist take as long as users who do. */
  async check(claim: PasswordClaim, { hashes, decoy }: PasswordFile): Promise<PasswordOutcome> {
    const hash = hashes.get(claim.user);
    const name = hash === undefined ? undefined : this.#name(claim, hash);
    if (this.#isRemembered(name)) return "right";
    if (this.#waiting >= maxWaiting || this.#isLimited(claim)) return "throttled";
    this.#waiting += 1;
    try {
      return await this.#lock.hold("password", async () => {
        // A request with the same credentials may have finished first, right or wrong.
        if (this.#isRemembered(name)) return "right";
        if (this.#isLimited(claim)) return "throttled";
        const matches = await this.#compare(claim.password, hash ?? decoy);
        if (name !== undefined && matches) return this.#remember(name);
        this.#countFailure(claim);
        return "wrong";
      });
    } finally {
      this.#waiting -= 1;
    }
  }

  /** Bound to the hash: after a change of the file, what was remembered no longer matches. */
  #name({ user, password }: PasswordClaim, hash: string): string {
    return createHmac("sha256", this.#secret)
      .update(JSON.stringify([user, password, hash]))
      .digest("base64");
  }

  #isRemembered(name: string | undefined): boolean {
    return name !== undefined && (this.#remembered.get(name) ?? 0) > this.#now().getTime();
  }

  #remember(name: string): "right" {
    this.#remembered.set(name, this.#now().getTime() + rememberedForMs);
    return "right";
  }

  #isLimited({ user, address = "" }: PasswordClaim): boolean {
    const network = clientKey(address);
    const { both, address: byAddress, user: byUser } = this.#limits;
    return both.isReached(`${network} ${user}`) || byAddress.isReached(network) || byUser.isReached(user);
  }

  #countFailure({ user, address = "" }: PasswordClaim): void {
    const network = clientKey(address);
    this.#limits.both.add(`${network} ${user}`);
    this.#limits.address.add(network);
    this.#limits.user.add(user);
  }
}
