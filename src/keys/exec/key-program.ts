/** Key helpers, `tagseal-key-NAME`: programs that find keys of a service and sign there, called through pipes only. */
import { isJsonObject, type JsonObject, jsonMember, parseOrdinaryJsonOr } from "../../encoding/json.ts";
import type { Environment } from "../../environment/environment.ts";
import { runHelperProgram } from "../../environment/helper-program.ts";
import { type ErrorCode, KeyStoreError, systemCode } from "../../errors.ts";

/** What a helper is asked to do: its only argument. */
export type HelperVerb = "find" | "list" | "generate" | "sign";

/** A helper. */
export interface KeyHelper {
  /** NAME of `tagseal-key-NAME` */
  readonly name: string;
  readonly env: Environment;
  /** milliseconds until it is stopped; a person may have to confirm a signature */
  readonly timeoutMs?: number;
}

const maxOutputBytes = 256 * 1024;
const defaultTimeoutMs = 120_000;
const maxMessageLength = 500;

/** The failures that a helper can name, each with its code. */
const failures: ReadonlyMap<string, ErrorCode> = new Map([
  ["not-found", "KEY_NOT_FOUND"],
  ["ambiguous", "KEY_AMBIGUOUS"],
  ["exists", "KEY_EXISTS"],
  ["unsupported", "KEY_UNSUPPORTED"],
  ["unavailable", "KEY_SERVICE_UNAVAILABLE"],
]);

/**
 * Asks a helper. The request goes to its standard input, as JSON; its answer comes from its standard output. Its standard error is the
 * user's. It runs without a shell, and sees none of Tagseal's own secrets.
 *
 * @throws KeyStoreError `KEY_SERVICE_UNAVAILABLE` when it is not installed; `KEY_SERVICE_FAILED` when it fails without a reason, is silent
 * for too long or answers nonsense; the code of the reason that it gives
 */
export async function askKeyHelper(helper: KeyHelper, verb: HelperVerb, request: JsonObject): Promise<JsonObject> {
  const program = `tagseal-key-${helper.name}`;
  const { output, exitCode } = await runHelper(helper, [program, verb], JSON.stringify({ version: 1, ...request }));
  const notJson = (): KeyStoreError => failed(program, "answered something that is not JSON");
  const answer = exitCode === 0 || output.startsWith("{") ? parseOrdinaryJsonOr(notJson, output) : undefined;
  const code = failures.get(textOf(jsonMember(answer, "error")));
  if (exitCode === 0 && code === undefined && isJsonObject(answer)) return answer;
  if (code === undefined)
    throw failed(program, exitCode === 0 ? "answered no JSON object" : `failed with exit code ${exitCode}`);
  const message = textOf(jsonMember(answer, "message")).slice(0, maxMessageLength);
  throw new KeyStoreError(code, `${program}: ${message || "no reason given"}`);
}

function textOf(value: unknown): string {
  return typeof value === "string" ? value : "";
}

async function runHelper(
  { name, env, timeoutMs = defaultTimeoutMs }: KeyHelper,
  command: readonly [string, HelperVerb],
  input: string,
): Promise<{ readonly output: string; readonly exitCode: number | string }> {
  const [program] = command;
  const outcome = await runHelperProgram({
    command,
    kind: "key-helper",
    of: { program: name },
    env,
    input: `${input}\n`,
    errors: "shown",
    maxOutputBytes,
    timeoutMs,
  });
  if (outcome.kind === "ended") return { exitCode: outcome.exitCode, output: outcome.output.toString("utf8") };
  if (outcome.kind === "not started") throw notStarted(program, outcome.cause);
  if (outcome.kind === "too much") throw failed(program, `answered more than ${maxOutputBytes} bytes`);
  throw failed(program, `gave no answer within ${timeoutMs / 1000} s`);
}

function failed(program: string, reason: string): KeyStoreError {
  return new KeyStoreError("KEY_SERVICE_FAILED", `The key helper ${program} ${reason}`, {
    hint: "Look at what it printed, and try it alone: it reads JSON and writes JSON.",
  });
}

function notStarted(program: string, cause: unknown): KeyStoreError {
  const reason = systemCode(cause) === "ENOENT" ? "is not installed" : "cannot be started";
  return new KeyStoreError("KEY_SERVICE_UNAVAILABLE", `The key helper ${program} ${reason}`, {
    cause,
    hint: `Put ${program} into a directory of PATH, and make it executable.`,
  });
}
