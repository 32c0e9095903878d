import { KeyStoreError } from "../../../errors.ts";
import type { KeyStore } from "../../../keys/key-store.ts";
import type { PassphraseSource } from "../../../keys/passphrase.ts";
import type { RenewResult } from "../../../trust/renewal/renew.ts";
import { defineCommand } from "../../command.ts";
import { chosenRepositories } from "../../open/chosen-repositories.ts";
import { passphraseSource } from "../../open/passphrases.ts";
import { withTrust } from "../../open/trust.ts";
import { openKeyStore } from "../../open/user-keys.ts";
import { imageArgument } from "../../options/image.ts";
import { jsonOption } from "../../options/output-flags.ts";
import { passphraseOptions } from "../../options/passphrase-flags.ts";
import { isProposing, proposeHelp, proposeOptions, requireOneForOut } from "../../options/proposal-flags.ts";
import { signingHelp } from "../../options/shared-help.ts";
import { renewalJson, renewalText, withoutKeyText } from "../../output/renewal-report.ts";
import { type ForEachResult, forEachRepository, type Turn } from "../../output/for-each-repository.ts";
import { tellTrustEvents } from "../../output/trust-events.ts";

/** `tagseal trust renew`: signs again what expires, or has expired, with the keys of this machine. */
export const command = defineCommand(
  {
    path: "trust renew",
    usage: "[OPTIONS] IMAGE... | --all",
    summary: "Sign again what expires, with the keys on this machine",
    description: [
      "Signs everything of a repository again that the keys on this machine can sign, also what has expired: targets, delegations, and the snapshot if its key is here. Each is then valid for three years. The content stays the same, it is one publication, and readers do nothing. What needs other keys is listed, with who must act.",
      "The root is signed again, for ten years, only if it or one of its certificates would expire before the rest, so its passphrase is not asked for without need. A certificate is replaced by a new one for the same root key, and the new root is signed by both, so docker, notary and Tagseal follow it. Readers that pin a root certificate need its new ID for their first contact. A certificate that an authority issued is not replaced: give the new one to `trust key rotate`.",
      `${proposeHelp} A proposal signs again everything that has a key here; root certificates that end are replaced for the keys of colleagues, too.`,
      "--all goes through all repositories that this machine remembers, and passes over those that it has no key of. A failure in one does not stop the others; the exit status is then 1.",
    ],
    options: {
      all: { kind: "switch", help: "Every repository that this machine remembers" },
      json: jsonOption,
      ...proposeOptions,
      ...passphraseOptions,
    },
    args: { min: 0 },
    examples: [
      { text: "renew a repository", line: "tagseal trust renew registry.example.com/team/app" },
      { text: "renew everything that this machine has keys of", line: "tagseal trust renew --all" },
    ],
    ...signingHelp,
  },
  async ({ options, args }, io) => {
    const { all, json } = options;
    const names = await chosenRepositories({ named: args, all, command: "trust renew --all" }, io);
    requireOneForOut(options.out, names);
    if (names.length === 0 && !json) io.stdout.write("This machine remembers no repository.\n");
    const passphrases = await passphraseSource(options, io);
    // One root key serves many repositories, and is unlocked once.
    const keys = await openKeyStore(io, { passphrases });
    const how = { json, failureHeading: "not renewed" };
    const renew = isProposing(options) ? proposeOne : renewOne;
    const renewing = { all, passphrases, keys, out: options.out };
    return await forEachRepository(names, io, how, (repository, say) => renew({ repository, io, say }, renewing));
  },
);

interface Renewing {
  readonly all: boolean;
  readonly passphrases: PassphraseSource;
  readonly keys: KeyStore;
  readonly out: string | undefined;
}

async function renewOne({ repository, io, say }: Turn, { all, passphrases, keys }: Renewing): Promise<ForEachResult> {
  const { renewCollection } = await import("../../../trust/renewal/renew.ts");
  const { reference, gun } = imageArgument(repository);
  const settings = { access: "write", passphrases, keys, notify: tellTrustEvents(io, { quiet: true }) } as const;
  const result = await withTrust(io, reference, settings, (context) => renewCollection(context));
  if (result.renewed.length === 0 && !all) throw withoutKeys(gun, result);
  say(renewalText(gun, result, io.now()));
  return { repository, ...renewalJson(gun, result) };
}

async function proposeOne(
  { repository, io, say }: Turn,
  { all, passphrases, keys, out }: Renewing,
): Promise<ForEachResult> {
  const { handOnProposal } = await import("../../proposals/propose-change.ts");
  const { proposeRenewal } = await import("../../../trust/proposals/proposed-renewals.ts");
  const image = imageArgument(repository);
  const { json, text } = await handOnProposal({ image, out, passphrases, keys }, io, proposeRenewal);
  const isNothing = json["state"] === "unchanged";
  if (isNothing && !all) throw withoutKeys(image.gun, { proposable: [] });
  say(isNothing ? withoutKeyText(image.gun) : text);
  return json;
}

function withoutKeys(gun: string, { proposable }: Pick<RenewResult, "proposable">): KeyStoreError {
  if (proposable.length === 0)
    return new KeyStoreError("SIGNING_KEY_MISSING", `no key of ${gun} is on this machine`, {
      hint: `See whose keys sign it: tagseal trust status ${gun}`,
    });
  const roles = proposable.join(" and ");
  return new KeyStoreError("SIGNING_KEY_MISSING", `${roles} of ${gun} needs more keys than are on this machine`, {
    hint: `Propose the renewal, which the holders of the other keys approve: tagseal trust renew --propose ${gun}`,
  });
}
