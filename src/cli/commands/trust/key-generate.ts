import type { KeyAlgorithm } from "../../../crypto/private-key.ts";
import type { PublicKey } from "../../../crypto/public-key.ts";
import { KeyStoreError, UsageError } from "../../../errors.ts";
import { defaultKeyAlgorithm, type KeyStore, type KeyUse } from "../../../keys/key-store.ts";
import { defineCommand } from "../../command.ts";
import { newPublicKeyPath, writePublicKey } from "../../open/new-public-key-file.ts";
import { jsonOption } from "../../options/output-flags.ts";
import { checkKeyName } from "../../options/key-name.ts";
import { keyUse, keyUseOptions } from "../../options/key-use.ts";
import { openKeyStore, openLinkedKeys } from "../../open/user-keys.ts";
import { passphraseSource } from "../../open/passphrases.ts";
import type { PassphraseSource } from "../../../keys/passphrase.ts";
import type { Io } from "../../io.ts";
import { tokenEnvironment } from "../../options/token-flags.ts";
import { passphraseEnvironment, passphraseOptions } from "../../options/passphrase-flags.ts";
import { keyFilesHelp } from "../../options/shared-help.ts";
import { prefixed } from "../../output/docker-errors.ts";
import { writeJson } from "../../output/write-json.ts";

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
      "With --role, the key is one for later. docker, notary and Tagseal use a root key for new repositories; `trust init --root-key` names one of several. `trust key rotate --key KEYID IMAGE targets` makes a targets key the repository key. A targets key that --store makes elsewhere becomes the repository key when the repository is created.",
      "With --store, the key is made in a token or by a service instead, and cannot be read from there. A small file, a link, remembers where it is. `trust key tokens` lists the tokens with their URIs.",
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
      ...keyUseOptions(
        "root for new repositories, targets for the repository that --gun names; without it, the key of the signer NAME",
      ),
      store: {
        kind: "text",
        value: "uri",
        help: "Make the key there: in a token, for example pkcs11:token=release;serial=0123, in Vault, vault:transit, or with a key helper, exec:NAME",
      },
      json: jsonOption,
      ...passphraseOptions,
    },
    args: { min: 1, max: 1 },
    examples: [
      { text: "generate a key for alice and write alice.pub", line: "tagseal trust key generate alice" },
      {
        text: "make a root key before there is a repository",
        line: "tagseal trust key generate --role root release-root",
      },
      {
        text: "make a root key in a token; new repositories use it",
        line: "tagseal trust key generate --role root --store 'pkcs11:token=release' release-root",
      },
    ],
    ...keyFilesHelp([...tokenEnvironment, ...passphraseEnvironment]),
  },
  async ({ options, args: [name = ""] }, io) => {
    checkKeyName(name);
    const use = useOf(options, name);
    const algorithm = keyAlgorithm(options.algorithm ?? defaultKeyAlgorithm);
    const path = await newPublicKeyPath(name, options.dir);
    const passphrases = await passphraseSource(options, io);
    if (!options.json) io.stdout.write(`Generating key for ${name}...\n`);
    const store = await openStore(options.store, { name, passphrases }, io);
    const publicKey = await makeKey(store, use, algorithm).catch((error: unknown) => {
      throw prefixed(error, `failed to generate key for ${name}`);
    });
    await writePublicKey(path, publicKey);
    const uri = (await store.find(publicKey.keyId))?.uri;
    if (options.json) {
      writeJson(io, { name, keyId: publicKey.keyId, publicKey: path, ...(uri === undefined ? {} : { uri }) });
    } else {
      if (uri !== undefined) io.stdout.write(`Linked key ${publicKey.keyId} at ${uri}\n`);
      io.stdout.write(`Successfully generated and loaded private key. Corresponding public key available: ${path}\n`);
    }
    return 0;
  },
);

/** Without `--role`, the key is a signer's, and docker's rule holds: NAME is the role. `--gun` would have no effect there, and is refused. */
function useOf(
  { role, gun }: { readonly role?: string | undefined; readonly gun?: string | undefined },
  name: string,
): KeyUse {
  return role === undefined && gun === undefined ? { role: name } : keyUse(role ?? name, gun);
}

/** Where the key is made: in the files, or with a URI, there. Its name there is NAME, unless the URI has one. */
async function openStore(
  uri: string | undefined,
  { name, passphrases }: { readonly name: string; readonly passphrases: PassphraseSource },
  io: Io,
): Promise<KeyStore> {
  if (uri === undefined) return await openKeyStore(io, { passphrases });
  return (await openLinkedKeys(io, passphrases, { uri, label: name })).links;
}

function keyAlgorithm(name: string): KeyAlgorithm {
  const found = algorithms.find((algorithm) => algorithm === name);
  if (found !== undefined) return found;
  throw new UsageError("USAGE", `--algorithm: signers have no keys of the kind "${name}"`, {
    hint: `Name one of ${algorithms.join(", ")}.`,
  });
}

async function makeKey(store: KeyStore, use: KeyUse, algorithm: KeyAlgorithm): Promise<PublicKey> {
  const key = await store.make(use, algorithm);
  if (key !== undefined) return key.publicKey;
  throw new KeyStoreError("KEY_UNSUPPORTED", `the key store makes no ${algorithm} keys for ${use.role}`);
}
