/** The entries of a targets file as they are written: what was received is reused where writing it again would give the same. */

import { fileJson, jsonObject } from "../../encoding/json.ts";
import type { JsonObject } from "../../encoding/json.ts";
import { EditedTargets } from "../edited-targets.ts";
import type { Target } from "../metadata.ts";
import { hashesJson } from "./hashes-json.ts";
import { ReceivedTarget, ReceivedTargets } from "./received-targets.ts";

/**
 * The file form of all entries of a file, if it is available without serialising them: undefined unless they were received in it, and
 * would be written the same way.
 */
export function writtenTargets(targets: ReadonlyMap<string, Target>): string | undefined {
  const changes = new Map<string, string | undefined>();
  const base = targets instanceof EditedTargets ? targets.base : targets;
  if (!(base instanceof ReceivedTargets) || base.written === undefined || !base.isReferenceShape) return undefined;
  if (targets instanceof EditedTargets) {
    for (const name of targets.removed) changes.set(name, undefined);
    for (const [name, target] of targets.added) changes.set(name, fileJson(targetJson(target)));
  }
  return base.written.textWith(changes, fileJson);
}

/**
 * The wire form of all entries of a file: the received value where serialising would give the same, the rest serialised again. Read-only,
 * because it may be part of the received value.
 */
export function targetsJson(targets: ReadonlyMap<string, Target>): JsonObject {
  if (targets instanceof ReceivedTargets && targets.isReferenceShape) return targets.entriesJson;
  if (!(targets instanceof EditedTargets)) return targetEntriesJson(targets);
  const json = { ...targetsJson(targets.base), ...targetEntriesJson(targets.added) };
  for (const name of targets.removed) delete json[name];
  return json;
}

function targetEntriesJson(targets: ReadonlyMap<string, Target>): JsonObject {
  return jsonObject(targets.entries().map(([name, target]) => [name, targetJson(target)] as const));
}

/** The wire form of one target. */
function targetJson(target: Target): JsonObject {
  if (target instanceof ReceivedTarget && target.isReferenceShape) return target.json;
  const json: JsonObject = { hashes: hashesJson(target.hashes), length: target.length };
  if (target.custom !== undefined) json["custom"] = target.custom;
  return json;
}
