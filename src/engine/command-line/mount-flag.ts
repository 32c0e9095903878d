/** The value of `--mount`, as docker and podman read it: a record of CSV whose fields are `key=value`. */
import { UsageError } from "../../errors.ts";
import { type UncoveredLine, withoutTrust } from "./without-trust.ts";

/** An image that is mounted into a container. */
export interface ImageMount {
  /** the image as named */
  readonly source: string;
  /** the value with another image in its place */
  readonly withSource: (source: string) => string;
}

/**
 * Finds the image in a mount.
 *
 * @param line the command that mounts it, for messages
 * @returns undefined for a mount of anything else, and for one that names no image, which the engine refuses
 * @throws UsageError `USAGE` for a value that is not a record, and for one that two engines could read differently
 */
export function imageMount(value: string, line: UncoveredLine): ImageMount | undefined {
  const fields = csvFields(value.trim());
  const given = (...keys: readonly string[]): readonly (readonly [number, string])[] =>
    fields.flatMap((field, index) => {
      const equals = field.indexOf("=");
      const key = field
        .slice(0, equals === -1 ? undefined : equals)
        .trim()
        .toLowerCase();
      return keys.includes(key) && equals !== -1 ? [[index, field.slice(equals + 1).trim()] as const] : [];
    });
  const types = given("type");
  const type = types.find(([, name]) => uncheckable.has(name.toLowerCase()))?.[1].toLowerCase();
  if (type === undefined) return undefined;
  if (type === "artifact") throw artifact(value, line);
  const sources = given("source", "src");
  if (types.length > 1 || sources.length > 1) {
    throw new UsageError("USAGE", `invalid argument "${value}" for "--mount" flag: type and source may be given once`);
  }
  const [found] = sources;
  if (found === undefined || found[1] === "") return undefined;
  const [at, source] = found;
  return {
    source,
    withSource: (name) => fields.with(at, `source=${name}`).map(csvField).join(","),
  };
}

/** Kinds of mounts whose content comes from a registry. */
const uncheckable: ReadonlySet<string> = new Set(["image", "artifact"]);

function artifact(value: string, line: UncoveredLine): UsageError {
  return new UsageError(
    "COMMAND_NOT_COVERED",
    `content trust does not cover "--mount ${value}": artifacts are not checked`,
    { hint: withoutTrust("Mount an image with type=image, or", line) },
  );
}

/** One record as Go's encoding/csv reads it. @throws UsageError `USAGE` */
function csvFields(text: string): readonly string[] {
  const fields: string[] = [];
  let rest = text;
  for (;;) {
    const match = /^(?:"((?:[^"]|"")*)"|([^",\r\n]*))(,|$)/u.exec(rest);
    if (match === null || /[\r\n]/u.test(text)) {
      throw new UsageError("USAGE", `invalid argument "${text}" for "--mount" flag: it is not one record of CSV`);
    }
    fields.push(match[1]?.replaceAll('""', '"') ?? match[2] ?? "");
    if (match[3] === "") return fields;
    rest = rest.slice(match[0].length);
  }
}

function csvField(field: string): string {
  return /[",]/u.test(field) ? `"${field.replaceAll('"', '""')}"` : field;
}
