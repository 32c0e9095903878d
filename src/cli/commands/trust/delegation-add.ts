import { UsageError } from "../../../errors.ts";
import { defineCommand } from "../../command.ts";
import { passphraseSource } from "../../open/passphrases.ts";
import { readPublicKeyFile } from "../../open/public-key-file.ts";
import { withTrust } from "../../open/trust.ts";
import { pathsIn, pathsOption, thresholdOf } from "../../options/delegation-flags.ts";
import { imageArgument } from "../../options/image.ts";
import { jsonOption } from "../../options/output-flags.ts";
import { passphraseOptions } from "../../options/passphrase-flags.ts";
import { isProposing, proposeHelp, proposeOptions } from "../../options/proposal-flags.ts";
import { signingHelp } from "../../options/shared-help.ts";
import { delegationJson, delegationTable } from "../../output/delegation-table.ts";
import { tellTrustEvents } from "../../output/trust-events.ts";
import { writeJson } from "../../output/write-json.ts";

/** `notary delegation add`: declares a role that signs for a repository. */
export const command = defineCommand(
  {
    path: "trust delegation add",
    usage: "[OPTIONS] IMAGE ROLE [KEYFILE...]",
    summary: "Add a delegation, or keys and paths to one",
    description: [
      "Declares the role, such as targets/dev or, below it, targets/dev/nightly. The key files are public keys or certificates of those who sign for it. For a role that exists, keys and paths are added. The key of the role above must be on this machine: the repository key for targets/dev, a key of targets/dev for targets/dev/nightly.",
      "A role without paths may sign nothing. With a --threshold above 1, what it signs counts when that many of its keys have signed. To permit a person to sign tags, use `trust signer add`: clients take tags from targets/releases, which that command fills as well.",
      proposeHelp,
    ],
    options: {
      paths: pathsOption,
      "all-paths": { kind: "switch", help: "Let the role sign every name" },
      threshold: { kind: "text", value: "number", help: "How many of the role's keys must sign (default 1)" },
      json: jsonOption,
      ...proposeOptions,
      ...passphraseOptions,
    },
    args: { min: 2 },
    complete: "file",
    examples: [
      {
        text: "let the holder of a key sign names that begin with nightly-",
        line: "tagseal trust delegation add registry.example.com/team/app targets/dev dev.pub --paths nightly-",
      },
      {
        text: "require two keys of a role",
        line: "tagseal trust delegation add registry.example.com/team/app targets/releases --threshold 2",
      },
    ],
    ...signingHelp,
  },
  async ({ options, args: [name = "", role = "", ...files] }, io) => {
    const image = imageArgument(name);
    const threshold = thresholdOf(options.threshold);
    const keys = await Promise.all(files.map((path) => readPublicKeyFile(path, io.now())));
    const paths = [...pathsIn(options.paths), ...(options["all-paths"] ? [""] : [])];
    if (keys.length === 0 && paths.length === 0 && threshold === undefined) {
      throw new UsageError("USAGE", `there is nothing to add to ${role}`, {
        hint: "Give a public key file, --paths, --all-paths or --threshold.",
      });
    }
    const wanted = { role, keys, paths, ...(threshold === undefined ? {} : { threshold }) };
    if (isProposing(options)) {
      const { proposeAsAsked } = await import("../../proposals/propose-change.ts");
      const { proposeDelegation } = await import("../../../trust/proposals/proposed-delegations.ts");
      return await proposeAsAsked(image, options, io, (context) => proposeDelegation(context, wanted));
    }
    const passphrases = await passphraseSource(options, io);
    const settings = { access: "write", passphrases, notify: tellTrustEvents(io, { quiet: true }) } as const;
    const { addToDelegation } = await import("../../../trust/delegations/edit-delegations.ts");
    const state = await withTrust(io, image.reference, settings, (context) => addToDelegation(context, wanted));
    if (options.json) writeJson(io, { repository: name, ...delegationJson(state) });
    else io.stdout.write(`Delegation ${role} of ${name} is now:\n${delegationTable([state])}`);
    return 0;
  },
);
