/** The gate's fuzzer: case after case through the gate into a real engine, and the judge asked after each. */
import { Scope } from "../support/peers.ts";
import { startCommandTrials } from "./command-trials.ts";
import { type EngineName, startEngine, startForCommandLines } from "./engines.ts";
import { type GateCase, numberIn, renumbered } from "./gate-case.ts";
import { shrunk } from "./shrinking.ts";
import { startReader } from "./reader-trials.ts";
import type { Subject, Trial } from "./subject.ts";
import { GateTrials } from "./trial.ts";

/** What is to be tried, for how long. */
export interface FuzzOptions {
  readonly engine: EngineName;
  /** any text; the same one tries the same cases */
  readonly seed: string;
  /** ends after this time, or after `cases`, whatever comes first */
  readonly seconds: number;
  readonly cases?: number;
  /** ends as soon as so much was found, and shrinks nothing then */
  readonly enough?: number;
  /** only the case of this seed, as a report names it */
  readonly only?: string;
  /** whether all images count as signed by the gate, but not by the judge: shows that the judge would tell */
  readonly isOpen?: boolean;
  /** builds at once; default 2 */
  readonly workers?: number;
  /** told of each hole and fault as it is found, unshrunk, and of each shrunk one at the end */
  readonly tell: (text: string) => void;
}

/** What was found. */
export interface FuzzReport {
  readonly cases: number;
  readonly counts: Readonly<Record<Trial["outcome"], number>>;
  /** manifests asked for, signed ones included */
  readonly manifests: number;
  /** smallest forms of what let unsigned images pass, and of what made the gate fail without a code; empty when all is well */
  readonly findings: readonly string[];
}

interface Found {
  readonly seed: string;
  readonly gateCase: GateCase;
  readonly trial: Trial;
  /** what the judge saw; empty for a gate that crashed */
  readonly requests: readonly string[];
}

/** More findings than these are not shrunk: they are likely the same ones. */
const maxShrunk = 8;

/** Tries cases until the time is over. */
export async function fuzzGate(options: FuzzOptions): Promise<FuzzReport> {
  await using scope = new Scope("gate");
  return await new FuzzRun(await subjectOf(scope, options), options).report();
}

async function subjectOf(scope: Scope, { engine, isOpen = false }: FuzzOptions): Promise<Subject> {
  if (engine === "buildkit reader") return await startReader(scope, isOpen);
  if (engine === "docker's command line")
    return await startCommandTrials(scope, await startForCommandLines(scope, "docker"), isOpen);
  if (engine === "podman's command line")
    return await startCommandTrials(scope, await startForCommandLines(scope, "podman"), isOpen);
  return new GateTrials(scope, await startEngine(scope, engine), isOpen);
}

class FuzzRun {
  readonly #trials: Subject;
  readonly #options: FuzzOptions;
  readonly #counts = { refused: 0, built: 0, failed: 0, crashed: 0, stuck: 0 };
  readonly #running = new Map<string, { readonly seed: string; readonly gateCase: GateCase }>();
  readonly #found: Found[] = [];
  /** seeds of cases that ran while a request without a number came */
  readonly #suspects = new Set<string>();
  #next = 0;

  constructor(trials: Subject, options: FuzzOptions) {
    this.#trials = trials;
    this.#options = options;
  }

  async report(): Promise<FuzzReport> {
    const endAt = performance.now() + this.#options.seconds * 1000;
    const { workers = 2, cases = Infinity, only } = this.#options;
    const last = only === undefined ? cases : 0;
    if (only !== undefined) this.#suspects.add(only);
    const { enough = Infinity } = this.#options;
    const work = async (): Promise<void> => {
      while (performance.now() < endAt && this.#next < last && this.#found.length < enough)
        await this.#one(`${this.#options.seed}/${this.#next++}`);
    };
    await Promise.all(Array.from({ length: workers }, work));
    for (const seed of this.#suspects) await this.#confirm(seed);
    const findings: string[] = [];
    if (this.#found.length >= enough) return this.#reported(this.#found.map((found) => this.#told(found)));
    for (const found of this.#found.slice(0, maxShrunk)) findings.push(await this.#smallest(found));
    for (const finding of findings) this.#options.tell(finding);
    for (const { seed } of this.#found.slice(maxShrunk)) findings.push(`seed ${seed}`);
    return this.#reported(findings);
  }

  #reported(findings: readonly string[]): FuzzReport {
    return { cases: this.#next, counts: this.#counts, manifests: this.#trials.asked, findings };
  }

  async #one(seed: string): Promise<void> {
    const gateCase = this.#trials.make(seed);
    this.#running.set(gateCase.number, { seed, gateCase });
    const trial = await this.#trials.try(gateCase);
    this.#counts[trial.outcome] += 1;
    if (trial.outcome === "crashed") this.#add({ seed, gateCase, trial, requests: [] });
    const requests = this.#trials.takeUnsigned();
    const mine = requests.filter((request) => numberIn(request) === gateCase.number);
    if (mine.length > 0) this.#add({ seed, gateCase, trial, requests: mine });
    if (mine.length < requests.length) for (const running of this.#running.values()) this.#suspects.add(running.seed);
    this.#running.delete(gateCase.number);
  }

  #add(found: Found): void {
    this.#found.push(found);
    this.#options.tell(this.#told(found));
  }

  /** Tries one case with nothing else going on. */
  async #alone(gateCase: GateCase): Promise<{ readonly trial: Trial; readonly requests: readonly string[] }> {
    this.#trials.takeUnsigned();
    const trial = await this.#trials.try(gateCase);
    return { trial, requests: this.#trials.takeUnsigned() };
  }

  async #confirm(seed: string): Promise<void> {
    if (this.#found.some((found) => found.seed === seed)) return;
    const gateCase = this.#trials.make(seed);
    const { trial, requests } = await this.#alone(gateCase);
    if (requests.length > 0) this.#add({ seed, gateCase, trial, requests });
  }

  async #smallest(found: Found): Promise<string> {
    const isCrash = found.requests.length === 0;
    let last: Found = found;
    await shrunk(found.gateCase, async (smaller) => {
      const gateCase = renumbered(smaller, this.#trials.nextNumber());
      const { trial, requests } = await this.#alone(gateCase);
      const isStill = isCrash ? trial.outcome === "crashed" : requests.length > 0;
      if (isStill) last = { seed: found.seed, gateCase, trial, requests };
      return isStill;
    });
    return `smallest form\n${this.#told(last)}`;
  }

  #told({ seed, gateCase, trial, requests }: Found): string {
    const { dockerfile, delivery, triggers, environment } = gateCase;
    return [
      requests.length > 0 ? `HOLE: ${this.#options.engine} asked for ${requests.join(", ")}` : `FAULT: ${trial.words}`,
      `  seed: ${seed}`,
      `  command line: ${trial.argv.join(" ")}`,
      `  delivery: ${delivery}`,
      ...triggers.map((trigger) => `  trigger of the signed image: ${JSON.stringify(trigger)}`),
      ...environment.map((variable) => `  variable of the same image: ${variable}`),
      `  Dockerfile: ${JSON.stringify(dockerfile)}`,
      ...dockerfile.split("\n").map((line) => `  | ${line}`),
      `  the end: ${trial.outcome}, ${JSON.stringify(trial.words)}`,
    ].join("\n");
  }
}
