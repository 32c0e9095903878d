/** Puts a Dockerfile under content trust: every image in it is resolved once and written as its digest, or the file is refused. */
import { reworded, TagsealError } from "../../errors.ts";
import {
  familiarReference,
  formatReference,
  type ImageReference,
  parseImageReference,
  withDefaultTag,
} from "../../reference/image-reference.ts";
import type { BaseImage, ImageConfiguration } from "./base-image.ts";
import { setsVariables, triggerImages } from "./base-triggers.ts";
import { type SyntaxUse, syntaxUses } from "./dockerfile/directives.ts";
import type { DockerfileFacts, ImageUse } from "./dockerfile/dockerfile-facts.ts";
import { contextName, type Meaning, type Names } from "./dockerfile/names-in-dockerfile.ts";
import { type Naming, namingOf, type Readings } from "./dockerfile-naming.ts";
import type { DockerfileSettings } from "./dockerfile-settings.ts";
import { ExpansionRefused } from "./dockerfile/expansion-refused.ts";
import type { PossibleValues } from "./dockerfile/podman-variables.ts";
import { readDockerfile } from "./dockerfile/read-dockerfile.ts";
import { LineRefused } from "./dockerfile/refusal.ts";
import { applyEdits, type Edit } from "./dockerfile/rewriting.ts";
import { DockerfileRefused } from "./refused.ts";

/** A Dockerfile under content trust. */
export interface TrustedDockerfile {
  readonly bytes: Buffer;
  /** in the order they appear, each once */
  readonly images: readonly BaseImage[];
}

/** Longer than any real Dockerfile. */
const maxBytes = 4 * 1024 * 1024;

/**
 * Resolves every image that a Dockerfile lets into a build. Bytes outside the names stay as they are; the same file with the same signatures
 * always gives the same bytes, so that the engine's cache keeps working.
 *
 * @throws UsageError `DOCKERFILE_REFUSED` for what is not understood; TagsealError as `resolve` throws. Messages name file and line
 */
export async function trustDockerfile(bytes: Uint8Array, settings: DockerfileSettings): Promise<TrustedDockerfile> {
  const { file, engine } = settings;
  if (bytes.length > maxBytes) throw new DockerfileRefused(`${file} has ${bytes.length} bytes, more than ${maxBytes}`);
  const source = Buffer.from(bytes).toString("latin1");
  try {
    const readings = readDockerfile(source, engine);
    const naming = await namingOf(readings[0], source, settings);
    return await new Resolution(source, readings, settings, naming).run();
  } catch (error) {
    throw error instanceof LineRefused ? located(error, file, error.line) : error;
  }
}

class Resolution {
  readonly #source: string;
  readonly #facts: DockerfileFacts;
  readonly #naming: Naming;
  readonly #names: Names;
  readonly #settings: DockerfileSettings;
  readonly #edits: Edit[] = [];
  /** by the complete spelling of the name: a tag is resolved once, however often it appears (I5) */
  readonly #images = new Map<string, BaseImage>();
  readonly #inspected = new Set<string>();

  constructor(source: string, readings: Readings, settings: DockerfileSettings, naming: Naming) {
    this.#source = source;
    [this.#facts] = readings;
    this.#naming = naming;
    this.#names = naming(readings);
    this.#settings = settings;
  }

  async run(): Promise<TrustedDockerfile> {
    // podman knows no front-ends: to it these lines are comments
    const syntaxes = this.#settings.engine === "docker" ? syntaxUses(this.#source) : [];
    for (const syntax of syntaxes) await this.#takeSyntax(syntax);
    for (const use of this.#facts.images) await this.#takeUse(use);
    for (const mount of this.#facts.mounts) this.#names.checkMount(mount);
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
    const text = await this.#textFor(use);
    if (text !== use.written) this.#edits.push({ start: use.start, end: use.end, text });
  }

  async #textFor(use: ImageUse): Promise<string> {
    const { firstBase, contexts } = this.#settings;
    if (firstBase !== undefined && use.position === "from" && use.stage === 0)
      return await this.#takeFirst(use, firstBase);
    const meaning = this.#names.meaningOf(use);
    if (meaning.kind === "stages") return use.written;
    if (meaning.kind === "image") return await this.#takeImage(use, meaning);
    const context = meaning.kind === "context" ? contexts.get(this.#contextKey(meaning.literal)) : undefined;
    if (context?.kind === "image" && context.image !== undefined) await this.#takeBase(context.image, use);
    return meaning.literal;
  }

  #contextKey(name: string): string {
    return this.#settings.engine === "podman" ? name : contextName(name);
  }

  /** `--from`: the first base in the file is not looked up. */
  async #takeFirst(use: ImageUse, base: BaseImage | "scratch"): Promise<string> {
    if (base === "scratch") {
      this.#names.setBase(use, new Map());
      return base;
    }
    this.#images.set(formatReference(base.reference), base);
    await this.#takeBase(base, use);
    return base.name;
  }

  async #takeImage(use: ImageUse, { reference }: Extract<Meaning, { kind: "image" }>): Promise<string> {
    const image = await this.#resolve(reference, use.line);
    await this.#takeBase(image, use);
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

  /** What a stage inherits from the image it begins with. */
  async #takeBase(image: BaseImage, use: ImageUse): Promise<void> {
    if (use.position !== "from") return;
    const base = familiarReference(image.reference);
    try {
      const configurations = await this.#settings.images.configurations(image);
      const isOpen = configurations.some(({ triggers }) => setsVariables(triggers));
      this.#names.setBase(use, isOpen ? "unknown" : environmentOf(configurations));
      const key = `${use.stage} ${image.name}`;
      if (this.#inspected.has(key)) return;
      this.#inspected.add(key);
      for (const { triggers } of configurations) await this.#takeTriggers(triggers, use, base);
    } catch (error) {
      if (error instanceof LineRefused) throw error;
      throw located(error, this.#settings.file, use.line, base);
    }
  }

  async #takeTriggers(triggers: readonly string[], use: ImageUse, base: string): Promise<void> {
    const place = { engine: this.#settings.engine, names: this.#names, use, base };
    for (const reference of triggerImages(triggers, place)) await this.#resolve(reference, use.line);
  }

  #parse(name: string, line: number): ImageReference {
    try {
      return withDefaultTag(parseImageReference(name));
    } catch (error) {
      throw located(error, this.#settings.file, line, name);
    }
  }

  /** Reads the result again: it must not contain anything that the engine would still have to resolve. */
  #check(rewritten: string): void {
    const known = new Set([...this.#images.values()].map(({ name }) => name));
    const readings = readDockerfile(rewritten, this.#settings.engine);
    const [facts] = readings;
    const reader = this.#naming(readings);
    const isSame =
      facts.images.length === this.#facts.images.length && facts.stages.length === this.#facts.stages.length;
    const loose = facts.images.find((use) => {
      const meaning = reader.meaningOf(use);
      return meaning.kind === "image" && !known.has(use.written) && !isExact(meaning.reference);
    });
    if (isSame && loose === undefined) return;
    throw new LineRefused(loose?.line ?? 1, "a name there cannot be replaced by a digest", {
      hint: "Write the name of the image plainly, without quotes and on one line.",
    });
  }
}

/** A digest alone is exact already, and stays as it was written. */
function isExact({ tag, digest }: ImageReference): boolean {
  return tag === undefined && digest !== undefined;
}

/** The environment of an image; a value that differs between its platforms is not known. */
function environmentOf(configurations: readonly ImageConfiguration[]): PossibleValues {
  const values = new Map<string, string | ExpansionRefused>();
  for (const [index, { environment }] of configurations.entries()) {
    const own = new Map(environment.map((text) => [text.split("=", 1)[0] ?? text, text.slice(text.indexOf("=") + 1)]));
    for (const name of new Set([...own.keys(), ...values.keys()])) {
      const value = own.get(name) ?? "";
      const isSame = index === 0 || (values.get(name) ?? "") === value;
      values.set(
        name,
        isSame ? value : new ExpansionRefused(`${name} has another value in the base for each platform`),
      );
    }
  }
  return values;
}

/** The same error with file and line before it. Cancellation and defects of the program stay unchanged. */
function located(error: unknown, file: string, line: number, image?: string): unknown {
  if (!(error instanceof TagsealError) || error.code === "CANCELLED") return error;
  const what = image === undefined ? "" : `${image}: `;
  return reworded(error, { message: `${file}:${line}: ${what}${error.message}` });
}
