import { UsageError } from "../../../errors.ts";
import type { LocalKey } from "../../../trust/local-keys/local-key.ts";
import { type LostRole, rolesLostWith } from "../../../trust/local-keys/removal-loss.ts";
import { defineCommand } from "../../command.ts";
import type { Io } from "../../io.ts";
import { keysNamed, openLocalKeys } from "../../open/local-keys.ts";
import { jsonOption } from "../../options/output-flags.ts";
import { keyFilesHelp } from "../../options/shared-help.ts";
import { keyInWords, storedKeyJson } from "../../output/key-words.ts";
import { printable } from "../../output/printable.ts";
import { writeJson } from "../../output/write-json.ts";

/** `tagseal trust key remove`: deletes private keys, after saying what goes with them. */
export const command = defineCommand(
  {
    path: "trust key remove",
    usage: "[OPTIONS] KEY [KEY...]",
    summary: "Remove private keys from this machine",
    description: [
      "Deletes private keys from this machine. KEY is the ID of a key, an ID under which a repository names it, or at least the first 7 characters of either. Of a key in a token it deletes the link, and the key stays in the token. Repositories go on naming the key; nothing is published.",
      "It first says for which repositories and roles the last key on this machine goes, as far as the remembered trust data shows it, then asks. Without a terminal it removes nothing unless --force is given.",
    ],
    options: {
      force: { kind: "switch", short: "f", help: "Do not prompt for confirmation" },
      json: jsonOption,
    },
    args: { min: 1 },
    complete: "key",
    examples: [
      {
        text: "keep a copy of a key, then remove it",
        line: "tagseal trust key export 3f9a1c27b04d --to root.pem && tagseal trust key remove 3f9a1c27b04d",
      },
    ],
    ...keyFilesHelp(),
  },
  async ({ options, args }, io) => {
    const opened = await openLocalKeys(io);
    const keys = await keysNamed(args, opened);
    const lost = rolesLostWith(keys, opened.keys);
    io.stderr.write(printable(lossText(keys, lost)));
    if (!options.force) await confirm(keys, io);
    for (const key of keys) {
      await opened.store.remove(key.keyId);
      if (!options.json) io.stdout.write(removedText(key));
    }
    if (options.json) writeJson(io, { removed: keys.map(storedKeyJson), lost });
    return 0;
  },
);

/** A linked key is only forgotten: it stays in its token. */
function removedText(key: LocalKey): string {
  const what = keyInWords(key);
  return key.uri === undefined
    ? `Removed ${what} from ${key.location}\n`
    : printable(`Removed the link to ${what}, which stays at ${key.uri}\n`);
}

function lossText(keys: readonly LocalKey[], lost: readonly LostRole[]): string {
  if (lost.length === 0) return "";
  const these = keys.length === 1 ? "this key" : "these keys";
  const byGun = [...Map.groupBy(lost, ({ gun }) => gun)];
  const lines = byGun.map(([gun, roles]) => `  ${gun}: ${roles.map(({ role }) => role).join(", ")}\n`);
  const root = lost.some(({ role }) => role === "root")
    ? "Without a copy of the root key, its repositories can never again change their keys or renew their root.\n"
    : "";
  return `Without ${these}, this machine can no longer sign:\n${lines.join("")}${root}`;
}

/** @throws UsageError `CANCELLED` unless a person answers y */
async function confirm(keys: readonly LocalKey[], io: Io): Promise<void> {
  const [first] = keys;
  const what = first !== undefined && keys.length === 1 ? `the ${keyInWords(first)}` : `${keys.length} keys`;
  const question = `Are you sure you want to remove ${what} from this machine? [y/N] `;
  const answer = io.prompter.interactive ? await io.prompter.ask(printable(question)) : undefined;
  if (answer?.trim().toLowerCase() === "y") return;
  throw new UsageError("CANCELLED", "no key was removed: not confirmed", {
    hint: io.prompter.interactive ? "Answer y, or give --force." : "Give --force where there is no terminal.",
  });
}
