import { UsageError } from "../../../errors.ts";
import { defineCommand } from "../../command.ts";
import type { Io } from "../../io.ts";
import { passphraseSource } from "../../open/passphrases.ts";
import { repositoriesOfKey } from "../../open/repositories-of-key.ts";
import { jsonOption } from "../../options/output-flags.ts";
import { writeJson } from "../../output/write-json.ts";
import { forceRotationOption, newKeysOption, removeOldOption } from "../../options/rotation-flags.ts";
import { passphraseEnvironment, passphraseOptions } from "../../options/passphrase-flags.ts";
import { spareEnvironment } from "../../options/spare-flags.ts";
import { tokenEnvironment } from "../../options/token-flags.ts";
import { trustEnvironment } from "../../options/trust-flags.ts";

/** `tagseal trust recover`: what to do when a key is lost or in the wrong hands. */
export const command = defineCommand(
  {
    path: "trust recover",
    usage: "[OPTIONS] IMAGE... | --all-with-key KEYID",
    summary: "Recover from lost, leaked or expired keys",
    description: [
      "Repairs repositories after an accident with keys. You say what happened with --lost, --leaked and --expired, or are asked. The command shows what it will do and what docker, notary and Tagseal will then see, with and without cached trust data, and asks you to confirm.",
      "A lost root key is replaced by a new one; the spare root key signs (`trust root add-spare`). Without any root key the repository is deleted on the trust server and made again, with the same tags and signers, under a new root: every reader that remembers the old root refuses it until it forgets the old one. Lost or leaked keys of other roles are replaced by new ones, which the root key signs, or the repository key for a signer. After an expiry, everything is signed again that the keys on this machine can.",
      "--rehearse plays the recovery on a copy with a throwaway trust server on this machine, with the keys and passphrases of the real one, and reports what came of it. It changes nothing and leaves nothing behind.",
      "If the command is interrupted, run it again: a step that was done is not done twice. If nothing is lost any more, it says so and changes nothing.",
    ],
    options: {
      "all-with-key": {
        kind: "text",
        value: "key ID",
        complete: "key",
        help: "All repositories that this machine remembers to have this root key",
      },
      expired: { kind: "switch", help: "Something has expired" },
      force: forceRotationOption,
      json: jsonOption,
      key: newKeysOption("Use this key instead of making one: a key file, or the ID of a key on this machine"),
      leaked: {
        kind: "list",
        value: "role",
        help: "Other people have the key of root, targets, snapshot, or a signer",
      },
      lost: {
        kind: "list",
        value: "role",
        help: "The key of root, targets (the repository key), snapshot, or a signer, or its passphrase, is lost",
      },
      rehearse: { kind: "switch", help: "Play the recovery on a copy, and change nothing" },
      "remove-old": removeOldOption,
      replace: {
        kind: "list",
        value: "key ID",
        complete: "key",
        help: "The key that is lost or leaked, where a role has several",
      },
      spare: {
        kind: "text",
        value: "key",
        complete: "key or file",
        help: "The spare root key: a file with its private key, the URI of a key, or the ID of a key on this machine",
      },
      "without-spare": { kind: "switch", help: "The spare root key is lost as well" },
      yes: { kind: "switch", short: "y", help: "Do not ask for confirmation" },
      ...passphraseOptions,
    },
    args: { min: 0 },
    examples: [
      {
        text: "replace a lost root key with the spare",
        line: "tagseal trust recover --lost root --spare spare.pem registry.example.com/team/app",
      },
      {
        text: "see what would happen without a spare",
        line: "tagseal trust recover --rehearse --lost root registry.example.com/team/app",
      },
      {
        text: "replace a repository key that other people have",
        line: "tagseal trust recover --leaked targets registry.example.com/team/app",
      },
    ],
    environment: [...trustEnvironment, ...spareEnvironment, ...tokenEnvironment, ...passphraseEnvironment],
    dockerExitCodes: true,
  },
  async ({ options, args }, io) => {
    const keyId = options["all-with-key"];
    const names = await repositoriesOfKey({ named: args, keyId, role: "root", isReplaced: true }, io);
    if (names.length === 0) return nothingLeft(keyId ?? "", options.json, io);
    const { toldAccidents } = await import("../../recovery/accident-arguments.ts");
    const { recoverHere } = await import("../../recovery/recover-here.ts");
    const { accidents, spare } = await toldAccidents(options, io);
    if (options.key.length > 0 && accidents.length > 1)
      throw new UsageError("USAGE", "--key cannot be combined with several accidents", {
        hint: "Recover from one after another.",
      });
    const passphrases = await passphraseSource(options, io);
    const { replace, rehearse, yes, json, "without-spare": withoutSpare } = options;
    const wanted = { names, accidents, flags: { ...options, spare }, replace, withoutSpare };
    return await recoverHere({ ...wanted, rehearse, yes, json, passphrases }, io);
  },
);

function nothingLeft(keyId: string, isJson: boolean, io: Io): number {
  if (isJson) writeJson(io, []);
  else io.stdout.write(`nothing to do: no repository that this machine remembers has the root key ${keyId} any more\n`);
  return 0;
}
