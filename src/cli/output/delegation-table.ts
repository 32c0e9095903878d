/** Delegations as a table, with the words of `notary delegation list`, and as JSON. */
import type { DelegationFile, DelegationKey, DelegationState } from "../../trust/delegations/declared-delegations.ts";
import { textTable } from "./text-table.ts";

const heading = ["ROLE", "THRESHOLD", "FILE", "EXPIRES", "PATHS", "KEY IDS"];

const fileWords: Readonly<Record<DelegationFile, string>> = {
  signed: "published",
  expired: "expired",
  unsigned: "not signed by its keys",
  none: "not published",
};

/** One row for each delegation; further paths and keys are in rows below it. */
export function delegationTable(states: readonly DelegationState[]): string {
  return textTable([heading, ...states.flatMap(rows)]);
}

/** A delegation as `--json` shows it. */
export function delegationJson({ keys, ...state }: DelegationState): object {
  return { ...state, keys: keys.map(keyJson) };
}

/** A key as `--json` shows it; the second ID only where there is one. */
export function keyJson({ keyId, listedKeyId, ...more }: DelegationKey): object {
  return { keyId, ...(listedKeyId === keyId ? {} : { certificateId: listedKeyId }), ...more };
}

/** The IDs of a key, a line each. */
export function keyLines({ keyId, listedKeyId }: DelegationKey): readonly string[] {
  return listedKeyId === keyId ? [keyId] : [keyId, `certificate ${listedKeyId}`];
}

/** A path in notary's words. */
function pathText(path: string): string {
  return path === "" ? '"" <all paths>' : path;
}

function rows({ role, threshold, file, expires, paths, keys, usable }: DelegationState): string[][] {
  const first = [role, `${threshold}${usable ? "" : " (too few keys)"}`, fileWords[file], expires ?? ""];
  const pathCells = paths.length === 0 ? ["<no paths>"] : paths.map(pathText);
  const keyCells = keys.flatMap(keyLines);
  const height = Math.max(1, pathCells.length, keyCells.length);
  return Array.from({ length: height }, (_, index) => [
    ...(index === 0 ? first : ["", "", "", ""]),
    pathCells[index] ?? "",
    keyCells[index] ?? "",
  ]);
}
