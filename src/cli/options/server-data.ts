/** What a server of ours keeps, for commands that work on it without the server. */
import { UsageError } from "../../errors.ts";
import type { ServerData } from "../../server/moving/server-data.ts";
import type { OptionValues, TextOption } from "./option.ts";

/** Flags that say where it is kept. */
export const serverDataOptions = {
  data: {
    kind: "text",
    value: "dir",
    complete: "directory",
    help: "The server's data directory, as given to tagseal server; made when missing",
  },
} as const satisfies Record<string, TextOption>;

/**
 * Opens it. Whoever opens it closes it.
 *
 * @throws UsageError `USAGE` when the command line does not say where
 */
export async function openServerData(options: OptionValues<typeof serverDataOptions>): Promise<ServerData> {
  if (options.data === undefined || options.data === "")
    throw new UsageError("USAGE", "--data is required", { hint: "give the directory that tagseal server is given" });
  const { openServerData: open } = await import("../../server/moving/server-data.ts");
  return await open({ dataDir: options.data });
}
