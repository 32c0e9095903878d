/**
 * The gate in front of nothing but BuildKit's own reader of Dockerfiles: thousands of cases in the time of one build. It knows no build
 * contexts and no front-ends; a Dockerfile arrives as it is.
 */
import { type ChildProcess, spawn } from "node:child_process";
import { createInterface, type Interface } from "node:readline";
import { pinnedName, trustDockerfile } from "../../src/engine/build/base-images.ts";
import { buildArguments, buildPlatforms } from "../../src/engine/build/build-flags.ts";
import { platformVariables } from "../../src/engine/build/platform-variables.ts";
import { flagValue, parseInvocation } from "../../src/engine/command-line/invocation.ts";
import { TagsealError } from "../../src/errors.ts";
import { findGoPeer } from "../support/go-peers.ts";
import type { Scope } from "../support/processes.ts";
import { caseOf } from "./case-maker.ts";
import { namedEngine } from "./engine-stub.ts";
import { type GateCase, namesOf } from "./gate-case.ts";
import { JudgeRegistry } from "./judge-registry.ts";
import { SignedImages } from "./signed-images.ts";
import { type Subject, type Trial, trialOf } from "./subject.ts";

interface Answer {
  readonly images: readonly string[];
  readonly error: string;
}

/** The reader in a process. */
class Reader {
  readonly #child: ChildProcess;
  readonly #waiting: ((line: string) => void)[] = [];
  readonly #lines: Interface;

  constructor(scope: Scope) {
    const child = spawn(findGoPeer("buildkit-reader") ?? "buildkit-reader", { stdio: ["pipe", "pipe", "inherit"] });
    this.#child = child;
    this.#lines = createInterface(child.stdout);
    this.#lines.on("line", (line) => this.#waiting.shift()?.(line));
    scope.defer(() => void child.stdin.end());
  }

  async ask(question: object): Promise<Answer> {
    const { promise, resolve } = Promise.withResolvers<string>();
    this.#waiting.push(resolve);
    this.#child.stdin?.write(`${JSON.stringify(question)}\n`);
    return JSON.parse(await promise) as Answer;
  }
}

/** Starts the reader. */
export async function startReader(scope: Scope, isOpen: boolean): Promise<Subject> {
  return new ReaderTrials(scope, await JudgeRegistry.start(scope), isOpen);
}

const flagsOfContexts = /^--(?:build-context|build-arg=BUILDKIT_SYNTAX|cache-from|pull)/u;

class ReaderTrials implements Subject {
  readonly #reader: Reader;
  readonly #judge: JudgeRegistry;
  readonly #images: SignedImages;
  #numbers = 0;
  #asked = 0;
  #unsigned: string[] = [];

  constructor(scope: Scope, judge: JudgeRegistry, isOpen: boolean) {
    this.#reader = new Reader(scope);
    this.#judge = judge;
    this.#images = new SignedImages(judge, isOpen);
  }

  nextNumber(): string {
    this.#numbers += 1;
    return `k${this.#numbers.toString(36)}k`;
  }

  make(seed: string): GateCase {
    const names = namesOf(this.#judge.host, this.nextNumber());
    const made = caseOf(seed, names, { kind: "docker", isCurrent: true });
    const flags = made.flags.filter(([word = ""]) => !flagsOfContexts.test(word));
    return { ...made, flags, command: ["build"], delivery: "directory" };
  }

  async try(gateCase: GateCase): Promise<Trial> {
    const argv = ["build", ...gateCase.flags.flat(), "."];
    try {
      return await this.#read(gateCase, argv);
    } catch (error) {
      return trialOf(error, argv, error instanceof TagsealError);
    }
  }

  async #read(gateCase: GateCase, argv: readonly string[]): Promise<Trial> {
    const trigger = this.#images.triggerImage(gateCase);
    const invocation = await parseInvocation(argv, "docker");
    const given = buildArguments(invocation, "docker", {});
    const platforms = buildPlatforms(invocation, "docker", {});
    const target = { platforms, stage: flagValue(invocation, "target") };
    const { bytes } = await trustDockerfile(Buffer.from(gateCase.dockerfile, "latin1"), {
      file: "Dockerfile",
      engine: "docker",
      buildArguments: given,
      environmentNames: new Set(),
      contexts: new Map(),
      firstBase: undefined,
      isClassic: async () => false,
      platformVariables: () => platformVariables(namedEngine("docker"), target),
      podmanPlatforms: async () => [],
      images: {
        resolve: async (asked) => {
          const { reference, digest } = this.#images.resolve(asked, trigger);
          return { reference, digest, name: pinnedName("docker", reference, digest) };
        },
        configurations: async (image) => [
          { triggers: image.digest === trigger.digest ? gateCase.triggers : [], environment: [] },
        ],
      },
    });
    const { images, error } = await this.#reader.ask({
      dockerfile: bytes.toString("base64"),
      buildArgs: Object.fromEntries(given),
      target: target.stage ?? "",
      platforms,
      triggers: { [`${trigger.name.replace(/:v1$/u, "")}@${trigger.digest}`]: gateCase.triggers },
    });
    this.#asked += images.length;
    this.#unsigned.push(...images.filter((image) => !this.#isSigned(image)));
    return { outcome: error === "" ? "built" : "failed", words: error, argv };
  }

  #isSigned(image: string): boolean {
    const [, digest = ""] = image.split("@");
    return this.#judge.isSigned(digest);
  }

  takeUnsigned(): readonly string[] {
    const taken = this.#unsigned;
    this.#unsigned = [];
    return taken;
  }

  get asked(): number {
    return this.#asked;
  }
}
