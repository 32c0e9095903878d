/** Puts a Dockerfile under content trust: every image in it is resolved once and written as its digest, or the file is refused. */
import { reworded, TagsealError } from "../../errors.ts";
import type { Digest } from "../../reference/digest.ts";
import {
  familiarName,
  familiarReference,
  formatReference,
  gunOf,
  type ImageReference,
  parseImageReference,
  withDefaultTag,
} from "../../reference/image-reference.ts";
import { type SyntaxUse, syntaxUses } from "./dockerfile/directives.ts";
import type { DockerfileFacts, ImageUse } from "./dockerfile/facts.ts";
import { type Meaning, NameReader, type NameSettings, usesPlatform, usesVariables } from "./dockerfile/meaning.ts";
import { readDockerfile, readTrigger } from "./dockerfile/reading.ts";
import { LineRefused } from "./dockerfile/refusal.ts";
import { applyEdits, type Edit } from "./dockerfile/rewriting.ts";
import { builderOf } from "./dockerfile/shell-grammar.ts";
import type { Variables } from "./dockerfile/substitution.ts";
import { DockerfileRefused } from "./refused.ts";

/** What an image of a build was resolved to. */
export interface BaseImage {
  /** with the tag it was found under; without one when only a digest was named */
  readonly reference: ImageReference;
  /** the digest it is signed for; undefined for an image of this machine only */
  readonly digest: Digest | undefined;
  /** how the engine is told: `name@sha256:…` */
  readonly name: string;
}

/** Where answers about images come from. */
export interface BaseImageSource {
  /** Resolves a reference under content trust. @throws TagsealError when it is not signed, or cannot be verified */
  resolve(reference: ImageReference): Promise<BaseImage>;
  /** The `ONBUILD` triggers of an image that was resolved. */
  triggers(image: BaseImage): Promise<readonly string[]>;
}

/** What decides about a Dockerfile besides its text. */
export interface DockerfileSettings extends Omit<NameSettings, "platformVariables" | "builder"> {
  /** for messages, as the user knows the file */
  readonly file: string;
  /** whether docker's classic builder will do it; asked only when a name depends on variables */
  isClassic(): Promise<boolean>;
  /** asked only when a name depends on the platform */
  platformVariables(): Promise<readonly Variables[]>;
  readonly images: BaseImageSource;
}

/** A Dockerfile under content trust. */
export interface TrustedDockerfile {
  readonly bytes: Buffer;
  /** in the order they appear, each once */
  readonly images: readonly BaseImage[];
}

/** Nobody writes a Dockerfile this long. */
const maxBytes = 4 * 1024 * 1024;

/**
 * Resolves every image that a Dockerfile brings into a build. Bytes outside the names stay as they are; the same file with the same signatures
 * always gives the same bytes, so that the engine's cache keeps working.
 *
 * @throws UsageError `DOCKERFILE_REFUSED` for what is not understood; TagsealError as `resolve` throws. Messages name file and line
 */
export async function trustDockerfile(bytes: Uint8Array, settings: DockerfileSettings): Promise<TrustedDockerfile> {
  const { file, engine } = settings;
  if (bytes.length > maxBytes) throw new DockerfileRefused(`${file} has ${bytes.length} bytes, more than ${maxBytes}`);
  const source = Buffer.from(bytes).toString("latin1");
  try {
    const facts = readDockerfile(source, engine);
    return await new Resolution(source, facts, { ...settings, ...(await engineVariables(facts, settings)) }).run();
  } catch (error) {
    throw error instanceof LineRefused ? located(error, file, error.line) : error;
  }
}

/** Who reads the variables in names, and what it predefines. */
async function engineVariables(
  facts: DockerfileFacts,
  settings: DockerfileSettings,
): Promise<Pick<NameSettings, "builder" | "platformVariables">> {
  const builder = builderOf(settings.engine, usesVariables(facts) && (await settings.isClassic()));
  const hasPlatforms = usesPlatform(facts) && builder !== "classic";
  return { builder, platformVariables: hasPlatforms ? await settings.platformVariables() : [new Map()] };
}

class Resolution {
  readonly #source: string;
  readonly #facts: DockerfileFacts;
  readonly #names: NameReader;
  readonly #settings: NameSettings & Pick<DockerfileSettings, "file" | "images">;
  readonly #edits: Edit[] = [];
  /** by the complete spelling of the name: a tag is resolved once, however often it appears (I5) */
  readonly #images = new Map<string, BaseImage>();
  readonly #inspected = new Set<string>();

  constructor(
    source: string,
    facts: DockerfileFacts,
    settings: NameSettings & Pick<DockerfileSettings, "file" | "images">,
  ) {
    this.#source = source;
    this.#facts = facts;
    this.#names = new NameReader(facts, settings);
    this.#settings = settings;
  }

  async run(): Promise<TrustedDockerfile> {
    // podman knows no front-ends: to it these lines are comments
    const syntaxes = this.#settings.engine === "docker" ? syntaxUses(this.#source) : [];
    for (const syntax of syntaxes) await this.#takeSyntax(syntax);
    for (const use of this.#facts.images) await this.#takeUse(use);
    const rewritten = applyEdits(this.#source, this.#edits);
    this.#check(rewritten);
    return { bytes: Buffer.from(rewritten, "latin1"), images: [...this.#images.values()] };
  }

  async #takeSyntax({ image, start, end, line }: SyntaxUse): Promise<void> {
    const reference = this.#parse(image, line);
    const { name } = await this.#resolve(reference, line);
    this.#edits.push({ start, end, text: name });
  }

  async #takeUse(use: ImageUse): Promise<void> {
    const { start, end, written } = use;
    const meaning = this.#names.meaningOf(use);
    if (meaning.kind === "stages") return;
    const text = meaning.kind === "image" ? await this.#takeImage(use, meaning) : meaning.literal;
    if (text !== written) this.#edits.push({ start, end, text });
  }

  async #takeImage(use: ImageUse, { reference }: Extract<Meaning, { kind: "image" }>): Promise<string> {
    const image = await this.#resolve(reference, use.line);
    if (use.position === "from") await this.#checkTriggers(image, use);
    return isExact(reference) && !/["'$\\`]/.test(use.written) ? use.written : image.name;
  }

  async #resolve(reference: ImageReference, line: number): Promise<BaseImage> {
    const key = formatReference(reference);
    const known = this.#images.get(key);
    if (known !== undefined) return known;
    try {
      const image = await this.#settings.images.resolve(reference);
      this.#images.set(key, image);
      return image;
    } catch (error) {
      throw located(error, this.#settings.file, line, familiarReference(reference));
    }
  }

  /** Triggers run in this build although they are not in its file; what they name must be certain already. */
  async #checkTriggers(image: BaseImage, use: ImageUse): Promise<void> {
    const key = `${use.stage} ${image.name}`;
    if (this.#inspected.has(key)) return;
    this.#inspected.add(key);
    const base = familiarReference(image.reference);
    try {
      for (const trigger of await this.#settings.images.triggers(image)) await this.#checkTrigger(trigger, use, base);
    } catch (error) {
      if (error instanceof LineRefused) throw error;
      throw located(error, this.#settings.file, use.line, base);
    }
  }

  async #checkTrigger(trigger: string, { stage, line }: ImageUse, base: string): Promise<void> {
    const refuse = (reason: string): LineRefused =>
      new LineRefused(line, `${base} has the trigger ONBUILD ${printable(trigger)}, refused: ${reason}`, {
        hint: "a trigger must name images by digest, or build stages of this file",
      });
    for (const { reference } of this.#triggerImages(trigger, { stage, line, refuse })) {
      if (reference.digest === undefined) throw refuse(`${familiarReference(reference)} is no digest`);
      await this.#resolve(reference, line);
    }
  }

  #triggerImages(
    trigger: string,
    at: { readonly stage: number; readonly line: number; readonly refuse: (reason: string) => LineRefused },
  ): readonly Extract<Meaning, { kind: "image" }>[] {
    try {
      return readTrigger(Buffer.from(trigger, "utf8").toString("latin1"), this.#settings.engine)
        .map((found) => this.#names.meaningOf({ ...found, stage: at.stage, line: at.line }))
        .filter((meaning) => meaning.kind === "image");
    } catch (error) {
      throw error instanceof LineRefused ? at.refuse(error.message) : error;
    }
  }

  #parse(name: string, line: number): ImageReference {
    try {
      return withDefaultTag(parseImageReference(name));
    } catch (error) {
      throw located(error, this.#settings.file, line, name);
    }
  }

  /** Reads the result once more: nothing may be left in it that the engine would still have to resolve. */
  #check(rewritten: string): void {
    const known = new Set([...this.#images.values()].map(({ name }) => name));
    const facts = readDockerfile(rewritten, this.#settings.engine);
    const reader = new NameReader(facts, this.#settings);
    const isSame =
      facts.images.length === this.#facts.images.length && facts.stages.length === this.#facts.stages.length;
    const loose = facts.images.find((use) => {
      const meaning = reader.meaningOf(use);
      return meaning.kind === "image" && !known.has(use.written) && !isExact(meaning.reference);
    });
    if (isSame && loose === undefined) return;
    throw new LineRefused(loose?.line ?? 1, "a name there cannot be replaced by a digest", {
      hint: "write the name of the image plainly, without quotes and on one line",
    });
  }
}

/** A digest alone is exact already, and stays as it was written. */
function isExact({ tag, digest }: ImageReference): boolean {
  return tag === undefined && digest !== undefined;
}

/** How an engine is told about a digest: docker shows short names, podman would look for them in several registries. */
export function pinnedName(engine: "docker" | "podman", reference: ImageReference, digest: Digest): string {
  return `${engine === "docker" ? familiarName(reference) : gunOf(reference)}@${digest}`;
}

/** The same error with file and line before it. Cancellation and faults of the program stay what they are. */
function located(error: unknown, file: string, line: number, image?: string): unknown {
  if (!(error instanceof TagsealError) || error.code === "CANCELLED") return error;
  const what = image === undefined ? "" : `${image}: `;
  return reworded(error, { message: `${file}:${line}: ${what}${error.message}` });
}

function printable(text: string): string {
  const clean = text.replaceAll(/[\p{Cc}\p{Cf}]/gu, "?");
  return clean.length > 120 ? `${clean.slice(0, 120)}…` : clean;
}
