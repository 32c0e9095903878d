/** Reads members of an untrusted JSON object, each with its limit and an error sentence for a wrong shape. */

import { decodeBase64 } from "../../encoding/base64.ts";
import { isJsonObject } from "../../encoding/json.ts";
import type { JsonObject, JsonValue } from "../../encoding/json.ts";
import { MetadataError, hasCode } from "../../errors.ts";
import { maxBase64Length, maxNameLength } from "./bounds.ts";

/** One object inside a file, and the words that say where it is. */
export class Shape {
  readonly role: string;
  readonly object: JsonObject;
  readonly #where: string;

  private constructor(role: string, object: JsonObject, where: string) {
    this.role = role;
    this.object = object;
    this.#where = where;
  }

  /** @throws MetadataError `METADATA_MALFORMED` when it is not an object */
  static of(role: string, value: JsonValue | undefined, where: string): Shape {
    if (value === undefined || !isJsonObject(value)) throw malformed(role, `${where} must be an object`);
    return new Shape(role, value, where);
  }

  /** The member, `undefined` when absent: never something inherited. */
  get(name: string): JsonValue | undefined {
    return Object.hasOwn(this.object, name) ? this.object[name] : undefined;
  }

  /** A member that is an object. */
  child(name: string): Shape {
    return Shape.of(this.role, this.get(name), `${this.#where} ${name}`);
  }

  /** A member that is an object, or `undefined` when it is null or absent. */
  optionalChild(name: string): Shape | undefined {
    const value = this.get(name);
    return value === undefined || value === null ? undefined : this.child(name);
  }

  /** A member that is a list of at most `bound` items, or `null`; absent counts as null. */
  list(name: string, bound: number): readonly JsonValue[] | null {
    const value = this.get(name) ?? null;
    if (value !== null && !Array.isArray(value)) throw this.fault(`${name} must be a list`);
    if (value !== null && value.length > bound) throw this.fault(`${name} has more than ${bound} items`);
    return value;
  }

  /** A member that is a list of short strings, or `null`. */
  names(name: string, bound: number): readonly string[] | null {
    return this.list(name, bound)?.map((item) => this.#short(item, name)) ?? null;
  }

  /** A member that is a short string. */
  name(name: string): string {
    return this.#short(this.get(name), name);
  }

  /** A member that is a whole number; the parser bounds it to ±(2^53-1). */
  integer(name: string): number {
    const value = this.get(name);
    if (typeof value !== "number" || !Number.isSafeInteger(value)) throw this.fault(`${name} must be an integer`);
    return value;
  }

  /** A member that is true or false. */
  boolean(name: string): boolean {
    const value = this.get(name);
    if (typeof value !== "boolean") throw this.fault(`${name} must be true or false`);
    return value;
  }

  /** A member that is base64 (standard alphabet, padded), decoded. */
  base64(name: string): Uint8Array {
    const value = this.get(name);
    if (typeof value !== "string" || value.length > maxBase64Length) throw this.fault(`${name} must be base64`);
    try {
      return decodeBase64(value);
    } catch (cause) {
      if (!hasCode(cause, "BASE64_MALFORMED")) throw cause;
      throw this.fault(`${name} must be base64`, cause);
    }
  }

  /** Names of all members, at most `bound` of them, none longer than a name may be. */
  memberNames(bound: number): string[] {
    const names = Object.keys(this.object);
    if (names.length > bound) throw this.fault(`has more than ${bound} members`);
    for (const name of names) if (name.length > maxNameLength) throw this.fault("has a member with an overlong name");
    return names;
  }

  /** The error that names this place. */
  fault(reason: string, cause?: unknown): MetadataError {
    return malformed(this.role, `${this.#where} ${reason}`, cause);
  }

  #short(value: JsonValue | undefined, name: string): string {
    if (typeof value !== "string") throw this.fault(`${name} must be text`);
    if (value.length > maxNameLength) throw this.fault(`${name} is longer than ${maxNameLength} characters`);
    return value;
  }
}

/** `<role> type metadata invalid: <reason>`, the words docker users know. */
export function malformed(role: string, reason: string, cause?: unknown): MetadataError {
  return new MetadataError("METADATA_MALFORMED", `${role} type metadata invalid: ${reason}`, { cause });
}
