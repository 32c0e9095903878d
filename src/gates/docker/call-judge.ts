/**
 * Decides about requests to docker's engine. A plugin cannot change a request: a tag that means something else in the registry is refused, where a
 * gateway would repair it. What counts in the end is what a container is made of.
 */
import { MetadataError, UsageError } from "../../errors.ts";
import type { JsonObject } from "../../encoding/json.ts";
import type { Digest } from "../../reference/digest.ts";
import {
  familiarReference,
  type ImageReference,
  parseImageReference,
  withDefaultTag,
} from "../../reference/image-reference.ts";
import { allowedDigest } from "../../trust/reading/decide-image.ts";
import { type Exemption, kindOfCall } from "./call-kind.ts";
import { type EngineCall, onlyMember } from "./engine-call.ts";
import { checkImageOfId, checkNamedImage, type Decide, isNamedById, type LocalImage, pinned } from "./local-content.ts";
import { containerImages, pulledImage, serviceImages } from "./named-images.ts";

/** What the engine that asks has. */
export interface EngineView {
  /** by name or ID; undefined when it has none */
  image(name: string): Promise<LocalImage | undefined>;
  /** the ID of the image that a container is made of; undefined when there is no such container */
  imageOfContainer(id: string): Promise<string | undefined>;
  removeContainer(id: string): Promise<void>;
}

/** What requests are judged by. */
export interface CallJudgeOptions {
  readonly decide: Decide;
  readonly engine: EngineView;
  /** what the registry has for a tag now */
  readonly registryDigest: (reference: ImageReference) => Promise<Digest>;
  /** what is allowed without a decision */
  readonly exempt: ReadonlySet<Exemption>;
}

/** Judges requests and what came of them. */
export class CallJudge {
  readonly #options: CallJudgeOptions;

  constructor(options: CallJudgeOptions) {
    this.#options = options;
  }

  /** @throws TagsealError why a request must not be carried out */
  async judge(call: EngineCall): Promise<void> {
    const kind = kindOfCall(call);
    switch (kind) {
      case "harmless":
        return;
      case "pull":
        return await this.#judgePull(call);
      case "create":
        return await this.#judgeContainer(containerImages(call.body));
      case "service":
        return await this.#judgeService(call);
      case "plugin":
        return await this.#judgePlugin(call);
      case "unknown":
        throw notCovered("it is not known to bring in no image", "Use another command, or update Tagseal.");
      case "build":
      case "load":
      case "swarm-join":
        return this.#requireExempt(kind);
      default:
        return kind satisfies never;
    }
  }

  /**
   * Looks at a container that was just made, before its client learns of it: between the request and now the name of its image may have been given
   * to another.
   *
   * @throws TagsealError why it must not be there; it is removed
   */
  async judgeAnswer(call: EngineCall, status: number, body: JsonObject | undefined): Promise<void> {
    if (kindOfCall(call) !== "create" || status !== 201) return;
    const id = onlyMember(body, "Id");
    if (typeof id !== "string" || !/^[0-9a-f]{64}$/u.test(id))
      throw notCovered("its outcome is not known", "Try again.");
    try {
      await this.#judgeMade(id, containerImages(call.body)[0] ?? "");
    } catch (error) {
      await this.#options.engine.removeContainer(id);
      throw error;
    }
  }

  async #judgeMade(id: string, name: string): Promise<void> {
    const { engine, decide } = this.#options;
    const imageId = await engine.imageOfContainer(id);
    const image = imageId === undefined ? undefined : await engine.image(imageId);
    if (image === undefined) throw notCovered("what it is made of is not known", "Try again.");
    await (isNamedById(name, image)
      ? checkImageOfId(image, decide)
      : checkNamedImage(parseImageReference(name), image, decide));
  }

  /** The daemon prefers the fields of a form to the query. Its clients send privileges as JSON: a body that is shown is not a form. */
  async #judgePlugin({ query, showsBody }: EngineCall): Promise<void> {
    if (!showsBody) throw notCovered("its body was not shown", "Send the privileges as JSON.");
    await this.#requirePinned(parseImageReference(query.get("remote") ?? ""));
  }

  async #judgePull({ query, announcesBody }: EngineCall): Promise<void> {
    const reference = pulledImage(query);
    if (reference === undefined) return this.#requireExempt("load");
    if (announcesBody) throw notCovered("a pull with a body can be read in two ways", "Send it without a body.");
    if (reference.tag === undefined && reference.digest === undefined)
      throw notCovered("all tags of a repository are pulled", "Name a tag.");
    const digest = allowedDigest(await this.#options.decide(reference));
    if (digest === undefined || reference.digest !== undefined) return;
    const found = await this.#options.registryDigest(reference);
    if (found === digest) return;
    throw new MetadataError(
      "TAG_DIGEST_MISMATCH",
      `the registry has ${found} for ${familiarReference(reference)}, and ${digest} is signed`,
      { hint: `Fetch what is signed: docker pull ${pinned(reference, digest)}` },
    );
  }

  async #judgeContainer(names: readonly string[]): Promise<void> {
    const { engine, decide } = this.#options;
    for (const name of names) {
      if (name === "") throw notCovered("an image that it mounts has no name", "Name the image.");
      const local = await engine.image(name);
      if (local !== undefined && isNamedById(name, local)) await checkImageOfId(local, decide);
      else await checkNamedImage(parseImageReference(name), local, decide);
    }
  }

  /** Its tasks run on other machines, which pull by themselves: only a digest means the same there. */
  async #judgeService({ body, query }: EngineCall): Promise<void> {
    if ((query.get("rollback") ?? "") !== "")
      throw notCovered(
        "an earlier state of a service is not in it",
        "Update the service with the image that you want.",
      );
    for (const name of serviceImages(body)) await this.#requirePinned(parseImageReference(name));
  }

  async #requirePinned(reference: ImageReference): Promise<void> {
    const digest = allowedDigest(await this.#options.decide(reference));
    if (digest === undefined || reference.digest !== undefined) return;
    const name = familiarReference(withDefaultTag(reference));
    throw new MetadataError("TAG_DIGEST_MISMATCH", `${name} is named without the digest that is signed for it`, {
      hint: `Name it as ${name}@${digest}`.concat("."),
    });
  }

  #requireExempt(kind: Exemption): void {
    if (this.#options.exempt.has(kind)) return;
    throw notCovered(
      `${what[kind]} cannot be decided about`,
      `Use signed images from a registry, or start the gate with --allow ${kind}.`,
    );
  }
}

const what: Readonly<Record<Exemption, string>> = {
  build: "a build",
  load: "an image or plugin from an archive",
  "swarm-join": "the tasks that another manager sends",
};

function notCovered(why: string, hint: string): UsageError {
  return new UsageError("COMMAND_NOT_COVERED", `the request is refused: ${why}`, { hint });
}
