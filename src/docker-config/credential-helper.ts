/** Docker's credential helpers: `docker-credential-<name>`, called through pipes only. */
import { type ChildProcess, spawn } from "node:child_process";
import { jsonMember, parseOrdinaryJsonOr } from "../encoding/json.ts";
import { childEnvironment } from "../environment/child-environment.ts";
import type { Environment } from "../environment/environment.ts";
import { cancelled, systemCode, type TagsealError, UsageError } from "../errors.ts";
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
  readonly exitCode: number;
}

async function call(helper: HelperCall, verb: "get" | "store" | "erase", input: string): Promise<HelperAnswer> {
  const { name, env, signal, timeoutMs = defaultTimeoutMs } = helper;
  const program = `docker-credential-${name}`;
  // a name with a path in it would run a program of the configuration file's choosing from anywhere
  if (!/^[A-Za-z0-9][A-Za-z0-9._-]*$/.test(name)) throw failed(program, "is not a credential helper's name");
  if (signal?.aborted === true) throw cancelled(signal);
  const own = childEnvironment(env, "credential-helper", { program: name });
  return { program, ...(await run([program, verb], input, { env: own, timeoutMs, signal })) };
}

function run(
  [program, verb]: readonly [string, string],
  input: string,
  { env, timeoutMs, signal }: Required<Omit<HelperCall, "name">>,
): Promise<{ output: string; exitCode: number }> {
  return new Promise((resolve, reject) => {
    const child = spawn(program, [verb], { env, stdio: ["pipe", "pipe", "ignore"], shell: false });
    const stop = (error: TagsealError): void => {
      child.kill("SIGKILL");
      reject(error);
    };
    const timer = setTimeout(() => stop(failed(program, `gave no answer within ${timeoutMs / 1000} s`)), timeoutMs);
    const abort = (): void => stop(signal === undefined ? failed(program, "was cancelled") : cancelled(signal));
    signal?.addEventListener("abort", abort, { once: true });
    const output = collectOutput(child, () => stop(failed(program, `answered more than ${maxOutputBytes} bytes`)));
    const settle = (): void => {
      clearTimeout(timer);
      signal?.removeEventListener("abort", abort);
    };
    child.once("error", (error) => {
      settle();
      const how = systemCode(error) === "ENOENT" ? "is not installed" : "cannot be run";
      reject(failed(program, how, error));
    });
    child.once("close", (exitCode) => {
      settle();
      resolve({ output: output(), exitCode: exitCode ?? -1 });
    });
    // a helper that ends without reading breaks the pipe; its exit code shows the result
    child.stdin?.once("error", () => child.stdin?.destroy());
    child.stdin?.end(`${input}\n`);
  });
}

function collectOutput(child: ChildProcess, tooMuch: () => void): () => string {
  const chunks: Buffer[] = [];
  let length = 0;
  child.stdout?.on("data", (chunk: Buffer) => {
    length += chunk.length;
    if (length > maxOutputBytes) return tooMuch();
    chunks.push(chunk);
  });
  return () => Buffer.concat(chunks).toString("utf8");
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
