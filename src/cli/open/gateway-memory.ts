/** Where a gateway remembers what it accepted: files on one machine, or a database that several gateways share. */
import { join } from "node:path";
import { UsageError } from "../../errors.ts";
import { ServerLog } from "../../service/log.ts";
import type { FileRegister } from "../../service/watching/watched-files.ts";
import type { TrustCache } from "../../trust/ports.ts";
import type { Io } from "../io.ts";
import type { LogLine } from "../serving/in-foreground.ts";
import { dockerConfigDir } from "./directories.ts";
import { readBounded } from "./setting-sources.ts";

/** The variable for the address of the database: an address with a password does not belong among arguments, which every user can read. */
const databaseVariable = "TAGSEAL_GATEWAY_DATABASE";

/** An open memory. */
export interface OpenGatewayMemory {
  readonly kind: string;
  readonly cacheFor: (gun: string) => TrustCache;
  readonly check: () => Promise<void>;
  readonly close: () => Promise<void>;
}

/** Who is told of the database. */
export interface MemoryWatchers {
  readonly log: LogLine;
  /** where the certificates that its address names are entered */
  readonly watch: FileRegister;
}

/** Opens the one that flags and variables name. @throws UsageError `USAGE`; TagsealError `STORAGE_FAILED`, `SERVER_CONFIGURATION` */
export async function openGatewayMemory(
  { data, database }: { readonly data?: string | undefined; readonly database?: string | undefined },
  io: Io,
  { log, watch }: MemoryWatchers,
): Promise<OpenGatewayMemory> {
  const { withVariableFiles } = await import("../../server/configuration/variable-files.ts");
  const files = { prefixes: [databaseVariable], table: {}, readFile: readBounded };
  const variable = withVariableFiles(io.env, files)[databaseVariable];
  const url = database ?? (variable === "" ? undefined : variable);
  if (url === undefined) return await inFiles(data ?? join(dockerConfigDir(io), "trust"), io);
  if (data !== undefined)
    throw new UsageError("USAGE", "--data and a database do not go together", {
      hint: `Leave --data out, or leave --database and ${databaseVariable} out.`,
    });
  const { openSharedMemory } = await import("../../shared-memory/open-shared-memory.ts");
  const onWarning = (warning: string): void => log(JSON.stringify({ level: "warning", event: "database", warning }));
  const watching = { now: io.now, log: new ServerLog({ sink: log, level: "info", now: io.now }), watch };
  return await openSharedMemory(url, io.now, { onWarning, watching });
}

async function inFiles(trustDirectory: string, io: Io): Promise<OpenGatewayMemory> {
  const { FileMetadataCache } = await import("../../trust/trust-directory/metadata-cache.ts");
  const { requireWritable } = await import("../../files/writable-directory.ts");
  return {
    kind: "files",
    cacheFor: (gun) => new FileMetadataCache({ trustDirectory, gun, now: io.now }),
    check: async () => await requireWritable(trustDirectory),
    close: async () => {
      await Promise.resolve();
    },
  };
}
