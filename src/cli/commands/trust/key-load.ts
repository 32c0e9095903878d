import { parsePem, serialisePem } from "../../../encoding/pem.ts";
import { hasCode, KeyStoreError } from "../../../errors.ts";
import { importKeys } from "../../../keys/key-transfer.ts";
import { defineCommand } from "../../command.ts";
import { jsonOption } from "../../options/output-flags.ts";
import { checkKeyName } from "../../options/key-name.ts";
import { readPrivateKeyFile } from "../../open/private-key-file.ts";
import { openKeyFiles } from "../../open/user-keys.ts";
import { passphraseSource } from "../../open/passphrases.ts";
import { passphraseEnvironment, passphraseOptions } from "../../options/passphrase-flags.ts";
import { keyFilesHelp } from "../../options/shared-help.ts";
import { prefixed } from "../../output/docker-errors.ts";
import { storedKeyJson } from "../../output/key-words.ts";
import { writeJson } from "../../output/write-json.ts";

const defaultName = "signer";

/** `docker trust key load`: adds a private key to the key store. */
export const command = defineCommand(
  {
    path: "trust key load",
    usage: "[OPTIONS] KEYFILE",
    summary: "Load a private key file for signing",
    description: [
      "Adds a private key to the trust directory, encrypted under a passphrase. It accepts EC, RSA and Ed25519 keys as OpenSSL writes them, and keys exported by notary. If the file is encrypted, you are asked for its passphrase first. The file must be readable by its owner only.",
    ],
    options: {
      name: { kind: "text", value: "string", default: defaultName, help: "Name for the loaded key" },
      json: jsonOption,
      ...passphraseOptions,
    },
    args: { min: 1, max: 1 },
    complete: "file",
    examples: [
      { text: "load the key that alice generated with OpenSSL", line: "tagseal trust key load --name alice alice.pem" },
    ],
    ...keyFilesHelp(passphraseEnvironment),
  },
  async ({ options, args: [path = ""] }, io) => {
    const name = options.name ?? defaultName;
    checkKeyName(name);
    if (!options.json) io.stdout.write(`Loading key from "${path}"...\n`);
    const text = await readPrivateKeyFile(path, () => false);
    const store = await openKeyFiles(io, await passphraseSource(options, io));
    const { imported } = await importKeys(store, options.name === undefined ? text : renamed(text), {
      role: name,
    }).catch((error: unknown) => {
      throw importFailure(error, path);
    });
    if (options.json) writeJson(io, imported.map(storedKeyJson));
    else io.stdout.write(`Successfully imported key from ${path}\n`);
    return 0;
  },
);

/** A name given on the command line overrides the one in the file, as for a key that is loaded a second time. */
function renamed(text: string): string {
  return parsePem(text)
    .map((block) => {
      const headers = new Map([...block.headers].filter(([header]) => header !== "role"));
      return serialisePem({ ...block, headers });
    })
    .join("");
}

function importFailure(error: unknown, path: string): unknown {
  const failed = `error importing key from ${path}`;
  if (!hasCode(error, "PEM_MALFORMED")) return prefixed(error, failed);
  const message = `${failed}: provided file ${path} is not a supported private key - to add a signer's public key use docker trust signer add`;
  return new KeyStoreError("KEY_UNSUPPORTED", message, { cause: error, hint: `Check the file: ${error.message}.` });
}
