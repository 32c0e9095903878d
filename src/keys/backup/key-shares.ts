/**
 * The key of a backup in shares: an age identity, of whose n shares any k give it back and fewer say nothing about it. The joined identity is
 * checked, because the splitting itself cannot notice a wrong share.
 *
 * @see https://github.com/privy-io/shamir-secret-sharing, audited by Cure53 and Zellic
 */
import { bech32 } from "@scure/base";
import { sha256Hex } from "../../crypto/sha256.ts";
import { KeyStoreError, UsageError, hasCode } from "../../errors.ts";
import type { TagsealError } from "../../errors.ts";
import { type KeyShare, maxShares, parseShare, shownSet } from "./share-text.ts";

const identityPrefix = "AGE-SECRET-KEY-";
const setLength = 10;

/** An identity made for one backup, and its shares. */
export interface SharedIdentity {
  /** `age1…`, to encrypt for */
  readonly recipient: string;
  /** `AGE-SECRET-KEY-1…`; forgotten once the shares are delivered */
  readonly identity: string;
  readonly shares: readonly KeyShare[];
}

/**
 * Makes an identity and splits it.
 *
 * @param needed how many shares are to open the backup
 * @param made how many shares to make
 * @throws UsageError `USAGE` for numbers other than 2 ≤ needed ≤ made ≤ 16
 */
export async function makeShares(needed: number, made: number): Promise<SharedIdentity> {
  if (!(needed >= 2 && made >= needed && made <= maxShares))
    throw new UsageError("USAGE", `cannot make ${made} shares of which ${needed} open the backup`, {
      hint: `Give two numbers from 2 to ${maxShares}, the smaller one first, as in --shares 3/5.`,
    });
  const { generateX25519Identity, identityToRecipient } = await import("age-encryption");
  const { split } = await import("shamir-secret-sharing");
  const identity = await generateX25519Identity();
  const recipient = await identityToRecipient(identity);
  const points = await split(bech32.decodeToBytes(identity).bytes, made, needed);
  const set = setOf(recipient);
  return {
    recipient,
    identity,
    shares: points.map((point, index) => ({ set, needed, made, number: index + 1, point })),
  };
}

/** Names the set by the public half of its key, so that joined shares can be checked against it. */
function setOf(recipient: string): string {
  return sha256Hex(Buffer.from(recipient)).slice(0, setLength);
}

/** Shares of one set, collected one after another until they give the identity. */
export class ShareCollection {
  readonly #shares: { readonly share: KeyShare; readonly source: string }[] = [];

  /** The set of the shares so far; undefined before the first. */
  get set(): KeyShare | undefined {
    return this.#shares[0]?.share;
  }

  /** How many shares are here. */
  get count(): number {
    return this.#shares.length;
  }

  /**
   * Takes a share.
   *
   * @param source where it comes from, for messages
   * @throws KeyStoreError `SHARE_INVALID` for a typing error, a share of another set, or one that is here already
   */
  add(text: string, source: string): KeyShare {
    const share = parseShare(text, source);
    const [first] = this.#shares;
    if (first !== undefined && !belongsTo(first.share, share)) {
      const message = `${source} is of set ${shownSet(share.set)}, ${first.source} of set ${shownSet(first.share.set)}`;
      throw new KeyStoreError("SHARE_INVALID", message, { hint: "Use shares of the same set, which is on each page." });
    }
    const same = this.#shares.find((other) => other.share.number === share.number);
    if (same !== undefined)
      throw new KeyStoreError("SHARE_INVALID", `${source} is share ${share.number}, as is ${same.source}`, {
        hint: "Give each share once.",
      });
    this.#shares.push({ share, source });
    return share;
  }

  /**
   * The identity that the shares give. With more shares than needed a forged one among them is found, and left out.
   *
   * @param onForged called with the source of each share that has a right checksum and a wrong value
   * @throws KeyStoreError `SHARES_TOO_FEW`, `SHARE_INVALID`
   */
  async identity(onForged: (source: string) => void): Promise<string> {
    const needed = this.set?.needed ?? 2;
    if (this.count < needed)
      throw tooFew(
        this.#shares.map(({ share }) => share.number),
        needed,
      );
    for (const chosen of choices(this.#shares, needed)) {
      const identity = await join(chosen.map(({ share }) => share));
      if (identity === undefined) continue;
      for (const other of this.#shares.filter((one) => !chosen.includes(one))) {
        const tried = [other, ...chosen.slice(1)].map(({ share }) => share);
        if ((await join(tried)) !== identity) onForged(other.source);
      }
      return identity;
    }
    throw new KeyStoreError("SHARE_INVALID", "The shares do not give the key of their set: one of them was changed", {
      hint: "Its checksum was changed with it, so only further shares show which one it is: give them, too.",
    });
  }
}

/** The two shares agree on their set and its numbers. */
function belongsTo(first: KeyShare, share: KeyShare): boolean {
  return first.set === share.set && first.needed === share.needed && first.made === share.made;
}

/** @returns undefined when a share is wrong: what comes out is not the key that names the set */
async function join(shares: readonly KeyShare[]): Promise<string | undefined> {
  const { combine } = await import("shamir-secret-sharing");
  const { identityToRecipient } = await import("age-encryption");
  const places = new Set(shares.map(({ point }) => point.at(-1)));
  // Two points at one place of the curve, or one at the place of the secret, are of forged shares.
  if (places.size !== shares.length || places.has(0)) return undefined;
  const scalar = await combine(shares.map(({ point }) => new Uint8Array(point)));
  const identity = bech32.encodeFromBytes(identityPrefix, scalar).toUpperCase();
  return setOf(await identityToRecipient(identity)) === shares[0]?.set ? identity : undefined;
}

/** Every way to choose `count` of some things, in order. */
function* choices<T>(from: readonly T[], count: number): Generator<readonly T[]> {
  if (count === 0) yield [];
  const starts = count === 0 ? [] : from.slice(0, from.length - count + 1);
  for (const [index, chosen] of starts.entries()) {
    for (const rest of choices(from.slice(index + 1), count - 1)) yield [chosen, ...rest];
  }
}

/** The refusal for fewer shares than needed, which names those that are here. */
function tooFew(numbers: readonly number[], needed: number): KeyStoreError {
  const here =
    numbers.length === 0 ? "none is here" : `only ${listed(numbers)} ${numbers.length === 1 ? "is" : "are"} here`;
  return new KeyStoreError("SHARES_TOO_FEW", `${needed} shares are needed, and ${here}`, {
    hint: "Ask for a share of the same set that is not among them.",
  });
}

function listed(numbers: readonly number[]): string {
  const sorted = numbers.toSorted((a, b) => a - b);
  return `${sorted.length === 1 ? "share" : "shares"} ${sorted.join(", ")}`;
}

/**
 * Takes all shares that can be used, and reports the others: a wrong page among enough right ones does not stop a restoration.
 *
 * @throws KeyStoreError the first problem, when too few shares remain
 */
export function addAll(
  collection: ShareCollection,
  given: readonly { readonly text: string; readonly source: string }[],
  onProblem: (problem: TagsealError) => void,
): void {
  const problems: TagsealError[] = [];
  for (const { text, source } of given) {
    try {
      collection.add(text, source);
    } catch (error) {
      if (!hasCode(error, "SHARE_INVALID")) throw error;
      problems.push(error);
    }
  }
  const [first] = problems;
  if (first !== undefined && collection.count < (collection.set?.needed ?? 2)) throw first;
  for (const problem of problems) onProblem(problem);
}
