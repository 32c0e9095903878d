/** Docker's credential helpers: `docker-credential-<name>`, called through pipes only. */
import { jsonMember, parseOrdinaryJsonOr } from "../encoding/json.ts";
import type { Environment } from "../environment/environment.ts";
import { runHelperProgram } from "../environment/helper-program.ts";
import { cancelled, systemCode, UsageError } from "../errors.ts";
import type { Credentials } from "./credentials.ts";

const maxOutputBytes = 256 * 1024;
const defaultTimeoutMs = 60_000;
/** The user name that helpers keep an identity token under. */
const tokenUser = "<token>";

/** Which helper does something, and with what. */
export interface HelperCall {
  /** `<name>` of `docker-credential-<name>` */
  readonly name: string;
  /** what it sees, less every secret of ours */
  readonly env: Environment;
  readonly signal?: AbortSignal | undefined;
  readonly timeoutMs?: number;
}

/**
 * Asks a helper for one registry. It runs without a shell; the registry's name goes to its standard input, the secret comes from its
 * standard output; its environment has none of Tagseal's passphrases.
 *
 * @returns undefined when the helper has no login for that registry
 * @throws UsageError `USAGE` when it cannot be run, fails, is silent for a minute or answers nonsense; TagsealError `CANCELLED`
 * @see docker-credential-helpers: the "get" protocol
 */
export async function askCredentialHelper(helper: HelperCall, serverUrl: string): Promise<Credentials | undefined> {
  const { program, output, exitCode } = await call(helper, "get", serverUrl);
  if (exitCode === 0) return parseAnswer(program, output);
  // helpers report errors on standard output; what they say may quote anything, so only the known sentence is understood
  if (isNotFound(output)) return undefined;
  throw failed(program, `failed with exit code ${exitCode}`);
}

/**
 * Gives a helper a login to keep. The secret goes to its standard input.
 *
 * @throws as {@link askCredentialHelper}
 * @see docker-credential-helpers: the "store" protocol
 */
export async function storeInCredentialHelper(
  helper: HelperCall,
  serverUrl: string,
  login: Extract<Credentials, { kind: "basic" | "identity-token" }>,
): Promise<void> {
  const [username, secret] = login.kind === "basic" ? [login.username, login.password] : [tokenUser, login.token];
  const input = JSON.stringify({ ServerURL: serverUrl, Username: username, Secret: secret });
  const { program, exitCode } = await call(helper, "store", input);
  if (exitCode !== 0) throw failed(program, `did not store the login: it failed with exit code ${exitCode}`);
}

/**
 * Has a helper forget a login; one that it does not know is forgotten already.
 *
 * @throws as {@link askCredentialHelper}
 * @see docker-credential-helpers: the "erase" protocol
 */
export async function eraseFromCredentialHelper(helper: HelperCall, serverUrl: string): Promise<void> {
  const { program, output, exitCode } = await call(helper, "erase", serverUrl);
  if (exitCode !== 0 && !isNotFound(output))
    throw failed(program, `did not remove the login: it failed with exit code ${exitCode}`);
}

function isNotFound(output: string): boolean {
  return /credentials not found/i.test(output);
}

interface HelperAnswer {
  readonly program: string;
  readonly output: string;
  /** or the signal that ended it */
  readonly exitCode: number | string;
}

async function call(helper: HelperCall, verb: "get" | "store" | "erase", input: string): Promise<HelperAnswer> {
  const { name, env, signal, timeoutMs = defaultTimeoutMs } = helper;
  const program = `docker-credential-${name}`;
  // a name with a path in it would run a program of the configuration file's choosing from anywhere
  if (!/^[A-Za-z0-9][A-Za-z0-9._-]*$/.test(name)) throw failed(program, "is not a credential helper's name");
  const outcome = await runHelperProgram({
    command: [program, verb],
    kind: "credential-helper",
    of: { program: name },
    env,
    input: `${input}\n`,
    errors: "dropped",
    maxOutputBytes,
    timeoutMs,
    signal,
  });
  if (outcome.kind === "ended") return { program, output: outcome.output.toString("utf8"), exitCode: outcome.exitCode };
  if (outcome.kind === "cancelled" && signal !== undefined) throw cancelled(signal);
  if (outcome.kind === "too much") throw failed(program, `answered more than ${maxOutputBytes} bytes`);
  if (outcome.kind !== "not started") throw failed(program, `gave no answer within ${timeoutMs / 1000} s`);
  throw failed(program, systemCode(outcome.cause) === "ENOENT" ? "is not installed" : "cannot be run", outcome.cause);
}

function parseAnswer(program: string, output: string): Credentials | undefined {
  const answer = parseOrdinaryJsonOr(() => failed(program, "answered something that is not JSON"), output);
  const username = jsonMember(answer, "Username");
  const password = jsonMember(answer, "Secret");
  if (typeof username !== "string" || typeof password !== "string")
    throw failed(program, "answered without Username and Secret");
  if (password === "") return undefined;
  return username === tokenUser ? { kind: "identity-token", token: password } : { kind: "basic", username, password };
}

function failed(program: string, how: string, cause?: unknown): UsageError {
  return new UsageError("USAGE", `the credential helper ${program} ${how}`, {
    cause,
    hint: "Check credsStore and credHelpers in docker's config.json.",
  });
}
