import type { ListedSigner } from "../../../trust/signers/listed-signers.ts";
import { defineTrustReport } from "../../open/trust-report.ts";
import { keyJson, keyLines } from "../../output/delegation-table.ts";
import { mustSign } from "../../output/key-words.ts";
import { textTable } from "../../output/text-table.ts";

/** Lists who may sign the tags of a repository. */
export const command = defineTrustReport({
  path: "trust signer list",
  summary: "List the signers of a repository",
  description: [
    "Shows every signer with the IDs of its keys, which of these keys are on this machine, and whether clients take what the signer signs. If they do not, it says why. It asks for no passphrase.",
    "A repository without signers is signed with its repository key.",
  ],
  examples: [
    { text: "list the signers", line: "tagseal trust signer list registry.example.com/team/app" },
    {
      text: "get the signers whose keys are on this machine",
      line: "tagseal trust signer list --json registry.example.com/team/app | jq -r '.[] | select(any(.keys[]; .here)).name'",
    },
  ],
  read: async (context) => {
    const { listSigners } = await import("../../../trust/signers/listed-signers.ts");
    return await listSigners(context);
  },
  json: (signers) => signers.map(asJson),
  show: (signers, io, repository) => {
    if (signers.length === 0) io.stderr.write(`No signers in ${repository}\n`);
    else io.stdout.write(textTable([["SIGNER", "STATE", "HERE", "KEY IDS"], ...signers.flatMap(rows)]));
  },
});

function asJson({ name, keys, threshold, problems }: ListedSigner): object {
  return { name, usable: problems.length === 0, problems, threshold, keys: keys.map(keyJson) };
}

function rows({ name, keys, threshold, problems }: ListedSigner): string[][] {
  const share = threshold > 1 ? [mustSign(threshold, keys.length)] : [];
  const state = [...(problems.length === 0 ? ["usable"] : problems), ...share].join("; ");
  const cells = keys.flatMap((key) =>
    keyLines(key).map((line, index) => ({ here: index > 0 ? "" : key.here ? "yes" : "no", line })),
  );
  if (cells.length === 0) return [[name, state, "", ""]];
  return cells.map(({ here, line }, index) => (index === 0 ? [name, state, here, line] : ["", "", here, line]));
}
