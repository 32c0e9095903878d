import { objectAt, readConfigurationFile, textAt } from "../../../docker-config/configuration-file.ts";
import { UsageError } from "../../../errors.ts";
import { importNotaryPins, type NotaryPins } from "../../../policy/import/notary-pins.ts";
import { writtenPins } from "../../../trust/pinning-file.ts";
import { defineCommand } from "../../command.ts";
import { foreignPolicyPath, usualPlaces } from "../../open/foreign-policy.ts";
import { policyOutOptions } from "../../options/policy-out-flags.ts";
import { importExitCodes } from "../../options/shared-help.ts";
import { deliverImport } from "../../output/imported-policy-report.ts";

/** `tagseal policy import notary`: the pins of the notary client. */
export const command = defineCommand(
  {
    path: "policy import notary",
    usage: "[OPTIONS] [FILE]",
    summary: "Import the pins of the notary client",
    description: [
      "Reads trust_pinning and remote_server of notary's config.json, and prints a policy of Tagseal that pins the same roots on the same server. Without FILE ~/.notary/config.json is read.",
      "Names that have no pin are trusted on first use, as notary does, unless disable_tofu is set. A prefix that ends within a name makes the rule around it refuse.",
    ],
    options: policyOutOptions,
    args: { min: 0, max: 1 },
    examples: [{ text: "import notary's pins", line: "tagseal policy import notary --out policy.json" }],
    exitCodes: importExitCodes,
  },
  async ({ options, args: [file] }, io) => {
    const source = foreignPolicyPath(file, usualPlaces.notary(io));
    const policy = importNotaryPins(await readPins(source));
    await deliverImport(io, { format: "notary", source, policy }, options);
    return 0;
  },
);

const connectionSettings = ["skipTLSVerify", "root_ca", "tls_client_cert", "tls_client_key"];

async function readPins(path: string): Promise<NotaryPins> {
  const content = await readConfigurationFile(path);
  if (content === undefined) throw new UsageError("FILE_UNREADABLE", `cannot read ${path}: no such file`);
  const none = { certs: new Map(), ca: new Map(), disableTofu: false };
  const pins = content["trust_pinning"] === undefined ? none : writtenPins(path, content);
  const server = objectAt(path, content, ["remote_server"]);
  return {
    ...pins,
    server: textAt(path, content, ["remote_server", "url"]),
    hasConnectionSettings: connectionSettings.some((name) => Object.hasOwn(server, name)),
  };
}
