import { noticeMs } from "../../../tuf/expiry.ts";
import type { ExpiryStatus } from "../../../trust/renewal/expiry-status.ts";
import { defineCommand } from "../../command.ts";
import { exitCodes } from "../../exit-code.ts";
import type { Io } from "../../io.ts";
import { chosenRepositories } from "../../open/chosen-repositories.ts";
import { withTrust } from "../../open/trust.ts";
import { parseDuration } from "../../options/duration.ts";
import { imageArgument } from "../../options/image.ts";
import { jsonOption } from "../../options/output-flags.ts";
import { readerEnvironment } from "../../options/trust-flags.ts";
import { expiryJson, expiryText, worstState } from "../../output/expiry-report.ts";
import { forEachRepository } from "../../output/for-each-repository.ts";
import { tellTrustEvents } from "../../output/trust-events.ts";

/** `tagseal trust status`: what expires when, and who must act. */
export const command = defineCommand(
  {
    path: "trust status",
    usage: "[OPTIONS] IMAGE... | --all",
    summary: "Show what expires when, and who must renew it",
    description: [
      "Shows for each repository when its root, the certificates of its root keys, targets, each delegation, snapshot and timestamp expire, and who signs them: a key on this machine, the owner, a signer, or the trust server. Below the table is what to do, with the command. It asks for no passphrase and changes nothing, and it also reads a repository that has expired, which all readers refuse.",
      "Something is due from 90 days before its end on, or as long before as --within says. The trust server renews the timestamp itself, so that one is reported only when it has expired.",
      "The exit status is 0 if all repositories could be read, whatever their state, and 1 otherwise. For a monitoring system or a scheduled job, use --check: the exit status is then also 1 if something is due or has expired.",
    ],
    options: {
      all: { kind: "switch", help: "Every repository that this machine remembers" },
      check: { kind: "switch", help: "Exit with status 1 if something is due or has expired" },
      json: jsonOption,
      within: { kind: "text", value: "duration", help: "What expires within this time is due (default 90d)" },
    },
    args: { min: 0 },
    examples: [
      {
        text: "show when the signatures of a repository expire",
        line: "tagseal trust status registry.example.com/team/app",
      },
      {
        text: "fail in a scheduled job 30 days before anything expires",
        line: "tagseal trust status --all --check --within 30d",
      },
    ],
    environment: readerEnvironment,
    dockerExitCodes: true,
  },
  async ({ options: { all, check, json, within }, args }, io) => {
    const withinMs = within === undefined ? noticeMs : parseDuration(within, "--within");
    const names = await chosenRepositories({ named: args, all, command: "trust status --all" }, io);
    if (names.length === 0 && !json) io.stdout.write("This machine remembers no repository.\n");
    let isDue = false;
    let separator = "";
    const how = { json, failureHeading: "no status of" };
    const code = await forEachRepository(names, io, how, async (name, say) => {
      const status = await statusOf(name, withinMs, io);
      isDue ||= worstState(status.endings) !== "ok";
      say(`${separator}${expiryText(status, io.now())}`);
      separator = "\n";
      return { repository: name, ...expiryJson(status) };
    });
    return check && isDue ? exitCodes.failure : code;
  },
);

async function statusOf(name: string, withinMs: number, io: Io): Promise<ExpiryStatus> {
  const { expiryStatus } = await import("../../../trust/renewal/expiry-status.ts");
  const { reference } = imageArgument(name);
  const tell = tellTrustEvents(io, { quiet: false });
  const settings = {
    access: "read",
    // The status itself shows what the warnings of a reading are about.
    notify: (event: Parameters<typeof tell>[0]) => (event.kind === "warning" ? undefined : tell(event)),
  } as const;
  return await withTrust(io, reference, settings, (context) => expiryStatus(context, { withinMs }));
}
