import type { RootKeys } from "../../../trust/reading/root-keys.ts";
import { defineCommand } from "../../command.ts";
import { withTrust } from "../../open/trust.ts";
import { imageArgument } from "../../options/image.ts";
import { jsonOption } from "../../options/output-flags.ts";
import { readerEnvironment } from "../../options/trust-flags.ts";
import { textTable } from "../../output/text-table.ts";
import { tellTrustEvents } from "../../output/trust-events.ts";
import { writeJson } from "../../output/write-json.ts";

/** `tagseal trust root list`: which root keys a repository has, and which of them are here. */
export const command = defineCommand(
  {
    path: "trust root list",
    usage: "[OPTIONS] IMAGE",
    summary: "List the root keys of a repository",
    description: [
      "Shows every key that may sign the root of a repository, with the ID and the end of its certificate, and where its private key is on this machine. It asks for no passphrase.",
      "A repository with one root key cannot recover from its loss. `tagseal trust root add-spare` adds another.",
    ],
    options: { json: jsonOption },
    args: { min: 1, max: 1 },
    examples: [{ text: "list the root keys", line: "tagseal trust root list registry.example.com/team/app" }],
    environment: readerEnvironment,
    dockerExitCodes: true,
  },
  async ({ options, args: [name = ""] }, io) => {
    const { reference } = imageArgument(name);
    const { listRootKeys } = await import("../../../trust/reading/root-keys.ts");
    const settings = { access: "read", notify: tellTrustEvents(io, { quiet: true }) } as const;
    const root = await withTrust(io, reference, settings, (context) => listRootKeys(context));
    if (options.json) writeJson(io, asJson(name, root));
    else io.stdout.write(asText(root));
    return 0;
  },
);

function asJson(repository: string, { version, threshold, keys }: RootKeys): object {
  return {
    repository,
    version,
    threshold,
    keys: keys.map(({ keyId, certificateId, expiresAt, location }) => ({
      keyId,
      metadataId: certificateId,
      expires: expiresAt?.toISOString() ?? null,
      here: location !== undefined,
      ...(location === undefined ? {} : { location }),
    })),
  };
}

function asText({ threshold, keys }: RootKeys): string {
  const rows = keys.map(({ keyId, certificateId, expiresAt, location }) => [
    keyId,
    certificateId,
    expiresAt?.toISOString().slice(0, 10) ?? "unreadable",
    location ?? "no",
  ]);
  const table = textTable([["ROOT KEY", "CERTIFICATE", "EXPIRES", "HERE"], ...rows]);
  return threshold === 1 ? table : `${table}${threshold} of these ${keys.length} keys must sign a new root.\n`;
}
