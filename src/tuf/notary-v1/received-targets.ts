/**
 * The entries of a received targets file. The shape of all of them is checked at once; hashes are decoded on first use.
 * A file can have fifty thousand entries and a verification wants one.
 */

import { decodeBase64, encodeBase64 } from "../../encoding/base64.ts";
import { fileJson, parseJson } from "../../encoding/json.ts";
import type { JsonDocument, JsonObject, JsonValue, WrittenMembers } from "../../encoding/json.ts";
import { EditedTargets } from "../edited-targets.ts";
import type { Target } from "../metadata.ts";
import { maxHashes, maxNameLength } from "./bounds.ts";
import { malformed } from "./shape.ts";
import type { Shape } from "./shape.ts";

/** Characters of base64 for the longest digest in use (SHA-512 has 88), with room to spare. */
const maxHashText = 1024;

/**
 * One entry as docker and notary write nearly all of them: a plain name, a SHA-256, sometimes a SHA-512, a length, nothing else; and the
 * character after it. A match is JSON in file form with the shape that every entry must have.
 */
export const commonTarget = new RegExp(
  `"([\\w./:@+-]{1,${maxNameLength}})":` +
    // 32 and 64 bytes in base64 without stray bits
    '\\{"hashes":\\{"sha256":"[A-Za-z0-9+/]{42}[AEIMQUYcgkosw048]="(?:,"sha512":"[A-Za-z0-9+/]{85}[AQgw]==")?\\},' +
    '"length":(?:0|[1-9]\\d{0,14})\\}[,}]',
  "y",
);

/** The text of a `targets` member, if it was received in file form. */
export type TargetsText = Pick<JsonDocument, "outline" | "isOutlineUnread">;

/**
 * Checks every entry of a `targets` member.
 *
 * @param text the received text of the entries; entries that match {@link commonTarget} are checked already
 * @returns a map that decodes an entry when it is first asked for
 * @throws MetadataError `METADATA_MALFORMED` for an entry that is not an object, a length that is no natural number, a hash that is not base64
 */
export function receiveTargets(
  role: string,
  targets: Shape,
  { outline: written, isOutlineUnread }: TargetsText,
): ReadonlyMap<string, Target> {
  if (isOutlineUnread && written !== undefined)
    return new ReceivedTargets(new UnreadEntries(written), { isReferenceShape: true, written });
  let size = 0;
  let isReferenceShape = true;
  for (const name in targets.object) {
    if (name.length > maxNameLength) throw malformed(role, "a target has an overlong name");
    const entry = checkedEntry(role, name, targets.object[name]);
    isReferenceShape &&= hasReferenceShape(entry);
    size++;
  }
  const json = targets.object as { [name: string]: JsonObject };
  return new ReceivedTargets(new ReadEntries(json, size), { isReferenceShape, written });
}

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

/** The wire form of a map of digests. */
export function hashesJson(hashes: ReadonlyMap<string, Uint8Array>): JsonObject {
  return jsonObject([...hashes].map(([algorithm, value]) => [algorithm, encodeBase64(value)]));
}

/** Makes a plain object from untrusted names: `__proto__` becomes a member like any other. */
export function jsonObject(entries: Iterable<readonly [string, JsonValue]>): JsonObject {
  return Object.fromEntries(entries);
}

/** Decodes a `hashes` object whose values {@link checkHashes} has seen. */
export function receiveHashes(hashes: JsonObject): ReadonlyMap<string, Uint8Array> {
  return new Map(Object.entries(hashes).map(([algorithm, value]) => [algorithm, decodeBase64(value as string)]));
}

/** Checks that a value is an object of base64 texts, without decoding them; the reason if it is not. */
export function hashesFault(value: JsonValue | undefined): string | undefined {
  if (typeof value !== "object" || value === null || Array.isArray(value)) return "hashes must be an object";
  let count = 0;
  for (const algorithm in value) {
    const text = value[algorithm];
    if (typeof text !== "string" || text.length > maxHashText || !isBase64(text)) return "hashes must be base64";
    if (++count > maxHashes || algorithm.length > maxHashText) return `lists more than ${maxHashes} hashes`;
  }
  return undefined;
}

/** The value of each base64 character, 64 for all others. */
const sextets = Uint8Array.from({ length: 128 }, (_, code) => {
  const value = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/".indexOf(String.fromCharCode(code));
  return value < 0 ? 64 : value;
});

/** True for padded base64 in the standard alphabet without stray bits: what `decodeBase64` accepts, several times faster than decoding. */
export function isBase64(text: string): boolean {
  if (text.length % 4 !== 0) return false;
  let end = text.length;
  while (end > text.length - 2 && text.charCodeAt(end - 1) === 0x3d) end--;
  let last = 0;
  for (let at = 0; at < end; at++) {
    last = sextets[text.charCodeAt(at)] ?? 64;
    if (last === 64) return false;
  }
  // One `=` leaves two bits of the last character without meaning, two leave four: they must be zero.
  const padding = text.length - end;
  return padding === 0 || (last & (padding === 1 ? 3 : 15)) === 0;
}

/** A length in bytes as metadata may state it. */
export function isLength(value: JsonValue | undefined): value is number {
  return typeof value === "number" && value >= 0;
}

/** Written out rather than through {@link Shape}: it runs once for every entry of the largest files there are. */
function checkedEntry(role: string, name: string, entry: JsonValue | undefined): JsonObject {
  if (typeof entry !== "object" || entry === null || Array.isArray(entry)) throw fault(role, name, "must be an object");
  // The parser makes "__proto__" an ordinary member, so a missing member could only be inherited from Object.prototype, which has none of these.
  if (!isLength(entry["length"])) throw fault(role, name, "length must be a natural number");
  const hashesProblem = hashesFault(entry["hashes"]);
  if (hashesProblem !== undefined) throw fault(role, name, hashesProblem);
  return entry;
}

function fault(role: string, name: string, reason: string): Error {
  return malformed(role, `target ${JSON.stringify(name)}: ${reason}`);
}

class ReceivedTarget implements Target {
  readonly json: JsonObject;
  readonly custom?: JsonValue;
  readonly length: number;
  #hashes: ReadonlyMap<string, Uint8Array> | undefined;

  constructor(json: JsonObject) {
    this.json = json;
    this.length = json["length"] as number;
    const custom = json["custom"];
    if (custom !== undefined && custom !== null) this.custom = custom;
  }

  get hashes(): ReadonlyMap<string, Uint8Array> {
    return (this.#hashes ??= receiveHashes(this.json["hashes"] as JsonObject));
  }

  get isReferenceShape(): boolean {
    return hasReferenceShape(this.json);
  }
}

/** True when it has no member that a reference sender would omit. */
function hasReferenceShape(entry: JsonObject): boolean {
  let count = 0;
  for (const name in entry) {
    if (name === "custom" && entry[name] === null) return false;
    count++;
  }
  return count === (entry["custom"] === undefined ? 2 : 3);
}

/** Where the entries' JSON comes from. */
interface ReceivedEntries {
  readonly size: number;
  /** all of them */
  readonly json: { readonly [name: string]: JsonObject };
  names(): Iterable<string>;
  find(name: string): JsonObject | undefined;
}

class ReadEntries implements ReceivedEntries {
  readonly json: { readonly [name: string]: JsonObject };
  readonly size: number;

  constructor(json: { readonly [name: string]: JsonObject }, size: number) {
    this.json = json;
    this.size = size;
  }

  names(): Iterable<string> {
    return Object.keys(this.json);
  }

  find(name: string): JsonObject | undefined {
    return Object.hasOwn(this.json, name) ? this.json[name] : undefined;
  }
}

/** Entries that all match {@link commonTarget}, decoded one by one on first use. */
class UnreadEntries implements ReceivedEntries {
  readonly #written: WrittenMembers;
  #json: { readonly [name: string]: JsonObject } | undefined;

  constructor(written: WrittenMembers) {
    this.#written = written;
  }

  get size(): number {
    return this.#written.size;
  }

  get json(): { readonly [name: string]: JsonObject } {
    this.#json ??= parsed(this.#written.textWith(new Map(), fileJson)) as { readonly [name: string]: JsonObject };
    return this.#json;
  }

  names(): Iterable<string> {
    return this.#written.names;
  }

  find(name: string): JsonObject | undefined {
    const text = this.#written.valueText(name, fileJson);
    return text === undefined ? undefined : parsed(text);
  }
}

/** The pattern guarantees that this is an object. */
function parsed(text: string): JsonObject {
  return parseJson(Buffer.from(text)) as JsonObject;
}

interface ReceivedForm {
  /** true when a reference sender would write every entry as it was received */
  readonly isReferenceShape: boolean;
  /** the entries' text, if they were received in file form */
  readonly written: WrittenMembers | undefined;
}

class ReceivedTargets implements ReadonlyMap<string, Target>, ReceivedForm {
  readonly isReferenceShape: boolean;
  readonly written: WrittenMembers | undefined;
  readonly #entries: ReceivedEntries;
  readonly #decoded = new Map<string, Target>();

  constructor(entries: ReceivedEntries, { isReferenceShape, written }: ReceivedForm) {
    this.#entries = entries;
    this.isReferenceShape = isReferenceShape;
    this.written = written;
  }

  get size(): number {
    return this.#entries.size;
  }

  get entriesJson(): { readonly [name: string]: JsonObject } {
    return this.#entries.json;
  }

  has(name: string): boolean {
    return this.get(name) !== undefined;
  }

  get(name: string): Target | undefined {
    const known = this.#decoded.get(name);
    if (known !== undefined) return known;
    const entry = this.#entries.find(name);
    if (entry === undefined) return undefined;
    const target = new ReceivedTarget(entry);
    this.#decoded.set(name, target);
    return target;
  }

  forEach(visit: (target: Target, name: string, map: ReadonlyMap<string, Target>) => void): void {
    for (const [name, target] of this) visit(target, name, this);
  }

  keys(): MapIterator<string> {
    return Iterator.from(this.#entries.names());
  }

  *values(): MapIterator<Target> {
    for (const [, target] of this) yield target;
  }

  *entries(): MapIterator<[string, Target]> {
    const { json } = this.#entries;
    for (const name of this.#entries.names())
      yield [name, this.#decoded.get(name) ?? new ReceivedTarget(json[name] as JsonObject)];
  }

  [Symbol.iterator](): MapIterator<[string, Target]> {
    return this.entries();
  }
}
