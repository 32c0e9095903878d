/**
 * The entries of a received targets file. The shape of all of them is checked at once; hashes are decoded on first use.
 * A file can have fifty thousand entries and a verification wants one.
 */

import { fileJson, parseJson } from "../../encoding/json.ts";
import type { JsonDocument, JsonObject, JsonValue, WrittenMembers } from "../../encoding/json.ts";
import type { Target } from "../metadata.ts";
import { maxNameLength } from "./bounds.ts";
import { hashesFault, receiveHashes } from "./hashes-json.ts";
import { malformed } from "./shape.ts";
import type { Shape } from "./shape.ts";

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

/** One received entry; its hashes are decoded when they are first asked for. */
export class ReceivedTarget implements Target {
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

  /** true when a reference sender would write it as it was received */
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
    // what matches the pattern has no member twice, so that the plain parser reads it as ours does
    return text === undefined ? undefined : (JSON.parse(text) as JsonObject);
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

/** Decoded entries that are kept: a reader of all entries needs each of them once. */
const maxDecoded = 1_000;

/** The entries of one received file, each decoded when it is first asked for. */
export class ReceivedTargets implements ReadonlyMap<string, Target>, ReceivedForm {
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

  /** the received value of all entries */
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
    if (this.#decoded.size >= maxDecoded) this.#decoded.clear();
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

/**
 * Names that may have another entry in one of two versions of a file than in the other: only those that have, where both were received in file
 * form, which takes no decoding.
 */
export function differingNames(
  before: ReadonlyMap<string, Target>,
  after: ReadonlyMap<string, Target>,
): Iterable<string> {
  const [old, current] = [writtenIn(before), writtenIn(after)];
  return old === undefined || current === undefined
    ? new Set([...after.keys(), ...before.keys()])
    : current.differences(old);
}

function writtenIn(targets: ReadonlyMap<string, Target>): WrittenMembers | undefined {
  return targets instanceof ReceivedTargets ? targets.written : undefined;
}
