/** Where the pages of shares go: to files, to a pipe, or before a person's eyes. They are secret, and stay in no scrollback. */
import { rm } from "node:fs/promises";
import { join } from "node:path";
import { UsageError } from "../../errors.ts";
import { makeDirectory } from "../../files/make-directory.ts";
import { systemReason } from "../../files/system-error.ts";
import type { PageDetails } from "../../keys/backup/share-page.ts";
import type { KeyShare } from "../../keys/backup/share-text.ts";
import type { Io } from "../io.ts";
import { placeFile, requireFree } from "../open/backup-file.ts";

/** The flags that decide. */
export interface DeliveryFlags {
  readonly "shares-to": string | undefined;
  readonly "qr-to": string | undefined;
  readonly force: boolean;
  readonly json: boolean;
}

/**
 * Refuses a delivery that cannot work, before anything is made.
 *
 * @throws UsageError `USAGE`
 */
export function requireDelivery(flags: DeliveryFlags, io: Io): void {
  if (flags["shares-to"] !== undefined || flags["qr-to"] !== undefined) return;
  if (!flags.json && (!io.stdout.isTerminal || io.prompter.interactive)) return;
  throw new UsageError("USAGE", "There is no place for the shares", {
    hint: "Name a directory for them with --shares-to DIR, or for pictures to print with --qr-to DIR.",
  });
}

/**
 * Delivers the pages. With files, all of them are there when this returns, or none.
 *
 * @returns the files
 * @throws UsageError `FILE_UNWRITABLE`; TagsealError `CANCELLED`
 */
export async function deliverShares(
  shares: readonly KeyShare[],
  details: PageDetails,
  flags: DeliveryFlags,
  io: Io,
): Promise<readonly string[]> {
  const { pageName, picturePage, textPage } = await import("../../keys/backup/share-page.ts");
  const files = new Map<string, string>();
  for (const share of shares) {
    const { "shares-to": textTo, "qr-to": pictureTo } = flags;
    if (textTo !== undefined)
      files.set(join(textTo, `${pageName(share)}.txt`), await textPage(share, details, "paper"));
    if (pictureTo !== undefined)
      files.set(join(pictureTo, `${pageName(share)}.svg`), await picturePage(share, details));
  }
  if (files.size > 0) return await writePages(files, flags);
  const pages: string[] = [];
  for (const share of shares) pages.push(await textPage(share, details, io.stdout.isTerminal ? "screen" : "paper"));
  if (io.stdout.isTerminal) await showPages(pages, io);
  else io.stdout.write(pages.join("\f"));
  return [];
}

async function writePages(files: ReadonlyMap<string, string>, flags: DeliveryFlags): Promise<readonly string[]> {
  requireFree([...files.keys()], flags);
  for (const directory of [flags["shares-to"], flags["qr-to"]]) if (directory !== undefined) makePlace(directory);
  const written: string[] = [];
  try {
    for (const [path, page] of files) {
      await placeFile(path, page, flags);
      written.push(path);
    }
    return written;
  } catch (error) {
    for (const path of written) await rm(path, { force: true });
    throw error;
  }
}

function makePlace(directory: string): void {
  try {
    makeDirectory(directory);
  } catch (cause) {
    throw new UsageError("FILE_UNWRITABLE", `Cannot make ${directory}: ${systemReason(cause)}`, { cause });
  }
}

/** The other screen of a terminal, which keeps nothing, cleared. */
const otherScreen = "\u001b[?1049h\u001b[2J\u001b[H";
const clearPage = "\u001b[2J\u001b[3J\u001b[H";
const usualScreen = "\u001b[?1049l";

async function showPages(pages: readonly string[], io: Io): Promise<void> {
  io.prompter.tell(otherScreen);
  try {
    for (const [index, page] of pages.entries()) {
      io.prompter.tell(page);
      const next = index + 1 < pages.length ? `for share ${index + 2}` : "to end";
      await io.prompter.ask(`Copy this page to paper, then press Enter ${next}: `);
      io.prompter.tell(clearPage);
    }
  } finally {
    io.prompter.tell(clearPage + usualScreen);
  }
}
