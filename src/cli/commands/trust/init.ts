import type { PublicKey } from "../../../crypto/public-key.ts";
import { UsageError } from "../../../errors.ts";
import { initialiseCollection } from "../../../trust/publishing/initialise.ts";
import type { RootChoice } from "../../../trust/publishing/root-choice.ts";
import { defineCommand } from "../../command.ts";
import { imageArgument } from "../../options/image.ts";
import { jsonOption } from "../../options/output-flags.ts";
import { passphraseSource } from "../../open/passphrases.ts";
import { passphraseEnvironment, passphraseOptions } from "../../options/passphrase-flags.ts";
import { readPublicKeyFile } from "../../open/public-key-file.ts";
import { withTrust } from "../../open/trust.ts";
import { openKeyFiles, openKeyStore } from "../../open/user-keys.ts";
import { trustEnvironment } from "../../options/trust-flags.ts";
import { writeJson } from "../../output/write-json.ts";
import { tellTrustEvents } from "../../output/trust-events.ts";

/** `tagseal trust init`: creates a signed repository without tags, as `notary init -p` does. */
export const command = defineCommand(
  {
    path: "trust init",
    usage: "[OPTIONS] IMAGE",
    summary: "Create a signed repository without tags",
    description: [
      "Creates the trust data of a repository that has none, before its first tag is signed: a root key, a repository key on this machine, and snapshot and timestamp keys on the trust server. Signing the first tag does the same by itself.",
      "The root key is the one that --root-key or --root-certificate names, else a root key of this machine, else a new one. One root key can serve all your repositories. Its certificate is made for this repository unless you give one.",
    ],
    options: {
      json: jsonOption,
      "root-certificate": {
        kind: "text",
        value: "file",
        complete: "file",
        help: "Certificate of the root key, for this repository's name; its private key must be on this machine or in --root-key",
      },
      "root-key": {
        kind: "text",
        value: "file or ID",
        complete: "file",
        help: "The root key: a private key file, or the ID of a key on this machine",
      },
      ...passphraseOptions,
    },
    args: { min: 1, max: 1 },
    examples: [
      { text: "create a repository", line: "tagseal trust init registry.example.com/team/app" },
      {
        text: "with the root key in a file",
        line: "tagseal trust init --root-key root.pem registry.example.com/team/app",
      },
    ],
    environment: [...trustEnvironment, ...passphraseEnvironment],
    dockerExitCodes: true,
  },
  async ({ options, args: [name = ""] }, io) => {
    const { reference } = imageArgument(name);
    const passphrases = await passphraseSource(options, io);
    const certificate = await certificateIn(options["root-certificate"], io.now());
    const keys = await openKeyStore(io, { passphrases });
    const { "root-key": word, json } = options;
    const { chosenKeys } = await import("../../open/chosen-keys.ts");
    const wanted = { store: keys, files: () => openKeyFiles(io, passphrases), use: { role: "root" }, now: io.now() };
    const [key] = word === undefined ? [] : await chosenKeys([word], wanted);
    const root: RootChoice = {
      ...(key === undefined ? {} : { key }),
      ...(certificate === undefined ? {} : { certificate }),
    };
    const settings = { access: "write", passphrases, keys, notify: tellTrustEvents(io, { quiet: true }) } as const;
    const made = await withTrust(io, reference, settings, (context) => initialiseCollection(context, root));
    if (json) writeJson(io, { repository: name, ...made });
    else io.stdout.write(`Successfully initialized "${name}"\n`);
    return 0;
  },
);

async function certificateIn(path: string | undefined, now: Date): Promise<PublicKey | undefined> {
  if (path === undefined) return undefined;
  const key = await readPublicKeyFile(path, now);
  if (key.isX509) return key;
  throw new UsageError("CERTIFICATE_INVALID", `${path} has a public key, expected a certificate`, {
    hint: "Give a PEM file with a certificate, or leave out --root-certificate: then one is made.",
  });
}
