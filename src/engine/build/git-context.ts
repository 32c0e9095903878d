/** Build contexts in git repositories: checked out here, because an engine that fetches them itself cannot be told about digests. */
import { spawn } from "node:child_process";
import { realpath, rm, stat } from "node:fs/promises";
import { isAbsolute, join, relative, sep } from "node:path";
import { TagsealError, UsageError } from "../../errors.ts";
import { cancelled } from "../../registry/network-failure.ts";
import { childEnvironment } from "../child-environment.ts";
import type { Env } from "../trust-switch.ts";
import type { PrivateDirectory } from "./private-directory.ts";
import { DockerfileRefused } from "./refused.ts";

/** Which repository, which state of it, which directory in it. */
export interface GitSource {
  readonly remote: string;
  /** branch, tag or commit; undefined: what the repository itself proposes */
  readonly ref: string | undefined;
  readonly directory: string;
}

/**
 * Reads `URL#ref:directory`.
 *
 * @throws UsageError `DOCKERFILE_REFUSED` for queries, and for refs that git would take for options
 */
export function parseGitSource(text: string): GitSource {
  const hash = text.indexOf("#");
  const address = hash === -1 ? text : text.slice(0, hash);
  const fragment = hash === -1 ? "" : text.slice(hash + 1);
  const colon = fragment.indexOf(":");
  const ref = colon === -1 ? fragment : fragment.slice(0, colon);
  if (address.includes("?"))
    throw new DockerfileRefused(`${address}: queries are not understood`, "write #ref:directory behind the URL");
  if (ref.startsWith("-") || address.startsWith("-")) throw new DockerfileRefused(`invalid refspec: ${ref}`);
  return {
    remote: address.startsWith("github.com/") ? `https://${address}` : address,
    ref: ref === "" ? undefined : ref,
    directory: colon === -1 ? "" : fragment.slice(colon + 1),
  };
}

/** What the checkout needs. */
export interface GitCheckout {
  readonly env: Env;
  readonly directory: PrivateDirectory;
  readonly signal?: AbortSignal | undefined;
  /** leave `.git` in the context, as `BUILDKIT_CONTEXT_KEEP_GIT_DIR=1` asks for */
  readonly keepsGitDirectory: boolean;
}

/**
 * Checks a repository out, submodules included, without its history.
 *
 * @returns the context directory
 * @throws UsageError `DOCKERFILE_REFUSED` when git is missing or fails, and when the directory is not in the repository
 */
export async function checkOut(source: GitSource, checkout: GitCheckout): Promise<string> {
  const root = join(checkout.directory.path(), "git");
  const git = (...args: readonly string[]): Promise<void> => runGit(args, checkout);
  const { remote, ref = "HEAD", directory } = source;
  await git("init", "--quiet", root);
  await git("-C", root, "remote", "add", "--", "origin", remote);
  await git("-C", root, "fetch", "--quiet", "--depth", "1", "origin", "--", ref);
  await git("-C", root, "checkout", "--quiet", "FETCH_HEAD");
  await git("-C", root, "submodule", "--quiet", "update", "--init", "--recursive", "--depth=1");
  if (!checkout.keepsGitDirectory) await rm(join(root, ".git"), { recursive: true, force: true });
  return await contextIn(root, directory);
}

async function contextIn(root: string, directory: string): Promise<string> {
  try {
    const path = await realpath(join(root, directory));
    const inside = relative(await realpath(root), path);
    if (inside.startsWith(`..${sep}`) || inside === ".." || isAbsolute(inside)) {
      throw new DockerfileRefused(`${directory} is not within the git repository`);
    }
    if ((await stat(path)).isDirectory()) return path;
  } catch (error) {
    if (!(error instanceof Error) || !("syscall" in error)) throw error;
  }
  throw new UsageError("USAGE", `unable to prepare context: ${directory} is no directory in the git repository`);
}

/** A repository must not make git read this machine's files, or ask questions nobody sees. */
const safely = ["-c", "protocol.file.allow=never", "-c", "protocol.ext.allow=never"];

async function runGit(args: readonly string[], { env, signal }: GitCheckout): Promise<void> {
  if (signal?.aborted === true) throw cancelled(signal);
  const child = spawn("git", [...safely, ...args], {
    env: { ...childEnvironment(env), GIT_PROTOCOL_FROM_USER: "0", GIT_TERMINAL_PROMPT: "0" },
    stdio: ["ignore", "ignore", "pipe"],
    signal,
  });
  const said: Buffer[] = [];
  child.stderr.on("data", (chunk: Buffer) => said.push(chunk));
  const { promise, resolve, reject } = Promise.withResolvers<number | null>();
  child.once("error", reject);
  child.once("close", resolve);
  const status = await promise.catch((error: unknown) => {
    if (signal?.aborted === true) throw cancelled(signal);
    throw new TagsealError("DOCKERFILE_REFUSED", "unable to find 'git'", {
      cause: error,
      hint: "install git, or check the repository out and build from its directory",
    });
  });
  if (status === 0) return;
  const reason = Buffer.concat(said).toString("utf8").trim().slice(0, 2000);
  throw new DockerfileRefused(`unable to 'git clone' to temporary context directory: ${reason}`);
}
