import { gunOf } from "../../../reference/image-reference.ts";
import { defineCommand } from "../../command.ts";
import type { Io } from "../../io.ts";
import { withTrust } from "../../open/trust.ts";
import { imageArgument } from "../../options/image.ts";
import { readerEnvironment, trustExitCodes } from "../../options/trust-flags.ts";
import { tellTrustEvents } from "../../output/trust-events.ts";

/** `tagseal policy pin IMAGE…`: the rules that a fleet needs to trust nothing on first use. */
export const command = defineCommand(
  {
    path: "policy pin",
    usage: "[OPTIONS] IMAGE...",
    summary: "Write a policy that pins the root keys of repositories",
    description: [
      "Reads each repository as this machine trusts it now, and prints a policy that accepts exactly its root keys, spare ones included, and refuses every other image. Compare the fingerprints with the publisher before you put it in force.",
      "After the rotation of a root key the policy must name the new one: run it again.",
    ],
    options: {},
    args: { min: 1, max: Number.POSITIVE_INFINITY },
    examples: [
      {
        text: "write the policy of a fleet",
        line: "tagseal policy pin registry.example.com/team/app registry.example.com/team/web > policy.json",
      },
    ],
    environment: readerEnvironment,
    exitCodes: trustExitCodes,
  },
  async ({ args }, io) => {
    const rules: Record<string, object> = {};
    for (const name of args) Object.assign(rules, await pinOf(name, io));
    io.stdout.write(`${JSON.stringify({ version: 1, default: { require: "reject" }, rules }, undefined, 2)}\n`);
    return 0;
  },
);

async function pinOf(name: string, io: Io): Promise<Record<string, object>> {
  const { reference } = imageArgument(name);
  const { listRootKeys } = await import("../../../trust/reading/root-keys.ts");
  const settings = { access: "read", notify: tellTrustEvents(io, { quiet: true }) } as const;
  const { keys } = await withTrust(io, reference, settings, (context) => listRootKeys(context));
  return { [gunOf(reference)]: { roots: keys.map(({ keyId }) => `sha256:${keyId}`) } };
}
