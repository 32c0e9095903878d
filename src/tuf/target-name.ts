/** The rules for target names. Readers turn names into file names, table cells and log lines, so some names must never be published. */

import { MetadataError } from "../errors.ts";

/** Bytes of UTF-8; far above any tag (128) or path, far below what would make one entry expensive. */
const maxNameBytes = 4096;

const controlCharacter = /\p{Cc}/u;
const parentSegment = /(?:^|[/\\])\.\.(?:$|[/\\])/;

/** Why a target with this name must not be published, or `undefined` when the name is fine. A tag such as `v1..2` is fine. */
export function targetNameFault(name: string): string | undefined {
  if (name === "") return "a target name must not be empty";
  if (!name.isWellFormed() || controlCharacter.test(name))
    return `target name ${JSON.stringify(name)} contains control characters`;
  if (parentSegment.test(name)) return `target name ${JSON.stringify(name)} contains a ".." segment`;
  if (Buffer.byteLength(name) > maxNameBytes) return `a target name must not be longer than ${maxNameBytes} bytes`;
  return undefined;
}

/**
 * Refuses such a name.
 *
 * @throws MetadataError `METADATA_MALFORMED`
 */
export function requireTargetName(name: string): void {
  const fault = targetNameFault(name);
  if (fault !== undefined) throw new MetadataError("METADATA_MALFORMED", fault);
}
