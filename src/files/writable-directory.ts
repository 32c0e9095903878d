/** Whether a directory takes new files now. */
import { randomBytes } from "node:crypto";
import { rm } from "node:fs/promises";
import { join } from "node:path";
import { UsageError } from "../errors.ts";
import { makeDirectory } from "./make-directory.ts";
import { systemReason } from "./system-error.ts";
import { writeAtomically } from "./write-atomically.ts";

/** Writes a file and removes it. @throws UsageError `FILE_UNWRITABLE` */
export async function requireWritable(directory: string): Promise<void> {
  const path = join(directory, `.tagseal-probe-${randomBytes(8).toString("hex")}`);
  try {
    makeDirectory(directory);
    await writeAtomically(path, "");
    await rm(path, { force: true });
  } catch (cause) {
    throw new UsageError("FILE_UNWRITABLE", `${directory} cannot be written: ${systemReason(cause)}`, { cause });
  }
}
