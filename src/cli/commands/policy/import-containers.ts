import { importContainersPolicy } from "../../../policy/import/containers-policy.ts";
import { defineCommand } from "../../command.ts";
import { foreignPolicyPath, readForeignPolicy, usualPlaces } from "../../open/foreign-policy.ts";
import { policyOutOptions } from "../../options/policy-out-flags.ts";
import { importExitCodes } from "../../options/shared-help.ts";
import { deliverImport } from "../../output/imported-policy-report.ts";

/** `tagseal policy import containers`: the policy of podman, skopeo, buildah and CRI-O. */
export const command = defineCommand(
  {
    path: "policy import containers",
    usage: "[OPTIONS] [FILE]",
    summary: "Import the policy of podman and CRI-O",
    description: [
      "Reads policy.json of podman, skopeo, buildah and CRI-O, and prints a policy of Tagseal. Without FILE the user's is read, or /etc/containers/policy.json.",
      "reject and insecureAcceptAnything have their counterparts. Signatures of GnuPG and sigstore are not Tagseal's: such scopes are refused, with a comment, until you pin the repository. A scope that Tagseal cannot name makes the rule around it refuse.",
    ],
    options: policyOutOptions,
    args: { min: 0, max: 1 },
    examples: [
      {
        text: "import the machine's policy",
        line: "tagseal policy import containers /etc/containers/policy.json --out policy.json",
      },
    ],
    exitCodes: importExitCodes,
  },
  async ({ options, args: [file] }, io) => {
    const { source, text } = await readForeignPolicy(foreignPolicyPath(file, usualPlaces.containers(io)));
    const policy = importContainersPolicy(source, text);
    await deliverImport(io, { format: "containers", source, policy }, options);
    return 0;
  },
);
