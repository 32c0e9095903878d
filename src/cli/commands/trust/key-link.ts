import { defineCommand } from "../../command.ts";
import { newPublicKeyPath, writePublicKey } from "../../open/new-public-key-file.ts";
import { passphraseSource } from "../../open/passphrases.ts";
import { openLinkedKeys } from "../../open/user-keys.ts";
import { keyUse, keyUseOptions } from "../../options/key-use.ts";
import { jsonOption } from "../../options/output-flags.ts";
import { passphraseEnvironment, passphraseOptions } from "../../options/passphrase-flags.ts";
import { tokenEnvironment } from "../../options/token-flags.ts";
import { writeJson } from "../../output/write-json.ts";

/** Makes a key that is already in a token one of the user's keys. */
export const command = defineCommand(
  {
    path: "trust key link",
    usage: "[OPTIONS] --role ROLE URI",
    summary: "Use a key that is kept in a token or by a service",
    description: [
      "Links a key that is in a token, or that a service keeps: from now on it signs for its role as a key file does, and needs the token's PIN instead of a passphrase. A small file in the trust directory remembers the URI and the public key. If another key is found at the URI later, it is not used. Nothing is written to the token or the service.",
      "The URI of a key in a token is as RFC 7512 describes it; `trust key tokens` lists the URI of each key. It must name one key: add the serial number where tokens have the same label. `exec:NAME/KEY` is the key KEY of the program tagseal-key-NAME, and `vault:MOUNT/KEY` a key of the transit engine of HashiCorp Vault.",
      "`trust key remove` removes the link. The key stays where it is.",
    ],
    options: {
      ...keyUseOptions(
        "root for new repositories, targets for the repository that --gun names, or the name of a signer",
      ),
      dir: {
        kind: "text",
        value: "string",
        complete: "directory",
        help: "Also write the public key to ROLE.pub in this directory, for `trust signer add`",
      },
      json: jsonOption,
      ...passphraseOptions,
    },
    args: { min: 1, max: 1 },
    examples: [
      {
        text: "use the key of a YubiKey's signature slot as alice's key",
        line: "tagseal trust key link --role alice 'pkcs11:serial=12345678;id=%02'",
      },
    ],
    environment: [
      ["DOCKER_CONFIG", "docker's configuration directory; links are in its trust/tagseal/linked-keys"],
      ...tokenEnvironment,
      ...passphraseEnvironment,
    ],
    dockerExitCodes: true,
  },
  async ({ options, args: [uri = ""] }, io) => {
    const use = keyUse(options.role, options.gun);
    const path = options.dir === undefined ? undefined : await newPublicKeyPath(use.role, options.dir);
    const { links, drivers } = await openLinkedKeys(io, await passphraseSource(options, io));
    const driver = await drivers.for(uri);
    const found = await driver.find(uri, { role: use.role, gun: use.gun, keyId: "" });
    const { keyId } = await links.link(found, use);
    if (path !== undefined) await writePublicKey(path, found.publicKey);
    const file = path === undefined ? {} : { publicKey: path };
    if (options.json) writeJson(io, { keyId, ...use, algorithm: found.publicKey.keyType, uri: found.uri, ...file });
    else {
      io.stdout.write(`Linked ${found.publicKey.keyType} key ${keyId} in ${found.place} for ${use.role}\n`);
      if (path !== undefined) io.stdout.write(`Its public key is in ${path}\n`);
    }
    return 0;
  },
);
