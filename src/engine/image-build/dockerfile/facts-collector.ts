/** Collects the facts of a Dockerfile from its instructions, one after the other. */
import type { Dialect } from "./dialect.ts";
import type { DockerfileFacts, GlobalArgument, ImageUse, MountOptions, StageSetting } from "./dockerfile-facts.ts";
import { type Instruction, isKeyword, triggerOf } from "./instruction.ts";
import { mountSources } from "./mounts.ts";
import { LineRefused } from "./refusal.ts";
import { heredocGrammars } from "./shell-grammar.ts";
import { lineNumbers, type SourceText, splitText } from "./source-text.ts";
import { argumentWords } from "./words.ts";

/** More than any real file has. */
const maxImages = 2000;

/** Takes instructions in the order of the file. @throws LineRefused for what is not understood */
export class FactsCollector {
  readonly #lineOf: (offset: number) => number;
  readonly #dialect: Dialect;
  readonly #arguments: GlobalArgument[] = [];
  readonly #stages: (string | undefined)[];
  readonly #images: ImageUse[] = [];
  readonly #settings: StageSetting[] = [];
  readonly #mounts: MountOptions[] = [];

  constructor(source: string, dialect: Dialect, stages: readonly string[] = []) {
    this.#lineOf = lineNumbers(source);
    this.#dialect = dialect;
    this.#stages = [...stages];
  }

  facts(): DockerfileFacts {
    const { escape } = this.#dialect;
    if (this.#stages.length === 0) throw new LineRefused(1, "there is no FROM in it", { refusedByEngine: true });
    return {
      escapes: [escape],
      arguments: this.#arguments,
      stages: this.#stages,
      images: this.#images,
      settings: this.#settings,
      mounts: this.#mounts,
    };
  }

  take(instruction: Instruction, isTrigger = false): void {
    const { keyword, line } = instruction;
    if (!isKeyword(keyword)) return this.#takeUnknown(instruction);
    if (keyword === "from") return this.#takeStage(instruction);
    if (this.#stages.length > 0) return this.#takeImages(instruction, isTrigger);
    if (keyword === "arg") return this.#takeArguments(instruction);
    throw new LineRefused(line, `${keyword.toUpperCase()} stands before the first FROM`, { refusedByEngine: true });
  }

  /** podman executes what comes before an instruction it does not know; docker refuses the whole file. */
  #takeUnknown({ keyword, line }: Instruction): void {
    if (this.#isOldPodman()) return;
    const name = keyword.slice(0, 40).toUpperCase();
    throw new LineRefused(line, `unknown instruction: ${name.replaceAll(/[^\x20-\x7e]/g, "?")}`, {
      refusedByEngine: true,
    });
  }

  /** A podman version that may read the body of a here-document as instructions. */
  #isOldPodman(): boolean {
    const { engine, heredocs, grammar } = this.#dialect;
    return engine === "podman" && (heredocs !== "all" || grammar !== heredocGrammars[0]);
  }

  #takeStage({ rest, line }: Instruction): void {
    const words = splitText(rest);
    const [image, as, name] = words;
    const isNamed = words.length === 3 && as?.text.toLowerCase() === "as";
    const isBroken = image === undefined || (words.length !== 1 && !isNamed);
    if (isBroken && this.#isOldPodman()) {
      // podman stops at that stage, which has no image
      this.#stages.push(undefined);
      return;
    }
    if (isBroken) {
      throw new LineRefused(line, "FROM requires either one or three arguments", { refusedByEngine: true });
    }
    if (isNamed && !/^[a-z][a-z0-9_.-]*$/i.test(name?.text ?? "")) {
      throw new LineRefused(line, "the name of the build stage is not valid", { refusedByEngine: true });
    }
    this.#stages.push(isNamed ? name?.text : undefined);
    this.#add("from", image, false);
  }

  #takeImages(instruction: Instruction, isTrigger: boolean): void {
    const trigger = triggerOf(instruction);
    if (trigger !== undefined) return this.#takeTrigger(trigger);
    const { keyword, rest, line } = instruction;
    if (keyword === "arg" || keyword === "env") {
      const [at = 0] = rest.places;
      this.#settings.push({ keyword, rest: rest.text, isTrigger, stage: this.#stages.length - 1, at });
    }
    for (const { name, value } of instruction.flags) {
      if (value === undefined) continue;
      if (name === "from" && value.text !== "") this.#add("copy", value, isTrigger);
      if (name === "mount") this.#takeMount(value, line, isTrigger);
      else if (name !== "from") this.#refuseHiddenSource(name, value, line);
    }
  }

  #takeMount(options: SourceText, line: number, isTrigger: boolean): void {
    const { text, places } = options;
    const hasVariables = this.#dialect.engine === "podman" && text.includes("$");
    if (hasVariables && isTrigger) throw new LineRefused(line, "variables in --mount are not understood there");
    if (hasVariables) this.#mounts.push({ text, stage: this.#stages.length - 1, at: places[0] ?? 0, line });
    for (const source of mountSources(options, line)) this.#add("mount", source, isTrigger);
  }

  /** podman looks for the text `--from` anywhere in the flags of a COPY, and fetches what follows the `=`. */
  #refuseHiddenSource(name: string, { text }: SourceText, line: number): void {
    if (this.#dialect.engine !== "podman" || !text.includes("--from")) return;
    throw new LineRefused(line, `the flag --${name}=${text} is not understood: podman takes its value for an image`);
  }

  #takeTrigger(trigger: Instruction): void {
    const { keyword, line } = trigger;
    if (keyword === "onbuild" || keyword === "from" || !isKeyword(keyword)) {
      throw new LineRefused(line, `${keyword.slice(0, 40).toUpperCase()} is not allowed behind ONBUILD`);
    }
    this.#takeImages(trigger, true);
  }

  #takeArguments({ rest, line }: Instruction): void {
    for (const word of argumentWords(rest, this.#dialect.escape)) {
      if (this.#arguments.length >= maxImages)
        throw new LineRefused(line, `there are more than ${maxImages} ARGs in it`);
      const equals = word.indexOf("=");
      const name = equals === -1 ? word : word.slice(0, equals);
      this.#arguments.push({ name, value: equals === -1 ? undefined : word.slice(equals + 1), line });
    }
  }

  #add(position: ImageUse["position"], { text, places }: SourceText, isTrigger: boolean): void {
    const [start = 0] = places;
    const end = (places.at(-1) ?? start) + 1;
    const line = this.#lineOf(start);
    if (!/^[\x21-\x7e]+$/.test(text)) throw new LineRefused(line, "the name of an image is not plain ASCII");
    if (this.#images.length >= maxImages) throw new LineRefused(line, `there are more than ${maxImages} images in it`);
    this.#images.push({ position, isTrigger, stage: this.#stages.length - 1, written: text, start, end, line });
  }
}
