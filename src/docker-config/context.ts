/** docker's contexts: named ways to an engine, in `contexts/` of its configuration directory. */
import { createHash } from "node:crypto";
import { join } from "node:path";
import type { JsonValue } from "../encoding/json.ts";
import { jsonMember } from "../encoding/json.ts";
import { UsageError } from "../errors.ts";
import { objectAt, readConfigurationFile, textAt } from "./configuration-file.ts";
import { unreadable } from "./settings-file.ts";

/** The settings of docker's engine in a context. */
export interface DockerContext {
  /** in the form of `-H`; undefined for a context that names no engine, which only docker can reach */
  readonly host: string | undefined;
  /** the engine's certificate is not verified */
  readonly skipTlsVerify: boolean;
  /** where its `ca.pem`, `cert.pem` and `key.pem` are, if it has any */
  readonly tlsDirectory: string;
}

/**
 * Reads a context.
 *
 * @param directory docker's configuration directory
 * @throws UsageError `USAGE` when there is no such context, `FILE_UNREADABLE` when its file cannot be read or has another form
 */
export async function readContext(directory: string, name: string): Promise<DockerContext> {
  const contexts = join(directory, "contexts");
  // docker names the directories by the hash, so that a name may contain any character
  const id = createHash("sha256").update(name).digest("hex");
  const file = join(contexts, "meta", id, "meta.json");
  const content = await readConfigurationFile(file);
  if (content === undefined)
    throw new UsageError("USAGE", `context "${name}": context not found`, {
      hint: "List the contexts: docker context ls",
    });
  const endpoint = objectAt(file, content, ["Endpoints", "docker"]);
  return {
    host: textAt(file, endpoint, ["Host"]),
    skipTlsVerify: flag(file, endpoint, "SkipTLSVerify"),
    tlsDirectory: join(contexts, "tls", id, "docker"),
  };
}

function flag(file: string, endpoint: JsonValue, name: string): boolean {
  const value = jsonMember(endpoint, name) ?? false;
  if (typeof value === "boolean") return value;
  throw unreadable(file, `${file} has a "${name}" that is neither true nor false`);
}
