/**
 * Keeps changes that not enough keys have signed yet, and publishes one as soon as enough have: through `Publications`, as an ordinary upload.
 * Everything that is sent is verified first, so that what others are asked to sign can be published.
 */

import { hasCode, MetadataError } from "../../errors.ts";
import { sha256Hex } from "../../crypto/sha256.ts";
import type { LogFields, ServerLog } from "../../service/log.ts";
import type { MetadataFile, RoleName, RootBody } from "../../tuf/metadata.ts";
import { parseProposal, serialiseProposal } from "../../tuf/notary-v1/proposal-json.ts";
import { parseMetadata } from "../../tuf/notary-v1/parse.ts";
import { type JudgedProposal, judgeProposal, type ProposalBase } from "../../tuf/proposals/judged-proposal.ts";
import { mergedProposal, type Proposal } from "../../tuf/proposals/proposal.ts";
import { isDelegation, parentOf } from "../../tuf/role-name.ts";
import { holdsKeyOf } from "../../tuf/server-signing.ts";
import { KeyedLock } from "../../service/keyed-lock.ts";
import type { Publications } from "../collections/publications.ts";
import type { SigningService } from "../signer/signing-service.ts";
import type { MetadataStore } from "../storage/metadata-store.ts";
import type { ProposalEntry, StoredProposal } from "../storage/proposal-store.ts";

/** Bounds on proposals. */
export interface ProposalLimits {
  /** in one repository; 0 keeps none at all */
  readonly maxProposals: number;
  /** of one proposal with its signatures */
  readonly maxProposalBytes: number;
  /** how long one is open at most */
  readonly proposalLifetimeMs: number;
}

/** What keeping proposals needs. */
export interface ProposalsParts {
  readonly store: Pick<MetadataStore, "current" | "proposals">;
  readonly signer: Pick<SigningService, "find">;
  readonly publications: Pick<Publications, "publish">;
  readonly log: ServerLog;
  readonly now: () => Date;
  readonly limits: ProposalLimits;
}

/** What became of a proposal that was sent. `complete`: it has all signatures, and only the owner can make the snapshot that it needs. */
export interface Submitted {
  readonly id: string;
  readonly state: "open" | "complete" | "published";
}

/** How often a signature is added again after another one came first. */
const maxAttempts = 20;

/** The proposals of all repositories. */
export class Proposals {
  readonly #parts: ProposalsParts;
  readonly #lock = new KeyedLock();

  constructor(parts: ProposalsParts) {
    this.#parts = parts;
  }

  get limits(): ProposalLimits {
    return this.#parts.limits;
  }

  /**
   * Keeps a proposal, or adds the signatures it brings to the one that is kept; publishes it when that completes it.
   *
   * @throws MetadataError `PROPOSAL_MALFORMED`, `PROPOSAL_EXPIRED`, `PROPOSAL_OVERTAKEN`
   * @throws TagsealError `LIMIT_REACHED`, `STORAGE_CONFLICT`, `STORAGE_FAILED`; UpdateRefused when a complete one cannot be published
   */
  async submit(gun: string, bytes: Uint8Array, caller: LogFields = {}): Promise<Submitted> {
    const given = this.#bounded(parseProposal(bytes));
    return await this.#lock.hold(gun, async () => {
      for (let attempt = 1; ; attempt += 1) {
        try {
          return await this.#add(gun, given, caller);
        } catch (error) {
          // Another server added a signature, and this one must not replace it.
          if (!hasCode(error, "STORAGE_CONFLICT") || attempt >= maxAttempts) throw error;
        }
      }
    });
  }

  /** What is open, oldest first. */
  async list(gun: string): Promise<readonly ProposalEntry[]> {
    const now = this.#parts.now();
    return (await this.#parts.store.proposals.list(gun)).filter(({ expiresAt }) => expiresAt > now);
  }

  /** One that is open, as it would be sent. */
  async find(gun: string, id: string): Promise<StoredProposal | undefined> {
    const found = await this.#parts.store.proposals.find(gun, id);
    return found !== undefined && found.expiresAt > this.#parts.now() ? found : undefined;
  }

  /** @returns false when there was none of this ID */
  async withdraw(gun: string, id: string, caller: LogFields = {}): Promise<boolean> {
    const { store, log } = this.#parts;
    const isForgotten = await this.#lock.hold(gun, () => store.proposals.forget(gun, id));
    if (isForgotten) log.write("info", "proposal withdrawn", { gun, proposal: id, ...caller });
    return isForgotten;
  }

  #bounded(proposal: Proposal): Proposal {
    const latest = this.#parts.now().getTime() + this.#parts.limits.proposalLifetimeMs;
    return { ...proposal, expiresAt: new Date(Math.min(proposal.expiresAt.getTime(), latest)) };
  }

  async #add(gun: string, given: Proposal, caller: LogFields): Promise<Submitted> {
    const { store, now, publications, log } = this.#parts;
    const base = await this.#baseOf(gun, given);
    const judged = judgeProposal(given, base, now());
    const { id } = judged;
    const kept = await store.proposals.find(gun, id);
    const whole =
      kept === undefined ? judged : judgeProposal(mergedProposal(parseProposal(kept.bytes), judged), base, now());
    if (whole.isComplete && (await this.#canPublish(gun, whole, base))) {
      const uploads = new Map([...whole.files].map(([role, file]) => [role, file.bytes]));
      await this.#published(gun, publications.publish(gun, { uploads }, caller));
      await store.proposals.forget(gun, id);
      return { id, state: "published" };
    }
    await this.#keep(gun, whole, kept);
    log.write("info", "proposal kept", { gun, proposal: id, signers: signersOf(whole).join(" "), ...caller });
    return { id, state: whole.isComplete ? "complete" : "open" };
  }

  /** A conflict here is another publication, not another signature. */
  async #published(gun: string, publication: Promise<void>): Promise<void> {
    try {
      await publication;
    } catch (cause) {
      if (!hasCode(cause, "STORAGE_CONFLICT")) throw cause;
      throw new MetadataError("PROPOSAL_OVERTAKEN", `another publication overtook a proposal for ${gun}`, { cause });
    }
  }

  async #keep(gun: string, proposal: JudgedProposal, kept: StoredProposal | undefined): Promise<void> {
    const { store, now, limits } = this.#parts;
    const bytes = Buffer.from(serialiseProposal(proposal));
    const { id, expiresAt } = proposal;
    const row = { id, expiresAt, createdAt: kept?.createdAt ?? now(), sha256: sha256Hex(bytes), bytes };
    const how = { replaces: kept?.sha256, limit: limits.maxProposals };
    try {
      await store.proposals.keep(gun, row, how);
    } catch (error) {
      if (!hasCode(error, "LIMIT_REACHED") || (await this.#forgetUseless(gun)) === 0) throw error;
      await store.proposals.keep(gun, row, how);
    }
  }

  /** Forgets what can no longer be published, to make room. */
  async #forgetUseless(gun: string): Promise<number> {
    const { store, now } = this.#parts;
    let forgotten = 0;
    for (const { id } of await store.proposals.list(gun)) {
      const kept = await store.proposals.find(gun, id);
      if (kept === undefined) continue;
      try {
        const proposal = parseProposal(kept.bytes);
        judgeProposal(proposal, await this.#baseOf(gun, proposal), now());
      } catch (error) {
        if (!(error instanceof MetadataError)) throw error;
        if (await store.proposals.forget(gun, id)) forgotten += 1;
      }
    }
    return forgotten;
  }

  /** Everything that the judgement asks for: each proposed role, and those that say who signs it. */
  async #baseOf(gun: string, { files }: Proposal): Promise<ProposalBase> {
    const published = new Map<RoleName, MetadataFile>();
    for (const role of new Set(["root", ...[...files.keys()].flatMap(withAncestors)])) {
      const stored = await this.#parts.store.current(gun, role);
      if (stored !== undefined) published.set(role, parseMetadata(role, stored.bytes));
    }
    const file = (role: RoleName): MetadataFile | undefined => published.get(role);
    return { gun, file, versionOf: (role) => file(role)?.body.version ?? 0 };
  }

  async #canPublish(gun: string, { files }: JudgedProposal, base: ProposalBase): Promise<boolean> {
    const root = rootBody(files.get("root")) ?? rootBody(base.file("root"));
    const roleKeys = root?.roles.get("snapshot");
    if (root === undefined || roleKeys === undefined) return false;
    const find = (keyId: string, role: "snapshot" | "timestamp") => this.#parts.signer.find(gun, role, keyId);
    return await holdsKeyOf("snapshot", { roleKeys, keys: root.keys }, { find });
  }
}

function withAncestors(role: RoleName): readonly RoleName[] {
  return isDelegation(role) ? [...withAncestors(parentOf(role)), role] : [role];
}

function rootBody(file: MetadataFile | undefined): RootBody | undefined {
  return file?.body.type === "root" ? file.body : undefined;
}

function signersOf({ files }: Proposal): readonly string[] {
  return [...new Set([...files.values()].flatMap(({ signatures }) => signatures.map(({ keyId }) => keyId)))];
}
