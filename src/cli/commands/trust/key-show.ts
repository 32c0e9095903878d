import { publicKeyPem } from "../../../crypto/public-key-pem.ts";
import { UsageError } from "../../../errors.ts";
import { type LocalKey, publicKeyOf } from "../../../trust/local-keys/local-key.ts";
import { defineCommand } from "../../command.ts";
import { keysNamed, openLocalKeys } from "../../open/local-keys.ts";
import { passphraseSource } from "../../open/passphrases.ts";
import { jsonOption } from "../../options/output-flags.ts";
import { passphraseEnvironment, passphraseOptions } from "../../options/passphrase-flags.ts";
import { keyFilesHelp } from "../../options/shared-help.ts";
import { keyJson, protectionText, purposeOf } from "../../output/key-words.ts";
import { textTable } from "../../output/text-table.ts";
import { writeJson } from "../../output/write-json.ts";

/** `tagseal trust key show`: everything about one private key. */
export const command = defineCommand(
  {
    path: "trust key show",
    usage: "[OPTIONS] KEY",
    summary: "Show everything about a private key",
    description: [
      "Shows what a private key is for, where it lies, how it is protected, and every repository whose remembered trust data names it. KEY is the ID of the key, an ID under which a repository names it, or at least the first 7 characters of either.",
      "With --public, it prints the public key, for `trust signer add --key`. The key is unlocked for that only if no remembered trust data has its public key.",
    ],
    options: {
      public: { kind: "switch", help: "Print the public key as PEM, and nothing else" },
      json: jsonOption,
      ...passphraseOptions,
    },
    args: { min: 1, max: 1 },
    complete: "key",
    examples: [
      { text: "see which repositories depend on a key", line: "tagseal trust key show 3f9a1c27b04d" },
      {
        text: "add the signer whose key is here",
        line: "tagseal trust key show --public 3f9a1c27b04d > alice.pub",
      },
    ],
    ...keyFilesHelp(passphraseEnvironment),
  },
  async ({ options, args }, io) => {
    if (options.public && options.json) throw new UsageError("USAGE", "--public and --json cannot be combined");
    const opened = await openLocalKeys(io, await passphraseSource(options, io));
    const [key] = await keysNamed(args, opened);
    if (key === undefined) return 0;
    if (options.public) io.stdout.write(publicKeyPem(await publicKeyOf(key, opened.store)));
    else if (options.json) writeJson(io, { ...keyJson(key), publicKey: knownPem(key) });
    else io.stdout.write(description(key));
    return 0;
  },
);

/** The public key, where it is known without unlocking anything. */
function knownPem({ namings: [naming] }: LocalKey): string | undefined {
  return naming === undefined ? undefined : publicKeyPem(naming.publicKey);
}

function description(key: LocalKey): string {
  const { keyId, gun, location, namings } = key;
  const [named] = namings;
  const facts: (readonly [string, string])[] = [
    ["Key ID:", keyId],
    ["For:", gun === undefined ? purposeOf(key) : `${purposeOf(key)} of ${gun}`],
    ["Location:", location],
    ["Protection:", protectionText(key, true)],
    ["Algorithm:", named?.publicKey.keyType ?? "known when the key is unlocked"],
    ["Named by:", named === undefined ? "no repository that this machine remembers" : ""],
  ];
  const rows = namings.map((naming) => [`  ${naming.gun}`, naming.role, naming.idInMetadata]);
  return textTable(facts) + (rows.length === 0 ? "" : textTable([["  REPOSITORY", "ROLE", "ID THERE"], ...rows]));
}
