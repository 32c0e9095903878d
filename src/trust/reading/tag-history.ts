/** Which digest a tag meant, from when to when, and who signed it. */
import type { Digest } from "../../reference/digest.ts";
import { lifetimeMs } from "../../tuf/expiry.ts";
import type { RoleName, TargetsFile } from "../../tuf/metadata.ts";
import { type HistoryEnd, pastCollections } from "../../tuf/past-collections.ts";
import type { TrustedCollection } from "../../tuf/trusted-collection.ts";
import type { TrustContext } from "../trust-context.ts";
import { readCollection } from "./collection-reading.ts";
import { compareNatural } from "./natural-order.ts";
import { releasedEntries, type SignedTag } from "./released-tags.ts";

/** A tag that meant one digest for a time. */
export interface PastTag {
  readonly tag: string;
  readonly digest: Digest;
  /** size of the manifest in bytes */
  readonly length: number;
  /** `targets/releases` or `targets` */
  readonly role: RoleName;
  /** names of the signers of exactly this digest, sorted; empty when the repository key signed */
  readonly signers: readonly string[];
  /** when it was signed, from what its signer wrote; undefined when that was before the oldest known state */
  readonly from: Date | undefined;
  /** when it was replaced or removed; undefined while it is current */
  readonly until: Date | undefined;
}

/** What the trust server remembers of a repository. */
export interface TagHistory {
  /** by tag in natural order, the newest entry of a tag first */
  readonly entries: readonly PastTag[];
  /** the oldest state that the entries come from */
  readonly end: HistoryEnd;
}

/** Which part of the history is read. */
export interface TagHistoryOptions {
  /** undefined: all tags */
  readonly tag: string | undefined;
  /** how many publications to look back */
  readonly maxSnapshots: number;
}

/**
 * Reads the history of a tag, or of all tags, from the versions that the trust server keeps. Each state is verified against the root that was
 * current then. A server can withhold old states; to invent one takes the keys of that time.
 *
 * @throws MetadataError `REPOSITORY_NOT_SIGNED`, and everything an update can refuse; NetworkError
 */
export async function tagHistory(context: TrustContext, options: TagHistoryOptions): Promise<TagHistory> {
  const { tag, maxSnapshots } = options;
  const current = await readCollection(context);
  const states = pastCollections({ source: context.repository, current, now: context.now(), maxSnapshots });
  const timeline = new Timeline();
  let step = await states.next();
  for (; step.done !== true; step = await states.next()) {
    const released = releasedEntries(step.value, () => undefined);
    timeline.addOlder(
      step.value,
      firstOfEachTag(released).filter((entry) => tag === undefined || entry.tag === tag),
    );
  }
  return { entries: timeline.finish(step.value), end: step.value };
}

/** A tag that two roles bind to different digests means the first one. */
function firstOfEachTag(entries: readonly SignedTag[]): readonly SignedTag[] {
  return entries.filter(({ tag }, index) => tag !== entries[index - 1]?.tag);
}

type OpenTag = Omit<PastTag, "from">;

/** Puts states together, newest first. */
class Timeline {
  readonly #closed: PastTag[] = [];
  /** what the state looked at last says of each tag */
  #open = new Map<string, OpenTag>();
  #newer: TrustedCollection | undefined;

  addOlder(state: TrustedCollection, entries: readonly SignedTag[]): void {
    const changedAt = this.#newer === undefined ? undefined : changeBetween(state, this.#newer);
    const open = new Map<string, OpenTag>();
    for (const entry of entries) {
      const newer = this.#open.get(entry.tag);
      const isSame = newer !== undefined && isSameEntry(newer, entry);
      open.set(entry.tag, isSame ? newer : { ...entry, until: changedAt });
    }
    for (const [tag, newer] of this.#open)
      if (open.get(tag) !== newer) this.#closed.push({ ...newer, from: changedAt });
    this.#open = open;
    this.#newer = state;
  }

  finish({ isBeginning }: HistoryEnd): readonly PastTag[] {
    const oldest = this.#newer;
    const from = isBeginning && oldest !== undefined ? latest(filesOf(oldest)) : undefined;
    for (const entry of this.#open.values()) this.#closed.push({ ...entry, from });
    // the sort is stable, and entries of one tag were closed newest first
    return this.#closed.toSorted((a, b) => compareNatural(a.tag, b.tag));
  }
}

function isSameEntry(one: OpenTag, other: SignedTag): boolean {
  return one.digest === other.digest && one.role === other.role && one.signers.join("\n") === other.signers.join("\n");
}

/** When a state became the next one: the latest time at which a file that differs was signed. */
function changeBetween(older: TrustedCollection, newer: TrustedCollection): Date | undefined {
  const before = new Set(filesOf(older).map(({ bytes }) => Buffer.from(bytes).toString("base64")));
  return latest(filesOf(newer).filter(({ bytes }) => !before.has(Buffer.from(bytes).toString("base64"))));
}

function filesOf({ targets, delegations }: TrustedCollection): readonly TargetsFile[] {
  return [targets, ...delegations.values()];
}

/** Signers write when a file expires, which is a fixed time after they sign it. */
function latest(files: readonly TargetsFile[]): Date | undefined {
  const times = files.map(({ role, body }) => body.expiresAt.getTime() - lifetimeMs(role));
  return times.length === 0 ? undefined : new Date(Math.max(...times));
}
