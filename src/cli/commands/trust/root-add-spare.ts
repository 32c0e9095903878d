import { UsageError } from "../../../errors.ts";
import type { KeyStore } from "../../../keys/key-store.ts";
import type { PassphraseSource } from "../../../keys/passphrase.ts";
import { defineCommand } from "../../command.ts";
import { passphraseSource } from "../../open/passphrases.ts";
import { repositoriesOfKey } from "../../open/repositories-of-key.ts";
import type { SpareKey, SpareSources } from "../../open/spare-key.ts";
import { withTrust } from "../../open/trust.ts";
import { openKeyStore } from "../../open/user-keys.ts";
import { imageArgument } from "../../options/image.ts";
import type { OptionValues } from "../../options/option.ts";
import { jsonOption } from "../../options/output-flags.ts";
import { passphraseEnvironment, passphraseOptions } from "../../options/passphrase-flags.ts";
import { isProposing, proposeElsewhereOptions, proposeHelp, requireOneForOut } from "../../options/proposal-flags.ts";
import { spareEnvironment } from "../../options/spare-flags.ts";
import { tokenEnvironment } from "../../options/token-flags.ts";
import { trustEnvironment } from "../../options/trust-flags.ts";
import { type ForEachResult, forEachRepository, type Turn } from "../../output/for-each-repository.ts";
import { proposedSpareJson, spareAdvice, spareJson, type SpareNext, spareText } from "../../output/spare-report.ts";
import { proposeInTurn } from "../../proposals/propose-in-turn.ts";
import { tellTrustEvents } from "../../output/trust-events.ts";

const options = {
  "all-with-key": {
    kind: "text",
    value: "key ID",
    complete: "key",
    help: "All repositories that this machine remembers to have this root key",
  },
  json: jsonOption,
  key: {
    kind: "text",
    short: "k",
    value: "key",
    complete: "key or file",
    help: "Add this key: a file with a private or public key or a certificate, the URI of a key, or the ID of a key on this machine",
  },
  out: {
    kind: "text",
    short: "o",
    value: "file",
    complete: "file",
    help: "Make the spare, and write its private key to this new file, encrypted",
  },
  store: {
    kind: "text",
    value: "uri",
    help: "Make the spare there: in a token, for example pkcs11:token=spare, in Vault, or with a key helper",
  },
  ...proposeElsewhereOptions,
  ...passphraseOptions,
} as const;

type Flags = OptionValues<typeof options>;

/** `tagseal trust root add-spare`: a second root key, for the day on which the first is lost. */
export const command = defineCommand(
  {
    path: "trust root add-spare",
    usage: "--out FILE | --key KEY | --store URI [OPTIONS] IMAGE... | --all-with-key KEYID",
    summary: "Add a spare root key, for the loss of the first",
    description: [
      "Adds a second root key to repositories. If the root key is lost, the spare alone replaces it: `tagseal trust recover --lost root --spare FILE IMAGE`. Until then it signs nothing and belongs in a safe place away from this machine. Readers follow without doing anything: the present root key signs the addition, and one root signature is still enough.",
      "--out makes the spare and writes it to a file, encrypted under a separate passphrase. The spare is not added to the keys of this machine. --store makes it in a token or with a service. --key adds a key that exists; of a key that was made on another machine, the public key is enough.",
      "The holder of the spare can replace every other key of the repository, as with the root key: keep it as safe. One spare can serve many repositories.",
      `${proposeHelp} Here --proposal-out writes the proposal to a file, because --out is the file of the spare.`,
    ],
    options,
    args: { min: 0 },
    examples: [
      {
        text: "make a spare in a file",
        line: "tagseal trust root add-spare --out spare.pem registry.example.com/team/app",
      },
      {
        text: "add it to all repositories of a root key",
        line: "tagseal trust root add-spare --key spare.pem --all-with-key KEYID",
      },
    ],
    environment: [...trustEnvironment, ...spareEnvironment, ...tokenEnvironment, ...passphraseEnvironment],
    dockerExitCodes: true,
  },
  async ({ options: flags, args }, io) => {
    requireOneSource(flags);
    const names = await repositoriesOfKey({ named: args, keyId: flags["all-with-key"], role: "root" }, io);
    requireOneForOut(flags["proposal-out"], names, "--proposal-out");
    const passphrases = await passphraseSource(flags, io);
    const store = await openKeyStore(io, { passphrases });
    const { withSpare } = await import("../../open/spare-key.ts");
    const spare = await spareOf(flags, { io, passphrases, store });
    const keys = withSpare(store, spare);
    const how = { json: flags.json, failureHeading: "spare root key not added to" };
    const adding = { keys, spare, passphrases, out: flags["proposal-out"] };
    const add = isProposing({ propose: flags.propose, out: adding.out }) ? proposeFor : addTo;
    const done: string[] = [];
    let outcome: SpareNext["outcome"] = "failed";
    try {
      return await forEachRepository(names, io, how, async (repository, say) => {
        const result = await add({ repository, io, say }, adding);
        done.push(repository);
        outcome = isOpen(result) ? "proposed" : "added";
        return result;
      });
    } finally {
      const [image = names[0] ?? "IMAGE"] = done;
      const output = flags.json ? io.stderr : io.stdout;
      output.write(spareAdvice(spare, { image, isNew: flags.key === undefined, outcome }));
    }
  },
);

function requireOneSource({ out, key, store }: Flags): void {
  if ([out, key, store].filter((given) => given !== undefined).length === 1) return;
  throw new UsageError("USAGE", "give one of --out, --key and --store", {
    hint: "To make a spare in a file: tagseal trust root add-spare --out spare.pem IMAGE",
  });
}

async function spareOf({ out, key = "", store }: Flags, sources: SpareSources): Promise<SpareKey> {
  const { makeSpareAt, makeSpareFile, openSpare } = await import("../../open/spare-key.ts");
  if (out !== undefined) return await makeSpareFile(out, sources);
  if (store !== undefined) return await makeSpareAt(store, sources);
  return await openSpare(key, sources);
}

function isOpen({ state }: ForEachResult): boolean {
  return state === "open" || state === "complete";
}

interface Adding {
  readonly keys: KeyStore;
  readonly spare: SpareKey;
  readonly passphrases: PassphraseSource;
  readonly out: string | undefined;
}

async function addTo({ repository, io, say }: Turn, { keys, spare }: Adding): Promise<ForEachResult> {
  const { addSpareRootKey } = await import("../../../trust/rotation/spare-root-key.ts");
  const { reference } = imageArgument(repository);
  const settings = { access: "write", keys, notify: tellTrustEvents(io, { quiet: true }) } as const;
  const result = await withTrust(io, reference, settings, (context) => addSpareRootKey(context, spare.publicKey));
  say(spareText(repository, result));
  return { repository, ...spareJson(result, spare) };
}

async function proposeFor(turn: Turn, { keys, spare, passphrases, out }: Adding): Promise<ForEachResult> {
  const { proposeSpareRootKey } = await import("../../../trust/proposals/proposed-changes.ts");
  const proposed = await proposeInTurn(turn, { out, passphrases, keys }, (context) =>
    proposeSpareRootKey(context, spare.publicKey),
  );
  return { ...proposed, ...proposedSpareJson(spare) };
}
