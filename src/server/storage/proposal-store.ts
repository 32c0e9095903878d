/**
 * Where a trust server keeps proposals: beside the published files, out of reach of everything that readers ask for. One contract, every
 * implementation of which runs `test/contract/proposal-store.ts`. A store knows nothing about their content.
 */

import { TagsealError } from "../../errors.ts";

/** A proposal without its content. */
export interface ProposalEntry {
  /** within its repository */
  readonly id: string;
  readonly createdAt: Date;
  readonly expiresAt: Date;
  /** how many bytes it has */
  readonly length: number;
}

/** A proposal as it was sent, with the signatures that others added. */
export interface StoredProposal extends Omit<ProposalEntry, "length"> {
  /** of `bytes`, as hexadecimal digits */
  readonly sha256: string;
  readonly bytes: Buffer;
}

/** What must hold when a proposal is kept. */
export interface KeepingProposal {
  /** sha256 of the content that it replaces; undefined when there was none */
  readonly replaces: string | undefined;
  /** how many the repository may have afterwards */
  readonly limit: number;
}

/** Keeps the proposals of all repositories. Every method may throw TagsealError `STORAGE_FAILED`. */
export interface ProposalStore {
  /** Oldest first, expired ones included. */
  list(gun: string): Promise<readonly ProposalEntry[]>;
  find(gun: string, id: string): Promise<StoredProposal | undefined>;
  /**
   * Keeps a proposal, or more signatures of one, in one durable transaction.
   *
   * @throws TagsealError `STORAGE_CONFLICT` when its content is no longer what it replaces: of two who add a signature at the same time one does so again.
   *   `LIMIT_REACHED` for a new one beyond the limit. Nothing is written then
   */
  keep(gun: string, proposal: StoredProposal, how: KeepingProposal): Promise<void>;
  /** @returns false when there was none of this ID */
  forget(gun: string, id: string): Promise<boolean>;
  /** Forgets what has ended, in all repositories. @returns how many */
  forgetExpired(now: Date): Promise<number>;
}

/** What a store has before it keeps a proposal. */
export interface KeptBefore {
  /** sha256 of the content under this ID; undefined when there is none */
  readonly sha256: string | undefined;
  /** how many proposals the repository has */
  readonly count: number;
}

/** The rule of every {@link ProposalStore.keep}, within its transaction. */
export function requireKeepable(gun: string, { replaces, limit }: KeepingProposal, kept: KeptBefore): void {
  if (kept.sha256 !== replaces) {
    throw new TagsealError(
      "STORAGE_CONFLICT",
      `Cannot keep a proposal for ${gun}: another signature was added meanwhile`,
    );
  }
  if (replaces === undefined && kept.count >= limit) {
    throw new TagsealError("LIMIT_REACHED", `${gun} has ${limit} open proposals, as many as this server keeps`, {
      hint: "Publish or withdraw one of them: tagseal trust proposals IMAGE",
    });
  }
}
