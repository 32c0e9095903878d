/** One share as a page to print: instructions, the share as text, and the same text as a QR code. */
import type { KeyShare } from "./share-text.ts";
import { shareLines, shareText, shownSet } from "./share-text.ts";

/** What all pages of a backup say. */
export interface PageDetails {
  /** the name of the backup file, without its directory */
  readonly backup: string;
  readonly madeAt: Date;
}

/** The name of a page's file, without its extension: `share-2-of-5`. */
export function pageName({ number, made }: KeyShare): string {
  return `share-${number}-of-${made}`;
}

function heading({ number, made }: KeyShare): string {
  return `Share ${number} of ${made} of a Tagseal key backup`;
}

function facts(share: KeyShare, { backup, madeAt }: PageDetails): readonly string[] {
  return [`Backup: ${backup}`, `Made:   ${madeAt.toISOString().slice(0, 10)}`, `Set:    ${shownSet(share.set)}`];
}

function instructions({ needed, made }: KeyShare, { backup }: PageDetails): readonly string[] {
  return [
    `This page is secret. Any ${needed} of the ${made} shares open the backup; fewer say nothing about it.`,
    "Keep it apart from the backup and from the other shares.",
    "",
    `To restore the keys, bring ${needed} shares and the backup to one machine:`,
    "",
    `    tagseal trust key restore --shares ${backup}`,
    "",
    "It asks for the shares, one after another. Blanks and capitals do not matter.",
  ];
}

/**
 * A page of text with a QR code in block characters, at most 96 characters wide.
 *
 * @param medium what is printed is dark on paper, and light on most screens
 */
export async function textPage(share: KeyShare, details: PageDetails, medium: "paper" | "screen"): Promise<string> {
  const { renderUnicodeCompact } = await import("uqr");
  const code = renderUnicodeCompact(shareText(share), { ecc: "M", border: 2, invert: medium === "paper" });
  const indented = shareLines(share).map((line) => `    ${line}`);
  const parts = [
    heading(share),
    facts(share, details).join("\n"),
    indented.join("\n"),
    instructions(share, details).join("\n"),
  ];
  return `${parts.join("\n\n")}\n\n${code}\n`;
}

/** A4 in units of a millimetre. */
const page = { width: 210, height: 297, margin: 20 } as const;
const lineHeight = 6;
const codeSize = 90;

/** The same page as a picture to print. */
export async function picturePage(share: KeyShare, details: PageDetails): Promise<string> {
  const { encode } = await import("uqr");
  const { data, size } = encode(shareText(share), { ecc: "M", border: 4 });
  const modules = data.flatMap((row, y) => row.flatMap((dark, x) => (dark ? [`M${x} ${y}h1v1h-1z`] : []))).join("");
  const above = [heading(share), "", ...facts(share, details), "", ...shareLines(share), ""];
  const codeTop = page.margin + above.length * lineHeight;
  const text = [
    ...placed(above, page.margin),
    ...placed(instructions(share, details), codeTop + codeSize + 2 * lineHeight),
  ];
  return `<svg xmlns="http://www.w3.org/2000/svg" width="${page.width}mm" height="${page.height}mm" viewBox="0 0 ${page.width} ${page.height}">
<rect width="100%" height="100%" fill="#fff"/>
<g font-family="monospace" font-size="2.9" fill="#000" xml:space="preserve">
${text.join("\n")}
</g>
<svg x="${page.margin}" y="${codeTop}" width="${codeSize}" height="${codeSize}" viewBox="0 0 ${size} ${size}" shape-rendering="crispEdges">
<path d="${modules}"/>
</svg>
</svg>
`;
}

function placed(lines: readonly string[], top: number): string[] {
  return lines.map(
    (line, index) => `<text x="${page.margin}" y="${top + index * lineHeight}">${escapeXml(line)}</text>`,
  );
}

function escapeXml(text: string): string {
  return text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;");
}
