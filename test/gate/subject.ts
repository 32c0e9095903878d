import type { GateCase } from "./gate-case.ts";

/** What became of a case. */
export interface Trial {
  /** `crashed`: the gate failed in a way it has no code for. `stuck`: the engine did not end in time */
  readonly outcome: "refused" | "built" | "failed" | "crashed" | "stuck";
  /** the refusal, or the end of what the engine said */
  readonly words: string;
  /** the command line without the program: `build --build-arg=A=b .` */
  readonly argv: readonly string[];
}

/** What is tried: the gate with an engine behind it. */
export interface Subject {
  /** A number that no case had before. */
  nextNumber(): string;
  /** The case of a seed, under a number that no case had before. */
  make(seed: string): GateCase;
  /** Sends a case through the gate, and what the gate lets pass to the engine. Several may run at once. */
  try(gateCase: GateCase): Promise<Trial>;
  /** The unsigned images that the engine asked for since the last call. */
  takeUnsigned(): readonly string[];
  /** How many images were asked for, signed ones included. */
  readonly asked: number;
}

/** The end of a case that threw: a refusal, or a fault. */
export function trialOf(error: unknown, argv: readonly string[], isRefusal: boolean): Trial {
  const text = error instanceof Error ? error.message : String(error);
  if (isRefusal) return { outcome: "refused", words: text, argv };
  const outcome = text.includes("still running after") ? "stuck" : "crashed";
  return { outcome, words: error instanceof Error ? (error.stack ?? text) : text, argv };
}
