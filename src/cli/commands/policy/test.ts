import { dirname, resolve } from "node:path";
import { readSettings } from "../../../docker-config/settings-file.ts";
import { UsageError } from "../../../errors.ts";
import { runPolicyTests, type CaseResult } from "../../../policy/policy-tests.ts";
import { defineCommand } from "../../command.ts";
import { exitCodes } from "../../exit-code.ts";
import { jsonOption } from "../../options/output-flags.ts";
import { printable } from "../../output/printable.ts";
import { writeJson } from "../../output/write-json.ts";

/** `tagseal policy test FILE`: what a policy decides about cases that are written down. */
export const command = defineCommand(
  {
    path: "policy test",
    usage: "[OPTIONS] FILE",
    summary: "Test a policy against cases in a file",
    description: [
      "Decides about images as if they had been found signed as the file says, and compares the verdicts with what the file expects. Nothing is asked: no trust server, no registry.",
      'The file is JSON with comments: {"policy": "policy.json", "cases": [{"image": "registry.example.com/team/app:1.0", "signed": {"signers": ["ci"]}, "expect": "allowed"}]}. A case without "signed" is not signed. "rule" names the scope that must decide.',
    ],
    options: { json: jsonOption },
    args: { min: 1, max: 1 },
    examples: [{ text: "test a policy in a pipeline", line: "tagseal policy test policy-tests.json" }],
    exitCodes: [
      [1, "a case had another verdict than expected"],
      [3, "the policy or the file of cases cannot be used"],
      [125, "a flag was not understood"],
    ],
  },
  async ({ options, args: [file = ""] }, io) => {
    const read = (path: string): string => textOf(resolve(dirname(file), path));
    const results = runPolicyTests(textOf(file), { source: file, read, now: io.now() });
    const failed = results.filter(({ failure }) => failure !== undefined).length;
    if (options.json) writeJson(io, { passed: results.length - failed, failed, cases: results });
    else io.stdout.write(`${results.map(caseText).join("")}${results.length - failed} passed, ${failed} failed\n`);
    return failed === 0 ? exitCodes.ok : exitCodes.failure;
  },
);

function caseText({ image, failure }: CaseResult): string {
  return printable(failure === undefined ? `ok      ${image}` : `FAILED  ${image}: ${failure}`) + "\n";
}

function textOf(path: string): string {
  const text = readSettings(path);
  if (text !== undefined) return text;
  throw new UsageError("FILE_UNREADABLE", `cannot read ${path}: no such file`, { hint: "Name a file that is there." });
}
