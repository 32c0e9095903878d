/** What became of a spare root key, as text and as members of JSON. */
import type { SpareResult } from "../../trust/rotation/spare-root-key.ts";
import type { SpareKey } from "../open/spare-key.ts";
import { printable } from "./printable.ts";

/** The result for one repository, as `--json` shows it. */
export function spareJson(
  { outcome, keyId, certificateId, threshold }: SpareResult,
  { location, kind }: SpareKey,
): Readonly<Record<string, unknown>> {
  const place = kind === "elsewhere" ? { uri: location } : { file: location };
  return {
    outcome,
    spare: { keyId, metadataId: certificateId },
    threshold,
    enoughAlone: threshold === 1,
    ...(kind === "here" ? {} : place),
  };
}

/** The spare that a proposal would add, as a member beside the proposal's own. */
export function proposedSpareJson({ publicKey, location, kind }: SpareKey): Readonly<Record<string, unknown>> {
  const place = kind === "elsewhere" ? { uri: location } : { file: location };
  return { spare: { keyId: publicKey.canonicalKeyId, ...(kind === "here" ? {} : place) } };
}

/** Sentences for a person. */
export function spareText(repository: string, { outcome, keyId, certificateId, threshold }: SpareResult): string {
  if (outcome === "unchanged") return `${repository} has the root key ${keyId} already\n`;
  const lines = [
    `Successfully added a spare root key to repository ${repository}`,
    `  spare key    ${keyId}`,
    `  certificate  ${certificateId} (as "trust inspect" shows it)`,
    ...(threshold === 1 ? [] : [`  ${threshold} root keys must sign a new root here: the spare alone is not enough`]),
  ];
  return `${lines.join("\n")}\n`;
}

/** What the user does next. */
export interface SpareNext {
  /** a repository, for commands to paste */
  readonly image: string;
  /** the spare was made by this command */
  readonly isNew: boolean;
  /** what became of it in one repository at least */
  readonly outcome: "added" | "proposed" | "failed";
}

/** Where the spare is and what to do with it. */
export function spareAdvice({ kind, location }: SpareKey, { image, isNew, outcome }: SpareNext): string {
  const place = printable(location);
  const lines: string[] = [];
  if (kind === "file" && isNew)
    lines.push(
      `The spare root key is in ${place}, encrypted, and nowhere else. Copy it to two places away from this machine,`,
      "keep its passphrase apart from them, and remove the file here.",
    );
  if (kind === "elsewhere" && isNew)
    lines.push(`The spare root key is in ${place} and cannot be copied. Keep the token away from this machine.`);
  if (outcome === "failed")
    return isNew
      ? `${[...lines, `Repeat with the same key: tagseal trust root add-spare --key ${place} ${image}`].join("\n")}\n`
      : "";
  if (outcome === "proposed") lines.push("Until the proposal is published, the spare replaces nothing.");
  const file = kind === "public" ? "FILE" : quoted(place);
  lines.push(
    `Rehearse the loss of the root key: tagseal trust recover --rehearse --lost root --spare ${file} ${image}`,
  );
  return `${lines.join("\n")}\n`;
}

function quoted(place: string): string {
  return /^[\w./:-]+$/u.test(place) ? place : `'${place}'`;
}
