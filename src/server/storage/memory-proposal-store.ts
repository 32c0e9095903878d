import {
  type KeepingProposal,
  type ProposalEntry,
  type ProposalStore,
  requireKeepable,
  type StoredProposal,
} from "./proposal-store.ts";

/** Keeps proposals as long as the process. Each method works without yielding, which makes it atomic. */
export class MemoryProposalStore implements ProposalStore {
  readonly #byGun = new Map<string, Map<string, StoredProposal>>();

  async list(gun: string): Promise<readonly ProposalEntry[]> {
    const found = [...(this.#byGun.get(gun)?.values() ?? [])];
    return found
      .toSorted((a, b) => +a.createdAt - +b.createdAt || (a.id < b.id ? -1 : 1))
      .map(({ id, createdAt, expiresAt, bytes }) => ({ id, createdAt, expiresAt, length: bytes.length }));
  }

  async find(gun: string, id: string): Promise<StoredProposal | undefined> {
    return this.#byGun.get(gun)?.get(id);
  }

  async keep(gun: string, proposal: StoredProposal, how: KeepingProposal): Promise<void> {
    const kept = this.#byGun.get(gun) ?? new Map<string, StoredProposal>();
    requireKeepable(gun, how, { sha256: kept.get(proposal.id)?.sha256, count: kept.size });
    this.#byGun.set(gun, kept.set(proposal.id, proposal));
  }

  async forget(gun: string, id: string): Promise<boolean> {
    return this.#byGun.get(gun)?.delete(id) ?? false;
  }

  async forgetExpired(now: Date): Promise<number> {
    let count = 0;
    for (const kept of this.#byGun.values())
      for (const { id, expiresAt } of kept.values()) if (expiresAt <= now && kept.delete(id)) count += 1;
    return count;
  }

  /** Forgets all of a repository that is deleted. */
  forgetAll(gun: string): void {
    this.#byGun.delete(gun);
  }
}
