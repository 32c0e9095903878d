/** Images outside registries: `oci:DIR[:NAME]` and `docker-archive:FILE[:NAME]`. */
import { existsSync } from "node:fs";
import { UsageError } from "../../errors.ts";

/** A place on disk for an image. */
export interface ImageLocation {
  readonly kind: "oci" | "docker-archive";
  readonly path: string;
  /** which image of several; undefined: the only one, or, for writing, named after the tag */
  readonly name: string | undefined;
}

/**
 * Parses the value of `--from` or `--to`. A colon after the path begins the name, unless a file with the whole text as its name exists.
 *
 * @throws UsageError `USAGE` when it is missing or neither of the two kinds
 */
export function parseImageLocation(flag: "from" | "to", text: string | undefined): ImageLocation {
  const [, kind, rest = ""] = /^(oci|docker-archive):(.+)$/s.exec(text ?? "") ?? [];
  if ((kind !== "oci" && kind !== "docker-archive") || text === undefined) {
    const got = text === undefined ? `--${flag} is required` : `--${flag}: "${text}" cannot hold an image`;
    throw new UsageError("USAGE", got, { hint: `Give --${flag} oci:DIRECTORY or --${flag} docker-archive:FILE.` });
  }
  const colon = rest.indexOf(":");
  if (colon <= 0 || existsSync(rest)) return { kind, path: rest, name: undefined };
  const name = rest.slice(colon + 1);
  return { kind, path: rest.slice(0, colon), name: name === "" ? undefined : name };
}
