import type { PublicKey } from "../../../crypto/public-key.ts";
import { UsageError } from "../../../errors.ts";
import type { PassphraseSource } from "../../../keys/passphrase.ts";
import { addSigner, checkSignerName } from "../../../trust/signers/signer.ts";
import { defineCommand } from "../../command.ts";
import { imageArgument } from "../../options/image.ts";
import { jsonOption } from "../../options/output-flags.ts";
import { passphraseSource } from "../../open/passphrases.ts";
import { passphraseEnvironment, passphraseOptions } from "../../options/passphrase-flags.ts";
import { isProposing, proposeHelp, proposeOptions, requireOneForOut } from "../../options/proposal-flags.ts";
import { readPublicKeyFile } from "../../open/public-key-file.ts";
import { withNoInit, withTrust } from "../../open/trust.ts";
import { noInitEnvironment, noInitOption, trustEnvironment } from "../../options/trust-flags.ts";
import { type ForEachResult, forEachRepository, type Turn } from "../../output/for-each-repository.ts";
import { proposeInTurn } from "../../proposals/propose-in-turn.ts";
import { tellTrustEvents } from "../../output/trust-events.ts";

/** `docker trust signer add`: permits a signer to sign the tags of repositories. */
export const command = defineCommand(
  {
    path: "trust signer add",
    usage: "OPTIONS NAME REPOSITORY [REPOSITORY...] ",
    summary: "Add a signer",
    description: [
      "Permits the holder of the keys to sign tags of the repositories as NAME: the delegations targets/NAME and targets/releases get the keys. A repository without trust data is initialised first. For an existing signer, the keys are added to the signer's keys.",
      "Once a repository has a signer, signers' keys make new signatures; the repository key only manages signers.",
      proposeHelp,
    ],
    options: {
      key: { kind: "list", value: "list", complete: "file", help: "Path to the signer's public key file" },
      json: jsonOption,
      "no-init": noInitOption,
      ...proposeOptions,
      ...passphraseOptions,
    },
    args: { min: 2 },
    examples: [
      {
        text: "permit alice to sign with the key from `trust key generate alice`",
        line: "tagseal trust signer add --key alice.pub alice registry.example.com/team/app",
      },
    ],
    environment: [...trustEnvironment, ...noInitEnvironment, ...passphraseEnvironment],
    dockerExitCodes: true,
  },
  async ({ options, args: [name = "", ...repositories] }, given) => {
    const io = withNoInit(given, options["no-init"]);
    checkSignerName(name);
    if (options.key.length === 0) {
      throw new UsageError("USAGE", "path to a public key must be provided using the `--key` flag");
    }
    const keys = await Promise.all(options.key.map((path) => readPublicKeyFile(path, io.now())));
    requireOneForOut(options.out, repositories);
    const signer = { name, keys, passphrases: await passphraseSource(options, io), out: options.out };
    const how = { json: options.json, failureHeading: "failed to add signer to" };
    const add = isProposing(options) ? proposeFor : addTo;
    return await forEachRepository(repositories, io, how, (repository, say) => add({ repository, io, say }, signer));
  },
);

interface NewSigner {
  readonly name: string;
  readonly keys: readonly PublicKey[];
  readonly passphrases: PassphraseSource;
  readonly out: string | undefined;
}

async function proposeFor(turn: Turn, { name, keys, passphrases, out }: NewSigner): Promise<ForEachResult> {
  const { proposeSigner } = await import("../../../trust/proposals/proposed-delegations.ts");
  const proposed = await proposeInTurn(turn, { out, passphrases }, (context) => proposeSigner(context, { name, keys }));
  return { signer: name, ...proposed };
}

async function addTo({ repository, io, say }: Turn, { name, keys, passphrases }: NewSigner): Promise<ForEachResult> {
  say(`Adding signer "${name}" to ${repository}...\n`);
  const { reference } = imageArgument(repository);
  const settings = {
    access: "write",
    passphrases,
    notify: tellTrustEvents(io, {
      quiet: true,
      sayInitialised: () =>
        say(`Initializing signed repository for ${repository}...\nSuccessfully initialized "${repository}"\n`),
    }),
  } as const;
  const { initialised } = await withTrust(io, reference, settings, (context) => addSigner(context, name, keys));
  say(`Successfully added signer: ${name} to ${repository}\n\n`);
  return { repository, signer: name, initialised };
}
