import type { RootKeys } from "../../../trust/reading/root-keys.ts";
import { defineTrustReport } from "../../open/trust-report.ts";
import { textTable } from "../../output/text-table.ts";

/** `tagseal trust root list`: which root keys a repository has, and which of them are here. */
export const command = defineTrustReport({
  path: "trust root list",
  summary: "List the root keys of a repository",
  description: [
    "Shows every key that may sign the root of a repository, with the ID and the end of its certificate, and where its private key is on this machine. It asks for no passphrase.",
    "A repository with one root key cannot recover from its loss. `tagseal trust root add-spare` adds another.",
  ],
  examples: [{ text: "list the root keys", line: "tagseal trust root list registry.example.com/team/app" }],
  read: async (context) => {
    const { listRootKeys } = await import("../../../trust/reading/root-keys.ts");
    return await listRootKeys(context);
  },
  json: asJson,
  show: (root, io) => io.stdout.write(asText(root)),
});

function asJson({ version, threshold, keys }: RootKeys, repository: string): object {
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
