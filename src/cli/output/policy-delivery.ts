/** Hands over a policy that a command wrote: as a file, on standard output, or in a report. */
import type { Io } from "../io.ts";
import { placeFile, requireFree } from "../open/backup-file.ts";
import type { PolicyOut } from "../options/policy-out-flags.ts";
import { printable } from "./printable.ts";
import { writeJson } from "./write-json.ts";

/** A written policy. */
export interface WrittenPolicyFile {
  /** as the program that obeys it reads it */
  readonly text: string;
  /** members of the report; its `file` is added */
  readonly report: object;
  /** what the policy does, in whole sentences without the last full stop */
  readonly said: string;
}

/** Delivers it as the flags ask. @throws UsageError `FILE_UNWRITABLE` */
export async function deliverPolicy(
  io: Io,
  { text, report, said }: WrittenPolicyFile,
  { out, force, json }: PolicyOut,
): Promise<void> {
  if (out !== undefined) {
    requireFree([out], { force });
    await placeFile(out, text, { force, isPublic: true });
  }
  if (json) writeJson(io, { file: out ?? null, ...report });
  else if (out === undefined) io.stdout.write(text);
  else io.stdout.write(printable(`Wrote ${out}: ${said}.\n`));
}
