import { UsageError } from "../../errors.ts";
import { warnIfEveryKeySigns } from "./every-key-signs.ts";
import { HeldKeys } from "./held-keys.ts";
import type { InitialiseResult } from "./initial-collection.ts";
import { type CollectionChange, publishChange } from "./publish.ts";
import type { RootChoice } from "./root-choice.ts";
import type { TrustContext } from "../trust-context.ts";

export type { InitialiseResult } from "./initial-collection.ts";

/** No change: the collection itself is published. */
const emptyChange: CollectionChange = { apply: async () => false, isIn: () => true };

/**
 * Makes an empty collection on the server: root key here (the chosen one, the lexicographically first, or a new one), new repository key,
 * snapshot and timestamp keys held by the server. If it fails nothing incomplete stays, but a new root key is kept and named in a warning.
 *
 * @throws UsageError `USAGE` when the collection exists already: its keys and signatures do not change
 * @throws KeyStoreError `KEY_NOT_FOUND`, `SIGNING_KEY_MISSING` for fewer root keys than their threshold, `PASSPHRASE_WRONG`, `PASSPHRASE_UNAVAILABLE`
 * @throws NetworkError as `publishChange`
 */
export async function initialiseCollection(context: TrustContext, root: RootChoice = {}): Promise<InitialiseResult> {
  const options = { initialise: "explicitly", root } as const;
  const { initialised, collection } = await publishChange(context, new HeldKeys(context), emptyChange, options);
  if (initialised !== undefined) {
    warnIfEveryKeySigns(context, "root", collection.root.body.roles.get("root") ?? { keyIds: null, threshold: 1 });
    return initialised;
  }
  throw new UsageError("USAGE", `${context.gun} has trust data already`, {
    hint: `Sign in the existing repository. To start again, its administrator deletes it first: tagseal trust delete --remote ${context.gun}`,
  });
}
