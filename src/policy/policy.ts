/**
 * A policy says what may be used: which images must be signed, with which roots, by which signers, and how recently. This folder is pure: it parses
 * text, and turns a reference, what was found signed, and policies into one {@link Verdict}. Every gate asks it, and adds no rules.
 */
import type { RootRequirement } from "../tuf/pinning.ts";

/** What a rule requires of an image: a signature, a digest in its name, or that it is not used at all. */
export type Requirement = "signed" | "digest" | "reject";

/** `enforce` refuses, `audit` only warns, `skip` asks nothing: the image is used as if there were no policy. */
export type Mode = "enforce" | "audit" | "skip";

/** Which digests a name without a tag may have: those that are signed now, or any. */
export type Digests = "signed" | "any";

/** Who must have signed a tag. */
export interface SignerRequirement {
  /** names of signers, as `trust inspect` shows them: `alice` for `targets/alice` */
  readonly names: readonly string[];
  /** how many of them, at least one */
  readonly threshold: number;
}

/** One rule. */
export interface Rule {
  /** the names it is about, as written; `default` for all others */
  readonly scope: string;
  readonly require: Requirement;
  readonly mode: Mode;
  /** the address of the trust server; that of the machine when absent */
  readonly server?: string;
  /** which root keys may be trusted; with `firstUse` the first that is seen, when absent */
  readonly roots?: RootRequirement;
  /** without pinned roots: whether a first root may be trusted because it is the first */
  readonly firstUse: boolean;
  readonly signers?: SignerRequirement;
  /** the greatest age of a timestamp, in milliseconds */
  readonly maxStalenessMs?: number;
  readonly digests: Digests;
  /** the registry, or registry and path, under which the images of this scope are signed: for mirrors and copies */
  readonly identity?: string;
}

/** A parsed policy. */
export interface Policy {
  /** where it is from, for messages: the path of a file */
  readonly source: string;
  /** for every name that has no rule */
  readonly default: Rule;
  /** by scope */
  readonly rules: ReadonlyMap<string, Rule>;
}
