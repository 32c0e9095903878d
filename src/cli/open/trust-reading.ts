/** Reads one collection for a command that only shows it. */
import type { ImageReference } from "../../reference/image-reference.ts";
import type { TrustContext } from "../../trust/trust-context.ts";
import type { Io } from "../io.ts";
import { imageArgument } from "../options/image.ts";
import { collectionArgument } from "../options/target-arguments.ts";
import { tellTrustEvents } from "../output/trust-events.ts";
import { withTrust } from "./trust.ts";

type Read<T> = (context: TrustContext) => Promise<T>;

/** Reads the collection of an image, and reports nothing but warnings. @throws UsageError `REFERENCE_INVALID`; what `read` throws */
export async function readImageTrust<T>(io: Io, typed: string, read: Read<T>): Promise<T> {
  return await readTrust(io, imageArgument(typed).reference, { quiet: true }, read);
}

/** How a command about signed files reads their collection. */
export interface SignedFilesReading {
  /** report nothing but warnings */
  readonly quiet: boolean;
  /** the value of `--max-staleness` */
  readonly maxStaleness: string | undefined;
}

/** Reads the collection GUN. @throws UsageError as {@link collectionArgument}; what `read` throws */
export async function readSignedFiles<T>(
  io: Io,
  typed: string,
  reading: SignedFilesReading,
  read: Read<T>,
): Promise<{ readonly gun: string; readonly found: T }> {
  const { reference, gun } = collectionArgument(typed);
  return { gun, found: await readTrust(io, reference, reading, read) };
}

async function readTrust<T>(
  io: Io,
  reference: ImageReference,
  { quiet, maxStaleness }: { readonly quiet: boolean; readonly maxStaleness?: string | undefined },
  read: Read<T>,
): Promise<T> {
  return await withTrust(io, reference, { access: "read", notify: tellTrustEvents(io, { quiet }), maxStaleness }, read);
}
