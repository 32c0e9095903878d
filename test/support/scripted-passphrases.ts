/** A passphrase source that answers from a list and remembers what it was asked. */
import assert from "node:assert/strict";
import type { PassphraseRequest, PassphraseSource } from "../../src/keys/passphrase.ts";

/** {@link scriptedPassphrases} with its record. */
export interface ScriptedPassphrases extends PassphraseSource {
  /** every request, as `unlock root 1` or `unlock root 2 wrong` */
  readonly asked: string[];
}

/** Gives the answers one after another; the last one again and again. */
export function scriptedPassphrases(...answers: readonly string[]): ScriptedPassphrases {
  const asked: string[] = [];
  return {
    asked,
    interactive: false,
    async passphraseFor({ purpose, role, attempt, previousFailure }: PassphraseRequest) {
      asked.push([purpose, role, attempt, previousFailure ?? ""].join(" ").trim());
      return (
        answers[Math.min(asked.length, answers.length) - 1] ?? assert.fail("no passphrase was expected to be needed")
      );
    },
  };
}
