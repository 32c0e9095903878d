import { isEncryptedBlock, isPrivateKeyBlock } from "../../../crypto/private-key-pem.ts";
import { parsePem } from "../../../encoding/pem.ts";
import { reworded, TagsealError, UsageError } from "../../../errors.ts";
import type { PemKeyStore } from "../../../keys/key-store.ts";
import { importKeys, type ImportOptions, type ImportReport, maxImportLength } from "../../../keys/key-transfer.ts";
import { defineCommand } from "../../command.ts";
import type { Io } from "../../io.ts";
import { passphraseSource } from "../../open/passphrases.ts";
import { readPrivateKeyFile } from "../../open/private-key-file.ts";
import { openKeyFiles } from "../../open/user-keys.ts";
import { jsonOption } from "../../options/output-flags.ts";
import { passphraseEnvironment, passphraseOptions } from "../../options/passphrase-flags.ts";
import { type ForEachResult, forEachRepository } from "../../output/for-each-repository.ts";
import { keyInWords, storedKeyJson } from "../../output/key-words.ts";
import { printable } from "../../output/printable.ts";

/** `tagseal trust key import`: keys from files of docker, notary, openssl and Tagseal. */
export const command = defineCommand(
  {
    path: "trust key import",
    usage: "[OPTIONS] FILE [FILE...]",
    summary: "Import private keys from files",
    description: [
      "Adds every private key in the files to the trust directory: what `trust key export` and `notary key export` wrote, key files of docker and notary, and EC, RSA and Ed25519 keys as OpenSSL writes them, encrypted or not. FILE is - for standard input.",
      "Exported keys are stored as they are, under their passphrase. Of all others you are asked for the passphrase that opens them, if they are encrypted, and for the one to store them under.",
      "A key that is here already stays as it is; nothing is overwritten. Everything in a file that is not a private key is skipped. Both are reported.",
    ],
    options: {
      role: {
        kind: "text",
        short: "r",
        value: "string",
        help: 'Role of keys whose file names none: root, targets, snapshot or the name of a signer (default "delegation")',
      },
      gun: {
        kind: "text",
        short: "g",
        value: "repository",
        help: "Repository of targets and snapshot keys whose file names none",
      },
      json: jsonOption,
      ...passphraseOptions,
    },
    args: { min: 1 },
    complete: "file",
    examples: [
      { text: "import the keys that notary exported", line: "tagseal trust key import keys.pem" },
      {
        text: "import a repository key that OpenSSL encrypted",
        line: "tagseal trust key import --role targets --gun registry.example.com/team/app repository.pem",
      },
    ],
    environment: [
      ["DOCKER_CONFIG", "docker's configuration directory; keys are in its trust/private"],
      ...passphraseEnvironment,
    ],
    dockerExitCodes: true,
  },
  async ({ options, args }, io) => {
    const store = await openKeyFiles(io, await passphraseSource(options, io));
    const how = { json: options.json, failureHeading: "error importing keys from", subject: "file" };
    const { role, gun } = options;
    const given = {
      existing: "keep",
      ...(role === undefined ? {} : { role }),
      ...(gun === undefined ? {} : { gun }),
    } as const;
    return await forEachRepository(
      args,
      io,
      how,
      async (file, say) => await importFrom(file, { store, given, io }, say),
    );
  },
);

interface Importing {
  readonly store: PemKeyStore;
  readonly given: ImportOptions;
  readonly io: Io;
}

async function importFrom(
  file: string,
  { store, given, io }: Importing,
  say: (text: string) => void,
): Promise<ForEachResult> {
  const text = file === "-" ? await standardInput(io) : await readPrivateKeyFile(file, isEncrypted);
  const report = await importKeys(store, text, given).catch((error: unknown) => {
    throw importFailure(error, file);
  });
  for (const key of report.imported) say(`Imported ${keyInWords(key)}\n`);
  for (const key of report.kept) say(`Skipped ${keyInWords(key)}: it is here already\n`);
  for (const { block, label, error } of report.skipped)
    io.stderr.write(`warning: skipped block ${block} of ${file} (${label}): ${printable(error.message)}\n`);
  return resultJson(file, report);
}

function resultJson(file: string, { imported, kept, skipped }: ImportReport): ForEachResult {
  const unusable = skipped.map(({ block, label, error: { code, message } }) => ({ block, label, code, message }));
  return { file, imported: imported.map(storedKeyJson), kept: kept.map(storedKeyJson), skipped: unusable };
}

async function standardInput(io: Io): Promise<string> {
  const text = await io.prompter.readAll(maxImportLength);
  if (text !== undefined) return text;
  throw new UsageError("TOO_LARGE", `standard input has more than ${maxImportLength} bytes`);
}

/** True when all private keys of a text are encrypted. */
function isEncrypted(text: string): boolean {
  return parsePem(text).every((block) => !isPrivateKeyBlock(block) || isEncryptedBlock(block));
}

function importFailure(error: unknown, file: string): unknown {
  if (!(error instanceof TagsealError) || error.code === "CANCELLED") return error;
  const hint = error.message.includes("belongs to one repository")
    ? "Name the repository: --gun REPOSITORY."
    : error.hint;
  return reworded(error, {
    message: `cannot import keys from ${file}: ${error.message}`,
    ...(hint === undefined ? {} : { hint }),
  });
}
