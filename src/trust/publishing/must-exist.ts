/** Machines that sign only in repositories that exist: a mistyped name would create another one, with keys that nobody keeps. */
import { MetadataError } from "../../errors.ts";
import { readForWriting } from "../reading/reading-for-writing.ts";
import type { TrustContext } from "../trust-context.ts";

/**
 * Asks whether this context may create its collection.
 *
 * @throws MetadataError `REPOSITORY_NOT_SIGNED` when it may not
 */
export function requirePermission({ mustExist, gun, repository }: TrustContext): void {
  if (mustExist !== true) return;
  throw new MetadataError(
    "REPOSITORY_NOT_SIGNED",
    `${gun} has no trust data on ${repository.name}, and must not be created here`,
    {
      hint: `Check the spelling of the name. To create the repository: tagseal trust init ${gun}`,
    },
  );
}

/**
 * Looks for a collection that must exist, before something else is done for it, such as an upload. Without that demand, asks nothing.
 *
 * @throws MetadataError `REPOSITORY_NOT_SIGNED`, and what an update can refuse; NetworkError
 */
export async function requireExisting(context: TrustContext): Promise<void> {
  if (context.mustExist === true && (await readForWriting(context)) === undefined) requirePermission(context);
}
