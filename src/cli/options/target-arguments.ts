/** What commands about targets take: the name of a collection, and roles. */
import { UsageError } from "../../errors.ts";
import { type ImageArgument, imageArgument } from "./image.ts";
import type { ListOption } from "./option.ts";

/** What help says about GUN. */
export const gunHelp =
  "GUN is the name of the collection, and is read as the name of an image repository, without a tag: lower case, HOST/PATH such as example.com/files. A name without a host belongs to Docker Hub.";

/**
 * Parses the name of a collection.
 *
 * @throws UsageError `REFERENCE_INVALID`; `USAGE` for a name with a tag or a digest
 */
export function collectionArgument(typed: string): ImageArgument {
  const collection = imageArgument(typed);
  const { reference, gun } = collection;
  if (reference.tag === undefined && reference.digest === undefined) return collection;
  throw new UsageError("USAGE", `${typed} has a tag or a digest, and a collection has none`, {
    hint: `Name the collection, then the target: ${gun} NAME`,
  });
}

/** `--role` of a command that changes targets. */
export function targetRoleOption(what: string): ListOption {
  return { kind: "list", short: "r", value: "role", help: `${what}: targets (the default) or a delegation` };
}

/** The roles to change: those given, each once, or `targets`. */
export function targetRoles(given: readonly string[]): readonly string[] {
  return given.length === 0 ? ["targets"] : [...new Set(given)];
}
