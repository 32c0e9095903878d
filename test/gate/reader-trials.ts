/**
 * The gate in front of nothing but BuildKit's own reader of Dockerfiles: thousands of cases in the time of one build. It knows no build
 * contexts and no front-ends; a Dockerfile arrives as it is.
 */
import { type ChildProcess, spawn } from "node:child_process";
import { createInterface, type Interface } from "node:readline";
import { trustDockerfile } from "../../src/engine/image-build/base-images.ts";
import { pinnedName } from "../../src/engine/image-build/pinned-name.ts";
import { buildArguments, buildPlatforms } from "../../src/engine/image-build/build-flags.ts";
import { platformVariables } from "../../src/engine/image-build/platform-variables.ts";
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

/** What the reader finds: every image the build brings in, and why it would end early; empty when it would not. */
export interface Answer {
  readonly images: readonly string[];
  readonly error: string;
}

/** What decides besides the file. */
export interface ReaderQuestion {
  readonly buildArguments: ReadonlyMap<string, string>;
  readonly stage?: string | undefined;
  readonly platforms?: readonly string[];
  /** `ONBUILD` triggers by name of the image */
  readonly triggers?: ReadonlyMap<string, readonly string[]>;
}

/** The reader in a process. */
export class Reader {
  readonly #child: ChildProcess;
  readonly #waiting: PromiseWithResolvers<string>[] = [];
  readonly #lines: Interface;

  constructor(scope: Scope) {
    const child = spawn(findGoPeer("buildkit-reader") ?? "buildkit-reader", { stdio: ["pipe", "pipe", "inherit"] });
    this.#child = child;
    this.#lines = createInterface(child.stdout);
    this.#lines.on("line", (line) => this.#waiting.shift()?.resolve(line));
    child.on("exit", () => {
      for (const { reject } of this.#waiting.splice(0)) reject(new Error("the reader ended"));
    });
    scope.defer(() => void child.stdin.end());
  }

  async ask(dockerfile: Uint8Array, question: ReaderQuestion): Promise<Answer> {
    const {
      buildArguments: given,
      stage = "",
      platforms = [],
      triggers = new Map<string, readonly string[]>(),
    } = question;
    const waiting = Promise.withResolvers<string>();
    this.#waiting.push(waiting);
    const line = JSON.stringify({
      dockerfile: Buffer.from(dockerfile).toString("base64"),
      buildArgs: Object.fromEntries(given),
      target: stage,
      platforms,
      triggers: Object.fromEntries(triggers),
    });
    this.#child.stdin?.write(`${line}\n`);
    return JSON.parse(await waiting.promise) as Answer;
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
      buildKitVersions: async () => undefined,
      platformVariables: () => platformVariables(namedEngine("docker"), target),
      podmanPlatforms: async () => [],
      images: {
        resolve: async (asked) => {
          const { reference, digest } = this.#images.resolve(asked, trigger);
          return { reference, digest, name: pinnedName("docker", reference, digest) };
        },
        configurations: async ({ digest }) => [this.#images.configuration(digest, trigger)],
      },
    });
    const exact = `${trigger.name.replace(/:v1$/u, "")}@${trigger.digest}`;
    const triggers = new Map([[exact, gateCase.triggers]]);
    const { images, error } = await this.#reader.ask(bytes, {
      buildArguments: given,
      stage: target.stage,
      platforms,
      triggers,
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
