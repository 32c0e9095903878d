/** Hands an imported policy over: only if Tagseal itself can use it. */
import { dirname, resolve } from "node:path";
import { maxPemBytes, readSettings } from "../../docker-config/settings-file.ts";
import { UsageError } from "../../errors.ts";
import type { ImportedPolicy } from "../../policy/import/imported-policy.ts";
import { writePolicy } from "../../policy/import/written-policy.ts";
import { parsePolicy } from "../../policy/policy-parser.ts";
import type { Io } from "../io.ts";
import type { PolicyOut } from "../options/policy-out-flags.ts";
import { deliverPolicy } from "./policy-delivery.ts";

/** An import that is done. */
export interface FinishedImport {
  /** the last word of the command */
  readonly format: string;
  /** the file that was read */
  readonly source: string;
  readonly policy: ImportedPolicy;
}

/**
 * Writes what was imported.
 *
 * @throws UsageError `POLICY_INVALID`, for instance for a file of authorities that cannot be used; `FILE_UNWRITABLE`
 */
export async function deliverImport(io: Io, done: FinishedImport, given: PolicyOut): Promise<void> {
  const { format, source, policy } = done;
  const text = writePolicy(policy, [`Imported by Tagseal from ${source}, a policy of ${format}.`]);
  checkUsable(text, given.out ?? "policy.json");
  const said = `${summaryOf(policy)}. Read its comments before you put it in force`;
  await deliverPolicy(io, { text, report: reportOf(done), said }, given);
}

function checkUsable(text: string, path: string): void {
  const read = (named: string): string => {
    const found = readSettings(resolve(dirname(path), named), maxPemBytes);
    if (found === undefined) throw new UsageError("FILE_UNREADABLE", `${named}: no such file or directory`);
    return found;
  };
  parsePolicy(text, { source: path, read });
}

function summaryOf({ default: fallback, rules }: ImportedPolicy): string {
  const refused = [...rules, fallback].filter(({ rule }) => rule.require === "reject").length;
  return `${rules.length + 1} rules, ${refused} of them refuse`;
}

function reportOf({ format, source, policy }: FinishedImport): object {
  const { default: fallback, rules, notes } = policy;
  return {
    format,
    source,
    policy: {
      version: 1,
      default: fallback.rule,
      rules: Object.fromEntries(rules.map(({ scope, rule }) => [scope, rule])),
    },
    notes: [
      ...notes.map((note) => ({ scope: null, note })),
      ...[fallback, ...rules].flatMap(({ scope, notes: own }) => own.map((note) => ({ scope, note }))),
    ],
  };
}
