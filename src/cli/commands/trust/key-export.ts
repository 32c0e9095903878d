import { publicKeyPem } from "../../../crypto/public-key-pem.ts";
import { KeyStoreError, UsageError } from "../../../errors.ts";
import { exportKeys } from "../../../keys/key-transfer.ts";
import { type LocalKey, publicKeyOf } from "../../../trust/local-keys/local-key.ts";
import { defineCommand } from "../../command.ts";
import type { Io } from "../../io.ts";
import { keysNamed, type OpenedKeys, openLocalKeys } from "../../open/local-keys.ts";
import { passphraseSource } from "../../open/passphrases.ts";
import { openKeyFiles } from "../../open/user-keys.ts";
import { jsonOption } from "../../options/output-flags.ts";
import type { OptionValues } from "../../options/option.ts";
import { passphraseEnvironment, passphraseOptions } from "../../options/passphrase-flags.ts";
import { keyFilesHelp } from "../../options/shared-help.ts";
import { keyInWords, storedKeyJson } from "../../output/key-words.ts";
import { placeFile } from "../../open/backup-file.ts";
import { writeJson } from "../../output/write-json.ts";

const options = {
  all: { kind: "switch", help: "Export every key file" },
  gun: { kind: "list", value: "repository", help: "Export the keys made for this repository; may be repeated" },
  public: { kind: "switch", help: "Export the public key of one KEY instead, for `trust signer add`" },
  to: {
    kind: "text",
    short: "o",
    value: "file",
    complete: "file",
    help: "Write to this new file instead of standard output",
  },
  force: { kind: "switch", short: "f", help: "Replace the file if it is there" },
  json: jsonOption,
  ...passphraseOptions,
} as const;

/** `tagseal trust key export`: keys as a file to carry, in the format of `notary key export`. */
export const command = defineCommand(
  {
    path: "trust key export",
    usage: "[OPTIONS] KEY [KEY...] | --all | --gun REPOSITORY",
    summary: "Export private keys, encrypted",
    description: [
      "Prints private keys, encrypted under the passphrases that they have here, in the format of `notary key export`. `trust key import` and `notary key import` read it. A key that is not encrypted here is encrypted first, under a passphrase that you are asked for.",
      "KEY is the ID of a key, an ID under which a repository names it, or at least the first 7 characters of either. --gun selects the keys that were made for a repository (repository and snapshot key); root and signers' keys serve many repositories.",
      "The file of --to can be read by its owner only; it is written whole or not at all.",
    ],
    options,
    args: { min: 0 },
    complete: "key",
    examples: [
      { text: "copy all keys into one file", line: "tagseal trust key export --all --to keys.pem" },
      {
        text: "write the public key of a signer",
        line: "tagseal trust key export --public 3f9a1c27b04d --to alice.pub",
      },
    ],
    ...keyFilesHelp(passphraseEnvironment),
  },
  async (invocation, io) => {
    checkSelection(invocation);
    const { to, json, force } = invocation.options;
    const { keys, pem } = await exported(invocation, io);
    if (to !== undefined) await placeFile(to, pem, { force });
    if (json)
      writeJson(io, {
        file: to,
        keys: keys.map(storedKeyJson),
        pem: to === undefined ? pem : undefined,
      });
    else if (to === undefined) io.stdout.write(pem);
    else io.stdout.write(keys.map((key) => `Exported ${keyInWords(key)}\n`).join(""));
    return 0;
  },
);

interface Given {
  readonly options: OptionValues<typeof options>;
  readonly args: readonly string[];
}

/** What is exported must be said in one way, so that a forgotten word does not export every key. */
function checkSelection({ options: { all, gun, public: isPublic, force, to }, args }: Given): void {
  if ([all, gun.length > 0, args.length > 0].filter(Boolean).length !== 1) {
    throw new UsageError("USAGE", "give one of KEY, --all and --gun", {
      hint: "See the IDs of the keys here: tagseal trust key list",
    });
  }
  if (isPublic && args.length !== 1) {
    throw new UsageError("USAGE", "--public exports the public key of one KEY", {
      hint: "Name one key, and a file for each.",
    });
  }
  if (force && to === undefined) throw new UsageError("USAGE", "--force is about the file of --to, which is not given");
}

interface Exported {
  readonly keys: readonly LocalKey[];
  readonly pem: string;
}

async function exported(given: Given, io: Io): Promise<Exported> {
  const passphrases = await passphraseSource(given.options, io);
  const opened = await openLocalKeys(io, passphrases);
  if (given.options.public) {
    const keys = await keysNamed(given.args, opened);
    const [key] = keys;
    return { keys, pem: key === undefined ? "" : publicKeyPem(await publicKeyOf(key, opened.store)) };
  }
  // What is wrong with files was said when they were listed.
  const files = await openKeyFiles(io, passphrases, () => undefined);
  const inFiles = new Set((await files.list()).map(({ keyId }) => keyId));
  const wanted = await selected(given, opened);
  const keys = wanted.filter(({ keyId }) => inFiles.has(keyId));
  for (const key of wanted.filter((other) => !keys.includes(other))) reportStaying(key, given.args.length > 0, io);
  if (keys.length === 0)
    throw new KeyStoreError("KEY_NOT_FOUND", "there is no key to export", {
      hint: "See what is here: tagseal trust key list",
    });
  return { keys, pem: await exportKeys(files, { keyIds: keys.map(({ keyId }) => keyId) }) };
}

async function selected(
  { options: { all, gun: guns }, args }: Given,
  opened: OpenedKeys,
): Promise<readonly LocalKey[]> {
  if (all) return opened.keys;
  if (args.length > 0) return await keysNamed(args, opened);
  return opened.keys.filter(({ gun }) => gun !== undefined && guns.includes(gun));
}

/** @throws KeyStoreError `KEY_UNSUPPORTED` for a key that was asked for by its ID */
function reportStaying(key: LocalKey, isNamed: boolean, io: Io): void {
  const message = `the ${keyInWords(key)} is not a file and stays where it is: ${key.location}`;
  if (isNamed) throw new KeyStoreError("KEY_UNSUPPORTED", message);
  io.stderr.write(`warning: ${message}\n`);
}
