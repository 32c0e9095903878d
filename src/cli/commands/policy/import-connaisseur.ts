import { defineCommand } from "../../command.ts";
import { readForeignPolicy } from "../../open/foreign-policy.ts";
import { policyOutOptions } from "../../options/policy-out-flags.ts";
import { importExitCodes } from "../../options/shared-help.ts";
import { deliverImport } from "../../output/imported-policy-report.ts";

/** `tagseal policy import connaisseur`: the policy of an admission controller that reads Notary. */
export const command = defineCommand(
  {
    path: "policy import connaisseur",
    usage: "[OPTIONS] FILE",
    summary: "Import the policy of Connaisseur",
    description: [
      "Reads the values of Connaisseur's Helm chart, or its configuration, and prints a policy of Tagseal.",
      "Validators of the type notaryv1 carry over: their trust roots are public root keys, which the rules pin, and their delegations are signers. Static validators become reject and skip. Other signatures are not Tagseal's: their names are refused, with a comment. A pattern that is not a scope makes the rule around it refuse. Credentials are not repeated.",
    ],
    options: policyOutOptions,
    args: { min: 1, max: 1 },
    examples: [
      { text: "import from a chart", line: "tagseal policy import connaisseur values.yaml --out policy.json" },
    ],
    exitCodes: importExitCodes,
  },
  async ({ options, args: [file = ""] }, io) => {
    const { source, text } = await readForeignPolicy(file);
    // the reader of YAML is loaded for this command alone
    const { importConnaisseurPolicy } = await import("../../../policy/import/connaisseur-policy.ts");
    const policy = importConnaisseurPolicy(source, text);
    await deliverImport(io, { format: "connaisseur", source, policy }, options);
    return 0;
  },
);
