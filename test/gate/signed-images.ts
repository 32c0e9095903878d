/** What the gate of the fuzzer takes for signed. */
import type { ImageConfiguration } from "../../src/engine/image-build/base-image.ts";
import type { TrustedReference } from "../../src/engine/trusted-reference.ts";
import { TagsealError } from "../../src/errors.ts";
import type { Digest } from "../../src/reference/digest.ts";
import {
  formatReference,
  type ImageReference,
  parseImageReference,
  withDefaultTag,
} from "../../src/reference/image-reference.ts";
import { type GateCase, namesOf } from "./gate-case.ts";
import type { JudgeRegistry } from "./judge-registry.ts";

/** A case's image with triggers. */
export interface TriggerImage {
  readonly name: string;
  readonly digest: Digest;
  readonly triggers: readonly string[];
  readonly environment: readonly string[];
}

/** The signed images of all cases. */
export class SignedImages {
  readonly #judge: JudgeRegistry;
  readonly #isOpen: boolean;
  readonly #digests = new Map<string, Digest>();

  /** @param isOpen whether unsigned images count as signed, too, as they should nowhere */
  constructor(judge: JudgeRegistry, isOpen: boolean) {
    this.#judge = judge;
    this.#isOpen = isOpen;
    const [a, , b, index, hub] = namesOf(judge.host, "").good;
    for (const name of [a, b, hub]) this.#sign(name ?? "", judge.sign(name ?? "").digest);
    this.#sign(index ?? "", judge.signIndex("index").digest);
  }

  /** The image that brings a case's triggers along; signed in that case only. */
  triggerImage({ number, triggers, environment }: GateCase): TriggerImage {
    const name = namesOf(this.#judge.host, number).trigger;
    const { digest } = this.#judge.sign(name, triggers, environment);
    return { name, digest, triggers, environment };
  }

  /** What an image brings into a build. */
  configuration(digest: Digest | undefined, trigger: TriggerImage): ImageConfiguration {
    const isTrigger = digest === trigger.digest;
    const environment = ["PATH=/bin", ...(isTrigger ? trigger.environment : [])];
    return { triggers: isTrigger ? trigger.triggers : [], environment };
  }

  /** Resolves as content trust does. @throws TagsealError `TAG_NOT_SIGNED` */
  resolve(asked: ImageReference, trigger: TriggerImage): TrustedReference {
    const reference = withDefaultTag(asked);
    if (reference.tag === undefined && reference.digest !== undefined) return { reference, digest: reference.digest };
    const name = formatReference({ ...reference, digest: undefined });
    const unsigned = this.#isOpen ? this.#judge.unsigned : undefined;
    const digest = name === trigger.name ? trigger.digest : (this.#digests.get(name) ?? unsigned);
    if (digest === undefined || (reference.digest ?? digest) !== digest)
      throw new TagsealError("TAG_NOT_SIGNED", `No valid trust data for ${reference.tag ?? ""}`);
    return { reference: { ...reference, digest }, digest };
  }

  #sign(name: string, digest: Digest): void {
    this.#digests.set(formatReference(withDefaultTag(parseImageReference(name))), digest);
  }
}
