/** What became of the keys under each passphrase, counted, and the problems that follow. */

import { passphraseVariable } from "../server/signer/given-passphrases.ts";
import type { MoveProblem } from "./move-report.ts";

/** One passphrase name, and the keys that depend on it. */
export interface AliasReport {
  readonly alias: string;
  /** keys sealed under it that are now stored */
  readonly keys: number;
  /** keys that no root names any more and that were not imported because their passphrase was not given */
  readonly leftOut: number;
}

/** key IDs in one sentence */
export const maxNamed = 5;

/** The keys under one passphrase, as they are counted during an import. */
export interface AliasCount {
  keys: number;
  leftOut: number;
  /** keys in use that could not be tried */
  locked: number;
  opened: number;
  /** keys that do not open */
  wrong: number;
  /** the first of these */
  readonly wrongKeyIds: string[];
}

/** One problem for each passphrase, for any number of keys. */
export function problemsOf(alias: string, { locked, wrong, opened, wrongKeyIds }: AliasCount): readonly MoveProblem[] {
  const variable = passphraseVariable(alias);
  if (locked > 0) {
    const message = `${variable} is not set: ${counted(locked)} in use ${locked === 1 ? "is" : "are"} sealed under it, the server will not start without it`;
    return [{ code: "PASSPHRASE_UNAVAILABLE", message }];
  }
  if (wrong === 0) return [];
  const named = `${wrongKeyIds.join(", ")}${wrong > wrongKeyIds.length ? ", …" : ""}`;
  const message =
    opened === 0
      ? `${variable} is wrong: ${counted(wrong)} sealed under it ${wrong === 1 ? "does" : "do"} not open, the server will not start with it`
      : `${counted(wrong)} sealed under ${variable}, which opens others, ${wrong === 1 ? "is" : "are"} damaged: ${named}`;
  return [{ code: "PASSPHRASE_WRONG", message }];
}

function counted(keys: number): string {
  return keys === 1 ? "1 key" : `${keys} keys`;
}
