import { UsageError } from "../../../errors.ts";
import { defineCommand } from "../../command.ts";
import { imageArgument } from "../../options/image.ts";
import { thresholdOf } from "../../options/delegation-flags.ts";
import { jsonOption } from "../../options/output-flags.ts";
import { roleArgument } from "../../rotation/role-argument.ts";
import { passphraseSource } from "../../open/passphrases.ts";
import { isProposing, proposeOptions } from "../../options/proposal-flags.ts";
import { forceRotationOption, newKeysOption, removeOldOption } from "../../options/rotation-flags.ts";
import { passphraseOptions } from "../../options/passphrase-flags.ts";
import { signingHelp } from "../../options/shared-help.ts";
import { rotationJson, rotationText } from "../../output/rotation-report.ts";
import { writeJson } from "../../output/write-json.ts";

/** `tagseal trust key rotate`: replaces the key of a role, as `notary key rotate` does. */
export const command = defineCommand(
  {
    path: "trust key rotate",
    usage: "[OPTIONS] IMAGE ROLE | --all-with-key KEYID [IMAGE...]",
    summary: "Replace the keys of a role, or its threshold",
    description: [
      "Replaces the key of ROLE in one publication: root, targets (the repository key), snapshot, timestamp, or a signer, by name or as targets/NAME. Readers follow without doing anything, also those that were away for several rotations. root, targets, snapshot and timestamp need the root key; a signer's key needs the repository key.",
      "A new root is signed by the old and the new root key, so the old one must be on this machine. The trust server makes its own keys: for timestamp always, for snapshot if it holds that key now or with --server-managed. Signatures of a signer's old key count no longer, so what it signed is signed again with the new key; if that is not on this machine, the command says how the signer signs first.",
      "The old private key stays on this machine. --remove-old removes it after the result was read back, unless a repository that this machine remembers still names it. If the command is interrupted, run it again: it goes on with the same new key.",
      "With --threshold, so many keys of root or targets must sign. Give each key that the role is to have under --key: IDs of keys here, and for colleagues' keys the files of their public keys. Without --key only the threshold changes. Enough of the keys before and of the keys after must be on this machine.",
      "Where root or targets needs several keys and this machine has too few, --propose makes a proposal of the change: the holders of the other keys approve it with `trust approve`, the new ones included, and then it is published. Old keys are kept.",
      "--all-with-key replaces one key, such as a root key that serves many repositories, by one new key in all repositories that this machine remembers to name it, and in those that you give. A failure in one does not stop the others; run the command again to replace the key in the rest.",
    ],
    options: {
      "all-with-key": {
        kind: "text",
        value: "key ID",
        complete: "key",
        help: "Replace this key in all repositories that name it",
      },
      force: forceRotationOption,
      json: jsonOption,
      key: newKeysOption(
        "Use this key instead of making one, or keep it: a key file, or the ID of a key on this machine",
      ),
      "publisher-managed": {
        kind: "switch",
        help: "Keep the snapshot key on this machine instead of the trust server",
      },
      "remove-old": removeOldOption,
      replace: {
        kind: "list",
        value: "key ID",
        complete: "key",
        help: "Replace this key of a role that has several",
      },
      "server-managed": {
        kind: "switch",
        short: "r",
        help: "Let the trust server make and hold the snapshot or timestamp key",
      },
      threshold: { kind: "text", value: "number", help: "How many keys of root or targets must sign from now on" },
      ...proposeOptions,
      ...passphraseOptions,
    },
    args: { min: 0 },
    examples: [
      { text: "replace the repository key", line: "tagseal trust key rotate registry.example.com/team/app targets" },
      {
        text: "replace alice's key",
        line: "tagseal trust key rotate --key alice.pub registry.example.com/team/app alice",
      },
      {
        text: "have two of three keys sign instead of the repository key",
        line: "tagseal trust key rotate --threshold 2 --key KEYID --key OTHERID --key carol.pub registry.example.com/team/app targets",
      },
      {
        text: "replace a root key in all repositories, and remove it from this machine",
        line: "tagseal trust key rotate --all-with-key KEYID --remove-old",
      },
    ],
    ...signingHelp,
  },
  async ({ options, args }, io) => {
    const { key: keys, replace, force, json, "remove-old": removeOld, "all-with-key": oldKey } = options;
    const holder = holderOf(options["server-managed"], options["publisher-managed"]);
    const passphrases = async () => await passphraseSource(options, io);
    const threshold = thresholdOf(options.threshold);
    if (oldKey !== undefined) {
      const isForOne = holder !== undefined || replace.length > 0 || threshold !== undefined;
      refuseForSeveral({ proposes: isProposing(options), isForOne });
      const { replaceEverywhere } = await import("../../rotation/rotate-everywhere-here.ts");
      const wanted = { keyId: oldKey, named: args, keys, removeOld, json, passphrases: await passphrases() };
      return await replaceEverywhere(wanted, io);
    }
    const [name, word, ...more] = args;
    if (name === undefined || word === undefined || more.length > 0)
      throw new UsageError("USAGE", `expected IMAGE and ROLE, got ${args.length} arguments`, {
        hint: "Give both: tagseal trust key rotate IMAGE targets",
      });
    const { proposeOne, rotateOne } = await import("../../rotation/rotate-one.ts");
    const image = imageArgument(name);
    const wanted = { image, role: roleArgument(word), holder, keys, replace, threshold, removeOld, force };
    const given = { ...wanted, passphrases: await passphrases() };
    if (isProposing(options)) return await proposeOne({ ...given, out: options.out, json }, io);
    const result = await rotateOne(given, io);
    if (json) writeJson(io, { repository: name, ...rotationJson(result) });
    else io.stdout.write(rotationText(name, result));
    return 0;
  },
);

/** What `--all-with-key` cannot do. @throws UsageError `USAGE` */
function refuseForSeveral({ proposes, isForOne }: { readonly proposes: boolean; readonly isForOne: boolean }): void {
  if (proposes) {
    throw new UsageError("USAGE", "--propose is for one repository", {
      hint: "Propose the change in each repository: tagseal trust key rotate --propose IMAGE root",
    });
  }
  if (!isForOne) return;
  throw new UsageError(
    "USAGE",
    "--all-with-key cannot be combined with --replace, --threshold, --server-managed or --publisher-managed",
    { hint: "Rotate such a key in one repository: tagseal trust key rotate IMAGE ROLE" },
  );
}

function holderOf(server: boolean, publisher: boolean): "server" | "publisher" | undefined {
  if (server && publisher)
    throw new UsageError("USAGE", "--server-managed and --publisher-managed cannot be combined", {
      hint: "Give the one that says who holds the key from now on.",
    });
  return server ? "server" : publisher ? "publisher" : undefined;
}
