/** Reads the policies of this machine: the system's, and the user's or the one that a command names. */
import { statSync } from "node:fs";
import { dirname, resolve } from "node:path";
import { readSettings } from "../../docker-config/settings-file.ts";
import { UsageError } from "../../errors.ts";
import type { Policy } from "../../policy/policy.ts";
import { requirementsFor, type Requirements } from "../../policy/requirements.ts";
import { type ImageReference, withDefaultTag } from "../../reference/image-reference.ts";
import type { Io } from "../io.ts";
import { policyFiles } from "./policy-files.ts";

/**
 * Reads the policies here.
 *
 * @throws UsageError `POLICY_INVALID`, with line and column; `FILE_UNREADABLE`
 */
export async function loadPolicies(io: Io): Promise<readonly Policy[]> {
  const files = policyFiles(io);
  if (files.length === 0) return [];
  const { parsePolicy } = await import("../../policy/policy-parser.ts");
  const { invalidPolicy } = await import("../../policy/policy-document.ts");
  return files.map(({ path }) => {
    const text = readSettings(path);
    if (text === undefined) throw invalidPolicy(path, "no such file or directory");
    if (isOpenToAll(path)) throw invalidPolicy(path, "every user can write it: run chmod o-w on it");
    return parsePolicy(text, {
      source: path,
      read: (named) => readNamed(resolve(dirname(path), named)),
    });
  });
}

/**
 * What the policies here require of an image; `latest` where it has neither tag nor digest.
 *
 * @throws UsageError `POLICY_INVALID`; MetadataError `POLICY_REFUSED`
 */
export async function requirementsHere(io: Io, reference: ImageReference): Promise<Requirements> {
  return requirementsFor(await loadPolicies(io), withDefaultTag(reference));
}

/** What any user can rewrite decides nothing. */
function isOpenToAll(path: string): boolean {
  const stats = statSync(path, { throwIfNoEntry: false });
  return stats !== undefined && (stats.mode & 0o002) !== 0;
}

function readNamed(path: string): string {
  const text = readSettings(path);
  if (text === undefined) throw new UsageError("FILE_UNREADABLE", `${path}: no such file or directory`);
  return text;
}
