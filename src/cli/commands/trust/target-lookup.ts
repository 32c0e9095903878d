import { encodeHex } from "../../../encoding/hex.ts";
import { lookUpTarget } from "../../../trust/reading/signed-targets.ts";
import { sha256Of } from "../../../tuf/lookup.ts";
import { defineCommand } from "../../command.ts";
import { withTrust } from "../../open/trust.ts";
import { jsonOption } from "../../options/output-flags.ts";
import { collectionArgument, gunHelp } from "../../options/target-arguments.ts";
import {
  maxStalenessOption,
  readerEnvironment,
  stalenessEnvironment,
  trustExitCodes,
} from "../../options/trust-flags.ts";
import { printable } from "../../output/printable.ts";
import { targetJson } from "../../output/target-json.ts";
import { tellTrustEvents } from "../../output/trust-events.ts";
import { writeJson } from "../../output/write-json.ts";

/** `notary lookup`: what one target is signed for. */
export const command = defineCommand(
  {
    path: "trust target lookup",
    usage: "[OPTIONS] GUN NAME",
    summary: "Print the digest and the size that a file is signed for",
    description: [
      "Prints the name, the SHA-256 and the size in bytes on one line. It searches targets and every role below it; the role nearest to targets decides.",
      gunHelp,
    ],
    options: { json: jsonOption, "max-staleness": maxStalenessOption },
    args: { min: 2, max: 2 },
    examples: [
      { text: "show what a file is signed for", line: "tagseal trust target lookup example.com/files hello.txt" },
    ],
    environment: [...readerEnvironment, ...stalenessEnvironment],
    exitCodes: trustExitCodes,
  },
  async ({ options, args: [typed = "", name = ""] }, io) => {
    const { reference, gun } = collectionArgument(typed);
    const notify = tellTrustEvents(io, { quiet: options.json });
    const settings = { access: "read", notify, maxStaleness: options["max-staleness"] } as const;
    const found = await withTrust(io, reference, settings, (context) => lookUpTarget(context, name));
    const { role, target, cached } = found;
    if (options.json) writeJson(io, { gun, name, role, ...targetJson(target), cached });
    else io.stdout.write(`${printable(name)} sha256:${encodeHex(sha256Of(found))} ${target.length}\n`);
    return 0;
  },
);
