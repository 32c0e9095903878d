/** One case through the gate and into the engine. */
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { pack } from "tar-stream";
import { buildImage } from "../../src/engine/build/build-image.ts";
import { childEnvironment } from "../../src/engine/child-environment.ts";
import { type EngineKind, parseInvocation } from "../../src/engine/command-line/invocation.ts";
import type { Engine } from "../../src/engine/engine.ts";
import { TagsealError } from "../../src/errors.ts";
import type { Digest } from "../../src/reference/digest.ts";
import {
  formatReference,
  type ImageReference,
  parseImageReference,
  withDefaultTag,
} from "../../src/reference/image-reference.ts";
import { resolveTrusted } from "../../src/engine/trusted-reference.ts";
import { run, type Scope } from "../support/processes.ts";
import { caseOf } from "./case-maker.ts";
import type { GateEngine } from "./engines.ts";
import { type Delivery, type GateCase, namesOf } from "./gate-case.ts";

/** What became of a case. */
export interface Trial {
  /** `crashed`: the gate failed in a way it has no code for. `stuck`: the engine did not end in time */
  readonly outcome: "refused" | "built" | "failed" | "crashed" | "stuck";
  /** the refusal, or the end of what the engine said */
  readonly words: string;
  /** the command line without the program: `build --build-arg=A=b .` */
  readonly argv: readonly string[];
}

const timeoutMs = 60_000;

/** Tries cases on one engine. Several may run at once. */
export class GateTrials {
  readonly #scope: Scope;
  readonly #engine: GateEngine;
  readonly #isOpen: boolean;
  readonly #signed = new Map<string, Digest>();
  #numbers = 0;

  /** @param options.isOpen whether the gate takes unsigned images for signed ones, as no gate should */
  constructor(scope: Scope, engine: GateEngine, { isOpen = false }: { readonly isOpen?: boolean } = {}) {
    this.#isOpen = isOpen;
    this.#scope = scope;
    this.#engine = engine;
    const { judge } = engine;
    const [a, , b, index, hub] = namesOf(judge.host, "").good;
    for (const name of [a, b, hub]) this.#sign(name ?? "", judge.sign(name ?? "").digest);
    this.#sign(index ?? "", judge.signIndex("index").digest);
  }

  /** A number that no case had before. */
  nextNumber(): string {
    this.#numbers += 1;
    return `k${this.#numbers.toString(36)}k`;
  }

  /** The case of a seed. */
  make(seed: string): GateCase {
    return caseOf(seed, namesOf(this.#engine.judge.host, this.nextNumber()), this.#engine);
  }

  /** Sends a case through the gate, and what the gate lets pass to the engine. */
  async try(gateCase: GateCase): Promise<Trial> {
    const directory = mkdtempSync(this.#scope.path("case-"));
    try {
      const arranged = await this.#arrange(gateCase, directory);
      return await this.#build(arranged, gateCase);
    } finally {
      for (const name of ["context.tar", "Dockerfile"]) this.#engine.judge.files.delete(`/files${directory}/${name}`);
      rmSync(directory, { recursive: true, force: true });
    }
  }

  #sign(name: string, digest: Digest): void {
    this.#signed.set(formatReference(withDefaultTag(parseImageReference(name))), digest);
  }

  async #build({ words, input, cwd }: Arranged, gateCase: GateCase): Promise<Trial> {
    const { kind, env, executable } = this.#engine;
    const said: string[] = [];
    const engine = this.#spoken(cwd, said);
    const triggerName = namesOf(this.#engine.judge.host, gateCase.number).trigger;
    const trigger = this.#engine.judge.sign(triggerName, gateCase.triggers).digest;
    try {
      const invocation = await parseInvocation(words, kind);
      const operand = invocation.operands[0]?.text ?? ".";
      const exitCode = await buildImage({
        invocation,
        context: operand,
        engine,
        env,
        input: async function* () {
          yield input;
        },
        resolve: (reference) => this.#resolve(reference, triggerName, trigger),
        triggers: async (_, digest) => (digest === trigger ? gateCase.triggers : []),
        handOver: async (argv) => {
          const finished = await run(executable, argv, { cwd, env: childEnvironment(env), input, timeoutMs });
          said.push(finished.stdout, finished.stderr);
          return finished.code ?? 255;
        },
        tell: () => undefined,
      });
      return { outcome: exitCode === 0 ? "built" : "failed", words: said.join("").slice(-600), argv: words };
    } catch (error) {
      const text = error instanceof Error ? error.message : String(error);
      if (error instanceof TagsealError) return { outcome: "refused", words: text, argv: words };
      const outcome = text.includes("still running after") ? "stuck" : "crashed";
      return { outcome, words: error instanceof Error ? (error.stack ?? text) : text, argv: words };
    }
  }

  async #resolve(asked: ImageReference, triggerName: string, trigger: Digest): ReturnType<typeof resolveTrusted> {
    const reference = withDefaultTag(asked);
    if (reference.tag === undefined)
      return await resolveTrusted(reference, () => Promise.reject(new TypeError("a digest needs no trust")));
    const name = formatReference({ ...reference, digest: undefined });
    const unsigned = this.#isOpen ? this.#engine.judge.unsigned : undefined;
    const digest = name === triggerName ? trigger : (this.#signed.get(name) ?? unsigned);
    if (digest === undefined || (reference.digest ?? digest) !== digest)
      throw new TagsealError("TAG_NOT_SIGNED", `No valid trust data for ${reference.tag}`);
    return { reference: { ...reference, digest }, digest };
  }

  /** The engine's command with its output kept; its platform is known. */
  #spoken(cwd: string, said: string[]): Engine {
    const { kind, executable, env } = this.#engine;
    const unused = (): never => {
      throw new TypeError("a build does not ask for this");
    };
    const ask = async (args: readonly string[], options: Parameters<Engine["run"]>[1]): ReturnType<Engine["run"]> => {
      const { stdin } = options ?? {};
      const input = stdin instanceof Uint8Array ? stdin : typeof stdin === "object" ? readFileSync(stdin.file) : "";
      const { code, stdout, stderr } = await run(executable, args, {
        cwd,
        env: childEnvironment(env),
        input,
        timeoutMs,
      });
      said.push(stdout, stderr);
      return { exitCode: code ?? 255, stdout, stderr };
    };
    return {
      kind,
      executable,
      prepare: () => undefined,
      run: async (args, options) => {
        const asksForPlatform = args[0] === "version" || args[0] === "info";
        if (asksForPlatform) return { exitCode: 0, stdout: "linux/amd64\n", stderr: "" };
        return await ask(args, options);
      },
      findImage: async () => undefined,
      imageExists: async () => false,
      push: unused,
      pushAllTags: unused,
      pullByDigest: unused,
      tag: unused,
      close: () => undefined,
    };
  }

  async #arrange(gateCase: GateCase, directory: string): Promise<Arranged> {
    const dockerfile = Buffer.from(gateCase.dockerfile, "latin1");
    const { place, operand, file, input } = deliveries[gateCase.delivery];
    const { host, files: served } = this.#engine.judge;
    const context = contextFiles(gateCase, place, this.#engine.kind);
    const [cwd, folder] = [`${directory}/elsewhere`, `${directory}/context`];
    writeFiles(folder, context);
    writeFiles(cwd, decoys(gateCase));
    const path = `/files${directory}`;
    const packed = await tar(context);
    served.set(`${path}/context.tar`, packed);
    served.set(`${path}/Dockerfile`, dockerfile);
    const spelled = (text: string): string => text.replace("DIRECTORY", folder).replace("URL", `http://${host}${path}`);
    const fileFlag = file === undefined ? [] : gateCase.fileFlag.map((word) => word.replace("VALUE", spelled(file)));
    const flags = [...gateCase.flags, fileFlag];
    const [before, after] = [flags.slice(0, gateCase.flagsBefore), flags.slice(gateCase.flagsBefore)];
    const words = [...gateCase.command, ...before.flat(), spelled(operand), ...after.flat()];
    const bytes = { nothing: Buffer.alloc(0), archive: packed, dockerfile }[input];
    return { words, cwd, input: bytes };
  }
}

interface Arranged {
  readonly words: readonly string[];
  readonly cwd: string;
  readonly input: Buffer;
}

interface DeliveryForm {
  /** name of the Dockerfile in the context; undefined: it is not there */
  readonly place?: string;
  readonly operand: string;
  /** value of `-f` */
  readonly file?: string;
  readonly input: "nothing" | "archive" | "dockerfile";
}

const deliveries: Readonly<Record<Delivery, DeliveryForm>> = {
  directory: { place: "Dockerfile", operand: "DIRECTORY", input: "nothing" },
  "named file": { place: "other.df", operand: "DIRECTORY", file: "DIRECTORY/other.df", input: "nothing" },
  "file from input": { operand: "DIRECTORY", file: "-", input: "dockerfile" },
  input: { operand: "-", input: "dockerfile" },
  archive: { place: "Dockerfile", operand: "-", input: "archive" },
  "named file in archive": { place: "other.df", operand: "-", file: "other.df", input: "archive" },
  url: { operand: "URL/Dockerfile", input: "nothing" },
  "archive url": { place: "Dockerfile", operand: "URL/context.tar", input: "nothing" },
  "named file in archive url": { place: "other.df", operand: "URL/context.tar", file: "other.df", input: "nothing" },
  "file from input, archive url": { operand: "URL/context.tar", file: "-", input: "dockerfile" },
  "file from url": { operand: "DIRECTORY", file: "URL/Dockerfile", input: "nothing" },
};

/** Files that bring an unsigned image in if anything but the verified one is built. */
function decoys({ number }: GateCase): Map<string, Buffer> {
  const content = Buffer.from(`FROM decoy${number}\nLABEL x=1\n`);
  const names = ["Dockerfile", "Containerfile", "dockerfile", "-", "other.df", "input", "context.tar"];
  return new Map(names.map((name) => [name, content]));
}

/** The context: the Dockerfile at its place, decoys where no engine has a reason to look, and something to copy. */
function contextFiles(gateCase: GateCase, place: string | undefined, kind: EngineKind): ReadonlyMap<string, Buffer> {
  const files = decoys(gateCase);
  // podman looks for a Containerfile first
  if (kind === "podman" && place === "Dockerfile") files.delete("Containerfile");
  if (place !== undefined) files.set(place, Buffer.from(gateCase.dockerfile, "latin1"));
  return files.set("file.txt", Buffer.from("file\n")).set("x", Buffer.from("x\n"));
}

function writeFiles(directory: string, files: ReadonlyMap<string, Buffer>): void {
  mkdirSync(directory);
  for (const [name, bytes] of files) writeFileSync(`${directory}/${name}`, bytes);
}

async function tar(files: ReadonlyMap<string, Buffer>): Promise<Buffer> {
  const archive = pack();
  for (const [name, bytes] of files) archive.entry({ name, mtime: new Date(0) }, bytes);
  archive.finalize();
  const chunks: Buffer[] = [];
  for await (const chunk of archive) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks);
}
