/** Commands that show what the trust data of one repository says, as JSON or as text. */
import type { TrustContext } from "../../trust/trust-context.ts";
import { type Command, defineCommand } from "../command.ts";
import type { CommandDescription } from "../command-description.ts";
import type { Io } from "../io.ts";
import { jsonOption } from "../options/output-flags.ts";
import { readerEnvironment } from "../options/trust-flags.ts";
import { writeJson } from "../output/write-json.ts";
import { readImageTrust } from "./trust-reading.ts";

/** What such commands differ in. */
export interface TrustReport<T> extends Pick<CommandDescription, "path" | "summary" | "description" | "examples"> {
  readonly read: (context: TrustContext) => Promise<T>;
  /** for `--json` @param repository as typed */
  readonly json: (found: T, repository: string) => unknown;
  readonly show: (found: T, io: Io, repository: string) => void;
}

/** Makes the command, which takes one IMAGE. */
export function defineTrustReport<T>({ read, json, show, ...about }: TrustReport<T>): Command {
  return defineCommand(
    {
      ...about,
      usage: "[OPTIONS] IMAGE",
      options: { json: jsonOption },
      args: { min: 1, max: 1 },
      environment: readerEnvironment,
      dockerExitCodes: true,
    },
    async ({ options, args: [name = ""] }, io) => {
      const found = await readImageTrust(io, name, read);
      if (options.json) writeJson(io, json(found, name));
      else show(found, io, name);
      return 0;
    },
  );
}
