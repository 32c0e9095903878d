/** The file of figures: written as rows finish, so that an interrupted run leaves what it measured beside what was there before. */
import { existsSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import type { Row } from "./measure.ts";

/** On what, of what, and when a run measured. */
export interface Run {
  readonly begun: string;
  readonly commit: string;
  /** measured on few turns and small repositories */
  readonly quick: boolean;
  /** processes that were running or waiting when it began, as the kernel counts them: about 0 on a quiet machine */
  readonly load: number;
  readonly machine: Readonly<Record<string, string>>;
  readonly versions: Readonly<Record<string, string>>;
}

/** A row with the part and the run that measured it. */
export type Recorded = Row & { readonly part: string; readonly run: string };

/** All figures. Runs are named by the time they began. */
export interface Results {
  readonly runs: readonly Run[];
  readonly rows: readonly Recorded[];
}

/** Reads a file of figures; none yet is none. */
export function readResults(path: string): Results {
  if (!existsSync(path)) return { runs: [], rows: [] };
  return JSON.parse(readFileSync(path, "utf8")) as Results;
}

/** Puts new rows in the places of the old. */
export class Recorder {
  readonly #path: string;
  readonly #run: Run;
  #rows: Recorded[];
  #runs: readonly Run[];

  constructor(path: string, run: Run) {
    this.#path = path;
    this.#run = run;
    const { runs, rows } = readResults(path);
    [this.#runs, this.#rows] = [[...runs, run], [...rows]];
  }

  get results(): Results {
    const used = new Set(this.#rows.map(({ run }) => run));
    return { runs: this.#runs.filter(({ begun }) => used.has(begun)), rows: this.#rows };
  }

  /** Keeps a row that is finished. */
  add(part: string, row: Row): void {
    const recorded = { part, run: this.#run.begun, ...row };
    const at = this.#rows.findIndex((known) => known.part === part && known.work === row.work);
    if (at === -1) this.#rows.push(recorded);
    else this.#rows[at] = recorded;
    this.#write();
  }

  /** A part is finished: rows of it that this run did not measure are of the past. */
  finished(part: string): void {
    this.#rows = this.#rows.filter((row) => row.part !== part || row.run === this.#run.begun);
    this.#write();
  }

  #write(): void {
    const shown = (_: string, value: unknown): unknown =>
      typeof value === "number" ? Number(value.toPrecision(4)) : value;
    writeFileSync(`${this.#path}.new`, `${JSON.stringify(this.results, shown, 2)}\n`);
    renameSync(`${this.#path}.new`, this.#path);
  }
}
