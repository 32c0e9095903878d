/** One case through the gate and into the engine. */
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { pack } from "tar-stream";
import { buildImage } from "../../src/engine/image-build/build-image.ts";
import { engineEnvironment } from "../../src/engine/engine-environment.ts";
import { type EngineKind, parseInvocation } from "../../src/engine/command-line/invocation.ts";
import type { Engine } from "../../src/engine/engine.ts";
import { TagsealError } from "../../src/errors.ts";
import { run, type Scope } from "../support/processes.ts";
import { caseOf } from "./case-maker.ts";
import type { GateEngine } from "./engines.ts";
import { namedEngine } from "./engine-stub.ts";
import { type Delivery, type GateCase, namesOf } from "./gate-case.ts";
import { SignedImages } from "./signed-images.ts";
import { type Subject, trialOf, type Trial } from "./subject.ts";

const timeoutMs = 60_000;

/** Tries cases on one engine. */
export class GateTrials implements Subject {
  readonly #scope: Scope;
  readonly #engine: GateEngine;
  readonly #images: SignedImages;
  #numbers = 0;

  /** @param isOpen whether the gate takes unsigned images for signed ones, as no gate should */
  constructor(scope: Scope, engine: GateEngine, isOpen: boolean) {
    this.#scope = scope;
    this.#engine = engine;
    this.#images = new SignedImages(engine.judge, isOpen);
  }

  nextNumber(): string {
    this.#numbers += 1;
    return `k${this.#numbers.toString(36)}k`;
  }

  make(seed: string): GateCase {
    return caseOf(seed, namesOf(this.#engine.judge.host, this.nextNumber()), this.#engine);
  }

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

  takeUnsigned(): readonly string[] {
    return this.#engine.judge.takeUnsigned();
  }

  get asked(): number {
    return this.#engine.judge.asked;
  }

  async #build({ words, input, cwd }: Arranged, gateCase: GateCase): Promise<Trial> {
    const { kind, env, executable } = this.#engine;
    const said: string[] = [];
    const engine = this.#spoken(cwd, said);
    const trigger = this.#images.triggerImage(gateCase);
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
        resolve: async (reference) => this.#images.resolve(reference, trigger),
        configurations: async (_, digest) => [this.#images.configuration(digest, trigger)],
        handOver: async (argv) => {
          const finished = await run(executable, argv, { cwd, env: engineEnvironment(env), input, timeoutMs });
          said.push(finished.stdout, finished.stderr);
          return finished.code ?? 255;
        },
        tell: () => undefined,
      });
      return { outcome: exitCode === 0 ? "built" : "failed", words: said.join("").slice(-600), argv: words };
    } catch (error) {
      return trialOf(error, words, error instanceof TagsealError);
    }
  }

  /** The engine's command with its output kept. */
  #spoken(cwd: string, said: string[]): Engine {
    const { kind, executable, env } = this.#engine;
    return namedEngine(kind, executable, async (args, { stdin } = {}) => {
      const input = stdin instanceof Uint8Array ? stdin : typeof stdin === "object" ? readFileSync(stdin.file) : "";
      const { code, stdout, stderr } = await run(executable, args, {
        cwd,
        env: engineEnvironment(env),
        input,
        timeoutMs,
      });
      said.push(stdout, stderr);
      return { exitCode: code ?? 255, stdout, stderr };
    });
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
