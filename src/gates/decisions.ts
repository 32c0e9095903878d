/** The decisions of a gate in a long-lived process: policies, and what trust servers said a moment ago. */
import type { Policy } from "../policy/policy.ts";
import { needTrustData, readingKey, requirementsFor, type Requirements } from "../policy/requirements.ts";
import { hasCode } from "../errors.ts";
import { gunOf, type ImageReference, withDefaultTag } from "../reference/image-reference.ts";
import { type CurrentReading, readCurrent } from "../trust/reading/current-reading.ts";
import { decideFrom, type DecidedImage, decideWithListing, type FindListing } from "../trust/reading/decide-image.ts";
import type { TrustContext } from "../trust/trust-context.ts";
import { HeldReadings, type HeldReadingsOptions, type Outcome, type ReadingPlan } from "./held-readings.ts";

/** What decisions are made of. */
export interface DecisionsOptions extends HeldReadingsOptions {
  /** the system's before the user's; without any, docker's own rule */
  readonly policies: readonly Policy[];
  /** opens the collection of `requirements.identity` under these requirements; it is closed after each reading */
  readonly open: (requirements: Requirements) => Promise<TrustContext>;
  /** finds what lists a digest of a repository that no tag is signed for; without it such a digest is refused */
  readonly findListing?: ((reference: ImageReference) => FindListing) | undefined;
}

/** Decides about images. One for each gate. */
export class Decisions {
  readonly #open: DecisionsOptions["open"];
  /** for the metrics: what is in memory, and how often it was updated */
  readonly readings: HeldReadings;
  readonly #findListing: DecisionsOptions["findListing"];
  #policies: readonly Policy[];

  constructor(options: DecisionsOptions) {
    this.#policies = options.policies;
    this.#open = options.open;
    this.#findListing = options.findListing;
    this.readings = new HeldReadings(options);
  }

  /** Applies other policies from now on. */
  usePolicies(policies: readonly Policy[]): void {
    this.#policies = policies;
    this.readings.clear();
  }

  /**
   * Decides about an image; `latest` where it has neither tag nor digest.
   *
   * @throws MetadataError `POLICY_REFUSED` for policies that contradict each other; TagsealError `CANCELLED`; other refusals are in the verdict
   */
  async decide(reference: ImageReference): Promise<DecidedImage> {
    const decided = await this.decideFromHeld(reference);
    if (!mayBeNews(decided)) return decided;
    const requirements = this.#requirementsFor(reference);
    const reading = await this.readings.newer(this.#planFor(requirements));
    return await decideWithListing(requirements, reading, this.#findListing?.(reference));
  }

  /** {@link decide}, without looking again for what was signed in the last seconds. @throws as it does */
  async decideFromHeld(reference: ImageReference): Promise<DecidedImage> {
    const requirements = this.#requirementsFor(reference);
    if (!needTrustData(requirements)) return decideFrom(requirements, undefined);
    return decideFrom(requirements, await this.readings.current(this.#planFor(requirements)));
  }

  /** What is signed in a repository now, under what is required of the whole repository. @throws as {@link decide} */
  async reading({ registry, repository }: Pick<ImageReference, "registry" | "repository">): Promise<Outcome> {
    const whole = { registry, repository, tag: undefined, digest: undefined };
    return await this.readings.current(this.#planFor(this.#requirementsFor(whole)));
  }

  /** True when a rule for this name can refuse it; for a name without a tag, the rules of the whole repository count. */
  isEnforced(reference: ImageReference): boolean {
    return requirementsFor(this.#policies, reference).applied.some(({ rule }) => rule.mode === "enforce");
  }

  /** The tags of a repository that a rule names, where no rule is enforced. */
  tagsNotEnforced({ registry, repository }: Pick<ImageReference, "registry" | "repository">): readonly string[] {
    const prefix = `${gunOf({ registry, repository })}:`;
    const scopes = new Set(this.#policies.flatMap(({ rules }) => [...rules.keys()]));
    const tags = [...scopes].filter((scope) => scope.startsWith(prefix)).map((scope) => scope.slice(prefix.length));
    return tags.filter((tag) => !this.isEnforced({ registry, repository, tag, digest: undefined }));
  }

  #requirementsFor(reference: ImageReference): Requirements {
    return requirementsFor(this.#policies, withDefaultTag(reference));
  }

  #planFor(requirements: Requirements): ReadingPlan {
    const { maxStalenessMs } = requirements;
    const read = async (): Promise<CurrentReading> => {
      const context = await this.#open(requirements);
      try {
        return await readCurrent(context);
      } finally {
        context.close();
      }
    };
    return { key: readingKey(requirements), read, maxStalenessMs };
  }
}

/** A tag that was signed, or moved, since the last reading. */
function mayBeNews({ verdict }: DecidedImage): boolean {
  return verdict.outcome === "refused" && hasCode(verdict.error, ...newsCodes);
}

const newsCodes = ["TAG_NOT_SIGNED", "TAG_DIGEST_MISMATCH", "REPOSITORY_NOT_SIGNED"] as const;
