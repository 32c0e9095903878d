import { defineTrustReport } from "../../open/trust-report.ts";
import { delegationJson, delegationTable } from "../../output/delegation-table.ts";

/** `notary delegation list`: every delegation of a repository. */
export const command = defineTrustReport({
  path: "trust delegation list",
  summary: "List the delegations of a repository",
  description: [
    'Shows every delegation, also those below others: how many of its keys must sign, whether its file is published and counts, until when, the names that it may sign, and its keys. A path is the beginning of a name, as written; "" begins every name.',
    "A key that was added as a certificate has two IDs: that of the key, which names its file and which `trust inspect` prints, and that of the certificate, which is in the signed files. Commands accept both.",
  ],
  examples: [
    { text: "list the delegations", line: "tagseal trust delegation list registry.example.com/team/app" },
    {
      text: "get the roles that have too few keys",
      line: "tagseal trust delegation list --json registry.example.com/team/app | jq -r '.[] | select(.usable | not).role'",
    },
  ],
  read: async (context) => {
    const { readDelegations } = await import("../../../trust/delegations/declared-delegations.ts");
    return await readDelegations(context);
  },
  json: (states) => states.map(delegationJson),
  show: (states, io) => {
    if (states.length === 0) io.stderr.write("No delegations present in this repository.\n");
    else io.stdout.write(delegationTable(states));
  },
});
