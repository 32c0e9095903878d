import { UsageError } from "../../../errors.ts";
import type { StagedEntry } from "../../../trust/staged/staged-changes.ts";
import { defineCommand } from "../../command.ts";
import type { Io } from "../../io.ts";
import { type ImageArgument, imageArgument } from "../../options/image.ts";
import { jsonOption } from "../../options/output-flags.ts";
import { trustDirectoryOf } from "../../open/directories.ts";
import { passphraseSource } from "../../open/passphrases.ts";
import { passphraseOptions } from "../../options/passphrase-flags.ts";
import { signingHelp } from "../../options/shared-help.ts";
import { withTrust } from "../../open/trust.ts";
import { textTable } from "../../output/text-table.ts";
import { tellTrustEvents } from "../../output/trust-events.ts";
import { writeJson } from "../../output/write-json.ts";

/** `tagseal trust staged`: what notary or docker staged here and did not publish, as `notary status`, `publish` and `reset`. */
export const command = defineCommand(
  {
    path: "trust staged",
    usage: "[OPTIONS] IMAGE",
    summary: "Show, publish or discard changes that notary staged",
    description: [
      "notary, and docker after a failed push, keep changes on this machine until their next publish. Tagseal stages nothing and publishes no staged change by accident. This command lists them.",
      "--publish publishes all of them at once, with the keys on this machine, and then removes them; a change that cannot be read or signed stops it before anything is published. --discard removes them, or those that --number names, without publishing; you are asked to confirm.",
    ],
    options: {
      discard: { kind: "switch", help: "Drop the changes" },
      force: { kind: "switch", short: "f", help: "Do not prompt for confirmation" },
      json: jsonOption,
      number: { kind: "list", short: "n", value: "number", help: "Drop only this change, as the list counts them" },
      publish: { kind: "switch", help: "Publish the changes" },
      ...passphraseOptions,
    },
    args: { min: 1, max: 1 },
    examples: [
      { text: "see what is staged", line: "tagseal trust staged registry.example.com/team/app" },
      { text: "publish it", line: "tagseal trust staged --publish registry.example.com/team/app" },
    ],
    ...signingHelp,
  },
  async ({ options, args: [name = ""] }, io) => {
    const image = imageArgument(name);
    const { publish, discard, force, json } = options;
    const numbers = options.number.map(changeNumber);
    if ((publish && discard) || (numbers.length > 0 && !discard))
      throw new UsageError("USAGE", "--publish publishes all changes, and --number goes with --discard", {
        hint: "Give --publish, or --discard and the numbers of those to drop.",
      });
    const how = { image, json };
    if (publish) {
      const passphrases = await passphraseSource(options, io);
      const settings = { access: "write", passphrases, notify: tellTrustEvents(io, { quiet: true }) } as const;
      const { publishStaged } = await import("../../../trust/staged/staged-changes.ts");
      const files = await changelistOf(image, io);
      const done = await withTrust(io, image.reference, settings, (context) => publishStaged(context, files));
      report(done.published, "published", how, io);
    } else if (discard) await discardThem(numbers, force, how, io);
    else list(await stagedIn(image, io), how, io);
    return 0;
  },
);

interface How {
  readonly image: ImageArgument;
  readonly json: boolean;
}

async function discardThem(numbers: readonly number[], force: boolean, how: How, io: Io): Promise<void> {
  const { discardStaged } = await import("../../../trust/staged/staged-changes.ts");
  const count = numbers.length === 0 ? (await stagedIn(how.image, io)).length : numbers.length;
  if (!force && count > 0) await confirm(count, how.image, io);
  report(await discardStaged(await changelistOf(how.image, io), numbers), "discarded", how, io);
}

/** @throws UsageError `CANCELLED` unless the answer is y */
async function confirm(count: number, { typed }: ImageArgument, io: Io): Promise<void> {
  const answer = await io.prompter.ask(`Drop ${counted(count)} for ${typed} without publishing? [y/N] `);
  if (/^y(?:es)?$/u.test(answer?.trim().toLowerCase() ?? "")) return;
  throw new UsageError("CANCELLED", `nothing was dropped: dropping ${counted(count)} for ${typed} was not confirmed`, {
    hint: "Answer y, or give --force.",
  });
}

async function changelistOf({ gun }: ImageArgument, io: Io) {
  const { Changelist } = await import("../../../trust/trust-directory/changelist.ts");
  return new Changelist(trustDirectoryOf(io), gun);
}

async function stagedIn(image: ImageArgument, io: Io): Promise<readonly StagedEntry[]> {
  const { listStaged } = await import("../../../trust/staged/staged-changes.ts");
  return await listStaged(await changelistOf(image, io));
}

function list(entries: readonly StagedEntry[], { image: { typed }, json }: How, io: Io): void {
  if (json) writeJson(io, { repository: typed, changes: entries.map(entryJson) });
  else if (entries.length === 0) io.stdout.write(`No unpublished changes for ${typed}\n`);
  else io.stdout.write(`Unpublished changes for ${typed}:\n\n${table(entries)}`);
}

function report(entries: readonly StagedEntry[], what: string, { image: { typed }, json }: How, io: Io): void {
  if (json) writeJson(io, { repository: typed, [what]: entries.map(entryJson) });
  else if (entries.length === 0) io.stdout.write(`No unpublished changes for ${typed}\n`);
  else io.stdout.write(`Successfully ${what} ${counted(entries.length)} for repository ${typed}\n`);
}

/** notary's columns. */
function table(entries: readonly StagedEntry[]): string {
  const rows = entries.map(({ number, change, problem, file }) =>
    change === undefined
      ? [String(number), "damaged", file.name, "", problem ?? ""]
      : [String(number), change.action, change.role, change.type, change.type === "target" ? change.name : ""],
  );
  return textTable([["#", "ACTION", "SCOPE", "TYPE", "PATH"], ...rows]);
}

function entryJson({ number, change, problem, file }: StagedEntry): Readonly<Record<string, unknown>> {
  if (change === undefined) return { number, file: file.path, problem };
  const { action, role, type } = change;
  return { number, action, role, type, ...(type === "target" ? { name: change.name } : {}), file: file.path };
}

function counted(count: number): string {
  return count === 1 ? "1 change" : `${count} changes`;
}

function changeNumber(text: string): number {
  if (/^\d{1,6}$/u.test(text)) return Number(text);
  throw new UsageError("USAGE", `--number: expected a number, got "${text}"`, {
    hint: "List the changes, which are counted from 0.",
  });
}
