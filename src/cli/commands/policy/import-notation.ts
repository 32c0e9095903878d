import { globSync } from "node:fs";
import { dirname, resolve } from "node:path";
import { maxPemBytes, readSettings } from "../../../docker-config/settings-file.ts";
import { importNotationPolicy } from "../../../policy/import/notation-policy.ts";
import { defineCommand } from "../../command.ts";
import { foreignPolicyPath, readForeignPolicy, usualPlaces } from "../../open/foreign-policy.ts";
import { policyOutOptions } from "../../options/policy-out-flags.ts";
import { importExitCodes } from "../../options/shared-help.ts";
import { deliverImport } from "../../output/imported-policy-report.ts";

/** `tagseal policy import notation`: the trust policy of Notation. */
export const command = defineCommand(
  {
    path: "policy import notation",
    usage: "[OPTIONS] [FILE]",
    summary: "Import the trust policy of Notation",
    description: [
      "Reads trustpolicy.oci.json or trustpolicy.json, version 1.0, and prints a policy of Tagseal. Without FILE the user's is read. Trust stores are looked for beside it, in truststore/x509/ca.",
      "The level skip has its counterpart. A certificate authority of a trust store pins root certificates that it issued, where revocation is not asked for and no single identity is trusted. Everything else is refused, with a comment, until you pin the repository.",
    ],
    options: policyOutOptions,
    args: { min: 0, max: 1 },
    examples: [{ text: "import your trust policy", line: "tagseal policy import notation --out policy.json" }],
    exitCodes: importExitCodes,
  },
  async ({ options, args: [file] }, io) => {
    const { source, text } = await readForeignPolicy(foreignPolicyPath(file, usualPlaces.notation(io)));
    const policy = importNotationPolicy(source, text, (store) => authoritiesBeside(source, store));
    await deliverImport(io, { format: "notation", source, policy }, options);
    return 0;
  },
);

/** The certificates of a trust store that rules can name: files in PEM. */
function authoritiesBeside(source: string, store: string): readonly string[] {
  const directory = resolve(dirname(source), "truststore", "x509", "ca", store);
  return globSync("*.{crt,cer,pem}", { cwd: directory })
    .toSorted()
    .map((name) => resolve(directory, name))
    .filter((path) => readSettings(path, maxPemBytes)?.includes("-----BEGIN CERTIFICATE-----") === true);
}
