import { stat, writeFile } from "node:fs/promises";
import { join, resolve } from "node:path";
import type { KeyAlgorithm } from "../../../crypto/private-key.ts";
import type { PublicKey } from "../../../crypto/public-key.ts";
import { serialisePem } from "../../../encoding/pem.ts";
import { KeyStoreError, UsageError } from "../../../errors.ts";
import { defaultKeyAlgorithm, type KeyStore } from "../../../keys/key-store.ts";
import { defineCommand } from "../../command.ts";
import { jsonOption } from "../../options/output-flags.ts";
import { checkKeyName } from "../../options/key-name.ts";
import { openKeyStore } from "../../open/user-keys.ts";
import { passphraseSource } from "../../open/passphrases.ts";
import { passphraseEnvironment, passphraseOptions } from "../../options/passphrase-flags.ts";
import { prefixed } from "../../output/docker-errors.ts";
import { writeJson } from "../../output/write-json.ts";
import { systemReason } from "../../../files/system-error.ts";

/** Those that every client can add as a signer's: docker and notary refuse the public key of an Ed25519 pair. */
const algorithms = ["ecdsa", "rsa"] as const satisfies readonly KeyAlgorithm[];

/** `docker trust key generate`: creates a key pair, the private key encrypted, the public key in a file to hand out. */
export const command = defineCommand(
  {
    path: "trust key generate",
    usage: "NAME",
    summary: "Generate and load a signing key-pair",
    description: [
      "Generates a key. The private key is stored in the trust directory, encrypted under a passphrase. The public key is written to NAME.pub; the owner of a repository adds it with `trust signer add --key NAME.pub NAME REPOSITORY`.",
    ],
    options: {
      dir: {
        kind: "text",
        value: "string",
        complete: "directory",
        help: "Directory to generate key in, defaults to current directory",
      },
      algorithm: {
        kind: "text",
        value: "name",
        default: defaultKeyAlgorithm,
        complete: algorithms,
        help: "Algorithm of the key: ecdsa, or rsa with 3072 bits",
      },
      json: jsonOption,
      ...passphraseOptions,
    },
    args: { min: 1, max: 1 },
    examples: [{ text: "generate a key for alice and write alice.pub", line: "tagseal trust key generate alice" }],
    environment: [
      ["DOCKER_CONFIG", "docker's configuration directory; keys are in its trust/private"],
      ...passphraseEnvironment,
    ],
    dockerExitCodes: true,
  },
  async ({ options, args: [name = ""] }, io) => {
    checkKeyName(name);
    const algorithm = keyAlgorithm(options.algorithm ?? defaultKeyAlgorithm);
    const path = await publicKeyPath(name, options.dir);
    const passphrases = await passphraseSource(options, io);
    if (!options.json) io.stdout.write(`Generating key for ${name}...\n`);
    const store = await openKeyStore(io, { passphrases });
    const publicKey = await makeKey(store, name, algorithm).catch((error: unknown) => {
      throw prefixed(error, `failed to generate key for ${name}`);
    });
    await writePublicKey(path, publicKey);
    if (options.json) writeJson(io, { name, keyId: publicKey.keyId, publicKey: path });
    else {
      io.stdout.write(`Successfully generated and loaded private key. Corresponding public key available: ${path}\n`);
    }
    return 0;
  },
);

function keyAlgorithm(name: string): KeyAlgorithm {
  const found = algorithms.find((algorithm) => algorithm === name);
  if (found !== undefined) return found;
  throw new UsageError("USAGE", `--algorithm: signers have no keys of the kind "${name}"`, {
    hint: `Name one of ${algorithms.join(", ")}.`,
  });
}

async function makeKey(store: KeyStore, name: string, algorithm: KeyAlgorithm): Promise<PublicKey> {
  const key = await store.make({ role: name }, algorithm);
  if (key !== undefined) return key.publicKey;
  throw new KeyStoreError("KEY_UNSUPPORTED", `the key store makes no ${algorithm} keys for ${name}`);
}

/** Checked before the passphrase prompt, so that you do not type a passphrase in vain. */
async function publicKeyPath(name: string, directory: string | undefined): Promise<string> {
  const path = directory === undefined ? resolve(`${name}.pub`) : join(directory, `${name}.pub`);
  if (directory !== undefined && !(await exists(directory))) {
    throw new UsageError("FILE_UNWRITABLE", `public key path does not exist: "${directory}"`);
  }
  if (await exists(path)) throw new UsageError("FILE_UNWRITABLE", `public key file already exists: "${path}"`);
  return path;
}

async function exists(path: string): Promise<boolean> {
  return await stat(path).then(
    () => true,
    () => false, // a path that cannot be inspected fails, with its reason, when written
  );
}

/** Off-spec: docker writes a `role` header, which OpenSSL refuses to read; docker reads the file without it as well. */
async function writePublicKey(path: string, key: PublicKey): Promise<void> {
  const text = serialisePem({ label: "PUBLIC KEY", headers: new Map(), bytes: key.bytes });
  try {
    await writeFile(path, text, { flag: "wx", mode: 0o600 });
  } catch (error) {
    throw new UsageError("FILE_UNWRITABLE", `cannot write public key file "${path}": ${systemReason(error)}`, {
      cause: error,
      hint: "The private key was stored; its public key can be read from the key store later.",
    });
  }
}
