import { rm } from "node:fs/promises";
import { isEncryptedBlock, isPrivateKeyBlock } from "../../../crypto/private-key-pem.ts";
import { parsePem } from "../../../encoding/pem.ts";
import { reworded, TagsealError, UsageError } from "../../../errors.ts";
import { systemReason } from "../../../files/system-error.ts";
import {
  importKeys,
  importKeysInto,
  type ImportOptions,
  type ImportReport,
  maxImportLength,
} from "../../../keys/key-transfer.ts";
import { PassphraseKeeper } from "../../../keys/passphrase-keeper.ts";
import type { PassphraseSource } from "../../../keys/passphrase.ts";
import { defineCommand } from "../../command.ts";
import type { Io } from "../../io.ts";
import { passphraseSource } from "../../open/passphrases.ts";
import { readPrivateKeyFile } from "../../open/private-key-file.ts";
import { openKeyFiles, openLinkedKeys } from "../../open/user-keys.ts";
import { jsonOption } from "../../options/output-flags.ts";
import { passphraseEnvironment, passphraseOptions } from "../../options/passphrase-flags.ts";
import { keyFilesHelp } from "../../options/shared-help.ts";
import { tokenEnvironment } from "../../options/token-flags.ts";
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
      "With --store, the keys are put into a token or a service instead, from which they cannot be read again, and linked: `trust key tokens` lists the tokens. A signature shows for each that it is the same key. Tokens take EC and RSA keys, key helpers take none. The file stays as it is unless you give --remove-file.",
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
      store: {
        kind: "text",
        value: "uri",
        help: "Put the keys there: into a token, for example pkcs11:token=release, or into Vault, vault:transit",
      },
      "remove-file": { kind: "switch", help: "Remove each file once all of its keys are imported" },
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
      {
        text: "move a root key from its file into a token",
        line: "tagseal trust key import --role root --store 'pkcs11:token=release' --remove-file root.pem",
      },
    ],
    ...keyFilesHelp([...tokenEnvironment, ...passphraseEnvironment]),
  },
  async ({ options, args }, io) => {
    const passphrases = await passphraseSource(options, io);
    const how = { json: options.json, failureHeading: "error importing keys from", subject: "file" };
    const { role, gun, "remove-file": removesFile } = options;
    if (removesFile && args.includes("-"))
      throw new UsageError("USAGE", "--remove-file: standard input is not a file", { hint: "Name the file instead." });
    const given = {
      existing: "keep",
      ...(role === undefined ? {} : { role }),
      ...(gun === undefined ? {} : { gun }),
    } as const;
    const importText = await importer(options.store, passphrases, given, io);
    return await forEachRepository(
      args,
      io,
      how,
      async (file, say) => await importFrom(file, { importText, removesFile, io }, say),
    );
  },
);

type ImportText = (text: string) => Promise<ImportReport>;

/** Into the key files, or with a URI, there. */
async function importer(
  uri: string | undefined,
  source: PassphraseSource,
  given: ImportOptions,
  io: Io,
): Promise<ImportText> {
  if (uri === undefined) {
    const store = await openKeyFiles(io, source);
    return async (text) => await importKeys(store, text, given);
  }
  const { links } = await openLinkedKeys(io, source, { uri });
  const taker = { passphrases: new PassphraseKeeper(source), take: links.take.bind(links) };
  return async (text) => await importKeysInto(taker, text, given);
}

interface Importing {
  readonly importText: ImportText;
  readonly removesFile: boolean;
  readonly io: Io;
}

async function importFrom(
  file: string,
  { importText, removesFile, io }: Importing,
  say: (text: string) => void,
): Promise<ForEachResult> {
  const text = file === "-" ? await standardInput(io) : await readPrivateKeyFile(file, isEncrypted);
  const report = await importText(text).catch((error: unknown) => {
    throw importFailure(error, file);
  });
  for (const key of report.imported) say(`Imported ${keyInWords(key)}${key.uri === undefined ? "" : `: ${key.uri}`}\n`);
  for (const key of report.kept) say(`Skipped ${keyInWords(key)}: it is here already\n`);
  for (const { block, label, error } of report.skipped)
    io.stderr.write(`warning: skipped block ${block} of ${file} (${label}): ${printable(error.message)}\n`);
  if (removesFile) await removeImported(file, report, say);
  return resultJson(file, report);
}

/** What was not imported may be the only copy of a key. */
async function removeImported(file: string, { skipped }: ImportReport, say: (text: string) => void): Promise<void> {
  if (skipped.length > 0) return say(`${file} stays: not all of it was imported\n`);
  await rm(file).catch((cause: unknown) => {
    throw new UsageError("FILE_UNWRITABLE", `cannot remove ${file}: ${systemReason(cause)}`, { cause });
  });
  say(`Removed ${file}\n`);
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
