import { formatReference, withDefaultTag } from "../../../reference/image-reference.ts";
import type { Verdict } from "../../../policy/verdict.ts";
import { defineCommand } from "../../command.ts";
import { exitCodeFor } from "../../exit-code.ts";
import { decideHere } from "../../open/decide.ts";
import { imageArgument } from "../../options/image.ts";
import { jsonOption } from "../../options/output-flags.ts";
import { freshReaderHelp, maxStalenessOption } from "../../options/trust-flags.ts";
import { reportOf } from "../../output/error-report.ts";
import { printable } from "../../output/printable.ts";
import { tellTrustEvents } from "../../output/trust-events.ts";
import { writeJson } from "../../output/write-json.ts";

/** `tagseal policy check IMAGE`: what the policies here decide about an image, and why. */
export const command = defineCommand(
  {
    path: "policy check",
    usage: "[OPTIONS] IMAGE[:TAG][@DIGEST]",
    summary: "Show what the policies here decide about an image",
    description: [
      "Decides about an image as every other command does, and shows the rule that decided, the reason, who signed, and which digest would be used. The image is not fetched; for a digest that no tag is signed for, the registry is asked whether a signed index lists it.",
      "Without a policy it shows what content trust decides. The exit status is 0 when the image is allowed, else that of the refusal.",
    ],
    options: { json: jsonOption, "max-staleness": maxStalenessOption },
    args: { min: 1, max: 1 },
    examples: [
      { text: "see whether an image may be used", line: "tagseal policy check registry.example.com/team/app:1.0" },
      {
        text: "see what a policy would decide before it is in force",
        line: "tagseal --policy policy.json policy check registry.example.com/team/app:1.0",
      },
    ],
    ...freshReaderHelp,
  },
  async ({ options, args: [name = ""] }, io) => {
    const reference = withDefaultTag(imageArgument(name).reference);
    const notify = tellTrustEvents(io, { quiet: true });
    const settings = { access: "read", notify, maxStaleness: options["max-staleness"] } as const;
    const { verdict } = await decideHere(io, reference, settings);
    const image = formatReference(reference);
    if (options.json) writeJson(io, verdictJson(image, verdict));
    else io.stdout.write(verdictText(image, verdict));
    return verdict.outcome === "allowed" ? 0 : exitCodeFor(verdict.error);
  },
);

function verdictJson(image: string, verdict: Verdict): object {
  const { outcome, rule, source, reason, signers, signedAt, validUntil, warnings } = verdict;
  return {
    image,
    outcome,
    rule: rule ?? null,
    policy: source ?? null,
    reason,
    ...(verdict.outcome === "allowed" ? { digest: verdict.digest ?? null } : { error: reportOf(verdict.error) }),
    signers,
    ...(signedAt === undefined ? {} : { signedAt: signedAt.toISOString() }),
    ...(validUntil === undefined ? {} : { validUntil: validUntil.toISOString() }),
    warnings,
  };
}

function verdictText(image: string, verdict: Verdict): string {
  const rows: (readonly [string, string | undefined])[] = [
    ["rule", verdict.rule === undefined ? undefined : `"${verdict.rule}" of ${verdict.source ?? ""}`],
    ["reason", verdict.reason],
    ["digest", verdict.outcome === "allowed" ? (verdict.digest ?? "none: the name is used as it is") : undefined],
    ["signed", verdict.signedAt?.toISOString()],
    ["valid until", verdict.validUntil?.toISOString()],
    ["hint", verdict.outcome === "refused" ? verdict.error.hint : undefined],
  ];
  const lines = rows.flatMap(([word, text]) => (text === undefined ? [] : [`  ${word.padEnd(12)}${text}`]));
  return `${[`${image} is ${verdict.outcome}`, ...lines].map(printable).join("\n")}\n`;
}
