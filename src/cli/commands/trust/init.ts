import type { PublicKey } from "../../../crypto/public-key.ts";
import { UsageError } from "../../../errors.ts";
import { initialiseCollection } from "../../../trust/publishing/initialise.ts";
import type { RootChoice } from "../../../trust/publishing/root-choice.ts";
import { defineCommand } from "../../command.ts";
import { thresholdOf } from "../../options/delegation-flags.ts";
import { imageArgument } from "../../options/image.ts";
import { jsonOption } from "../../options/output-flags.ts";
import { passphraseSource } from "../../open/passphrases.ts";
import { passphraseOptions } from "../../options/passphrase-flags.ts";
import { signingHelp } from "../../options/shared-help.ts";
import { readPublicKeyFile } from "../../open/public-key-file.ts";
import { withTrust } from "../../open/trust.ts";
import { openKeyFiles, openKeyStore } from "../../open/user-keys.ts";
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
      "Give --root-key several times for a root with several keys, with public keys of colleagues among them, or their certificates under --root-certificate. With a --threshold, so many of them sign each change of the root; so many must be on this machine now.",
    ],
    options: {
      json: jsonOption,
      "root-certificate": {
        kind: "list",
        value: "file",
        complete: "file",
        help: "Certificate of a root key, for this repository's name; of several, those of colleagues",
      },
      "root-key": {
        kind: "list",
        value: "file or ID",
        complete: "key or file",
        help: "The root key: a private key file, or the ID of a key on this machine",
      },
      threshold: { kind: "text", value: "number", help: "How many of several root keys must sign (default 1)" },
      ...passphraseOptions,
    },
    args: { min: 1, max: 1 },
    examples: [
      { text: "create a repository", line: "tagseal trust init registry.example.com/team/app" },
      {
        text: "with the root key in a file",
        line: "tagseal trust init --root-key root.pem registry.example.com/team/app",
      },
      {
        text: "with two root keys that both sign",
        line: "tagseal trust init --root-key one.pem --root-key two.pem --threshold 2 registry.example.com/team/app",
      },
    ],
    ...signingHelp,
  },
  async ({ options, args: [name = ""] }, io) => {
    const { reference } = imageArgument(name);
    const passphrases = await passphraseSource(options, io);
    const threshold = thresholdOf(options.threshold);
    const certificates: PublicKey[] = [];
    for (const path of options["root-certificate"]) certificates.push(await certificateIn(path, io.now()));
    const keys = await openKeyStore(io, { passphrases });
    const { "root-key": words, json } = options;
    const { chosenKeys } = await import("../../open/chosen-keys.ts");
    const wanted = { store: keys, files: () => openKeyFiles(io, passphrases), use: { role: "root" }, now: io.now() };
    const root = rootChoice(await chosenKeys(words, wanted), certificates, threshold);
    const settings = { access: "write", passphrases, keys, notify: tellTrustEvents(io, { quiet: true }) } as const;
    const made = await withTrust(io, reference, settings, (context) => initialiseCollection(context, root));
    if (json) writeJson(io, { repository: name, ...made });
    else io.stdout.write(`Successfully initialized "${name}"\n`);
    return 0;
  },
);

/** Each key with its certificate, if one was given; certificates of other keys stand alone. One key and one certificate belong together. */
function rootChoice(
  keys: readonly PublicKey[],
  certificates: readonly PublicKey[],
  threshold: number | undefined,
): RootChoice {
  const isOne = keys.length === 1 && certificates.length === 1 && threshold === undefined;
  const certificateOf = (key: PublicKey): PublicKey | undefined =>
    certificates.find((certificate) => isOne || certificate.bareKeyId === key.bareKeyId);
  const pairs = keys.map((key) => {
    const certificate = certificateOf(key);
    return certificate === undefined ? { key } : { key, certificate };
  });
  const used = keys.map(certificateOf);
  const alone = certificates
    .filter((certificate) => !used.includes(certificate))
    .map((certificate) => ({ certificate }));
  const [first = {}, ...more] = [...pairs, ...alone];
  return { ...first, more, ...(threshold === undefined ? {} : { threshold }) };
}

async function certificateIn(path: string, now: Date): Promise<PublicKey> {
  const key = await readPublicKeyFile(path, now);
  if (key.isX509) return key;
  throw new UsageError("CERTIFICATE_INVALID", `${path} has a public key, expected a certificate`, {
    hint: "Give a PEM file with a certificate, or leave out --root-certificate: then one is made.",
  });
}
