import { addTarget } from "../../../trust/publishing/change-targets.ts";
import { defineCommand } from "../../command.ts";
import { newTarget } from "../../open/new-target.ts";
import { passphraseSource } from "../../open/passphrases.ts";
import { withNoInit, withTrust } from "../../open/trust.ts";
import { jsonOption } from "../../options/output-flags.ts";
import { passphraseEnvironment, passphraseOptions } from "../../options/passphrase-flags.ts";
import { collectionArgument, gunHelp, targetRoleOption, targetRoles } from "../../options/target-arguments.ts";
import { isProposing, proposeHelp, proposeOptions } from "../../options/proposal-flags.ts";
import { noInitEnvironment, noInitOption, trustEnvironment, trustExitCodes } from "../../options/trust-flags.ts";
import { printable } from "../../output/printable.ts";
import { targetJson } from "../../output/target-json.ts";
import { tellTrustEvents } from "../../output/trust-events.ts";
import { writeJson } from "../../output/write-json.ts";

/** `notary add -p` and `notary addhash -p`: signs a file of any kind. */
export const command = defineCommand(
  {
    path: "trust target add",
    usage: "[OPTIONS] GUN NAME [FILE]",
    summary: "Sign a file",
    description: [
      "Signs the SHA-256, the SHA-512 and the size of FILE under NAME, and publishes them at once. Nothing is staged, as `notary add` does without -p. The file itself is not uploaded: publish it where you like. Without FILE, give --sha256 and --size, as for `notary addhash`.",
      "NAME replaces an entry of that name. A collection without trust data is created. For images use `tagseal sign`: docker reads tags from targets and targets/releases alone.",
      gunHelp,
      proposeHelp,
    ],
    options: {
      role: targetRoleOption("Sign in this role"),
      custom: { kind: "text", value: "file", complete: "file", help: "JSON to sign with it, for your own tools" },
      sha256: { kind: "text", value: "hex", help: "SHA-256 of the content, instead of FILE" },
      sha512: { kind: "text", value: "hex", help: "SHA-512 of the content, in addition to --sha256" },
      size: { kind: "text", value: "bytes", help: "Size of the content, with --sha256" },
      json: jsonOption,
      ...proposeOptions,
      "no-init": noInitOption,
      ...passphraseOptions,
    },
    args: { min: 2, max: 3 },
    examples: [
      { text: "sign a file", line: "tagseal trust target add example.com/files hello.txt ./hello.txt" },
      {
        text: "sign content that is elsewhere",
        line: "tagseal trust target add --sha256 5891b5b522d5df086d0ff0b110fbd9d21bb4fc7163af34d08286a2e846f6be03 --size 6 example.com/files hello.txt",
      },
    ],
    environment: [...trustEnvironment, ...noInitEnvironment, ...passphraseEnvironment],
    exitCodes: trustExitCodes,
  },
  async ({ options, args: [typed = "", name = "", file] }, given) => {
    const io = withNoInit(given, options["no-init"]);
    const collection = collectionArgument(typed);
    const { reference, gun } = collection;
    const roles = targetRoles(options.role);
    const target = await newTarget({ ...options, file }, io.signal);
    const placed = { name, roles };
    if (isProposing(options)) {
      const { proposeAsAsked } = await import("../../proposals/propose-change.ts");
      const { proposeTarget } = await import("../../../trust/proposals/proposed-changes.ts");
      return await proposeAsAsked(collection, options, io, (context) => proposeTarget(context, placed, target));
    }
    const settings = {
      access: "write",
      notify: tellTrustEvents(io, { quiet: options.json }),
      passphrases: await passphraseSource(options, io),
    } as const;
    const { initialised } = await withTrust(io, reference, settings, (context) => addTarget(context, placed, target));
    if (options.json) writeJson(io, { gun, name, roles, ...targetJson(target), initialised });
    else io.stdout.write(printable(`Signed target "${name}" in ${roles.join(", ")} of ${gun}\n`));
    return 0;
  },
);
