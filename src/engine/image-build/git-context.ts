/** Build contexts in git repositories: checked out here, because an engine that fetches them itself would not use digests. */
import { spawn } from "node:child_process";
import { lutimes, readdir, realpath, rm, stat } from "node:fs/promises";
import { isAbsolute, join, relative, sep } from "node:path";
import { TagsealError, UsageError, cancelled } from "../../errors.ts";
import { childEnvironment } from "../../environment/child-environment.ts";
import type { Environment } from "../../environment/environment.ts";
import { findProgram } from "../../environment/program-search.ts";
import type { GitSource } from "./git-source.ts";
import type { PrivateDirectory } from "./private-directory.ts";
import { DockerfileRefused } from "./refused.ts";

/** What the checkout needs. */
export interface GitCheckout {
  readonly env: Environment;
  readonly directory: PrivateDirectory;
  readonly signal?: AbortSignal | undefined;
  /** leave `.git` in the context, as `BUILDKIT_CONTEXT_KEEP_GIT_DIR=1` asks for */
  readonly keepsGitDirectory: boolean;
}

/**
 * Checks a repository out, submodules included, without its history where the server can do that.
 *
 * @returns the context directory
 * @throws UsageError `DOCKERFILE_REFUSED` when git is missing or fails, when the commit is not the one that was asked for, and when the
 *   directory is not in the repository
 */
export async function checkOut(source: GitSource, checkout: GitCheckout): Promise<string> {
  const root = join(checkout.directory.path(), "git");
  const git = async (...args: readonly string[]): Promise<string> => await runGit(["-C", root, ...args], checkout);
  await runGit(["init", "--quiet", root], checkout);
  await git("remote", "add", "--", "origin", source.remote);
  const commit = await fetchCommit(source, git);
  await git("checkout", "--quiet", "--detach", commit);
  if (source.hasSubmodules) await updateSubmodules(git);
  if (source.hasCommitTimes) await setTimes(root, Number(await git("log", "-1", "--format=%ct")));
  if (!(source.keepsGitDirectory ?? checkout.keepsGitDirectory))
    await rm(join(root, ".git"), { recursive: true, force: true });
  return await contextIn(root, source.directory);
}

type Git = (...args: readonly string[]) => Promise<string>;

/** @returns the commit's full name */
async function fetchCommit({ remote, ref = "HEAD", checksum }: GitSource, git: Git): Promise<string> {
  const fetched = await fetchRef(ref, git);
  const [object, commit] = [await git("rev-parse", fetched), await git("rev-parse", `${fetched}^{commit}`)];
  const isAsked = checksum === undefined || [object, commit].some((name) => name.startsWith(checksum.toLowerCase()));
  if (isAsked) return commit;
  throw new DockerfileRefused(`${remote}: ${ref} is the commit ${commit}, not ${checksum}`);
}

/** Servers of plain files have no shallow copies, and some servers serve only commits that a ref names: then everything is fetched. */
async function fetchRef(ref: string, git: Git): Promise<string> {
  try {
    await git("fetch", "--quiet", "--depth", "1", "origin", "--", ref);
    return "FETCH_HEAD";
  } catch (error) {
    if (!(error instanceof DockerfileRefused)) throw error;
    const isWhole = await succeeds(git("fetch", "--quiet", "origin", "--", ref));
    if (isWhole) return "FETCH_HEAD";
    const mayBeCommit = /^[0-9a-f]{7,64}$/i.test(ref);
    const everything = ["+refs/heads/*:refs/remotes/origin/*", "+refs/tags/*:refs/tags/*"];
    if (mayBeCommit && (await succeeds(git("fetch", "--quiet", "origin", ...everything)))) return ref;
    throw error;
  }
}

async function updateSubmodules(git: Git): Promise<void> {
  const update = ["submodule", "--quiet", "update", "--init", "--recursive"];
  if (!(await succeeds(git(...update, "--depth=1")))) await git(...update);
}

async function succeeds(step: Promise<unknown>): Promise<boolean> {
  try {
    await step;
    return true;
  } catch (error) {
    if (error instanceof DockerfileRefused) return false;
    throw error;
  }
}

/** @param time seconds since 1970 */
async function setTimes(root: string, time: number): Promise<void> {
  for (const entry of await readdir(root, { recursive: true })) {
    if (entry !== ".git" && !entry.startsWith(`.git${sep}`)) await lutimes(join(root, entry), time, time);
  }
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
  throw new UsageError("USAGE", `unable to prepare context: ${directory} is not a directory in the git repository`);
}

/** A repository must not make git read this machine's files, or show prompts that no user sees. */
const safely = ["-c", "protocol.file.allow=never", "-c", "protocol.ext.allow=never"];

/** @returns its output, without the last line's end */
async function runGit(args: readonly string[], { env, signal }: GitCheckout): Promise<string> {
  if (signal?.aborted === true) throw cancelled(signal);
  const program = findProgram("git", env);
  if (program === undefined) throw withoutGit(undefined);
  const child = spawn(program, [...safely, ...args], {
    env: { ...childEnvironment(env, "git"), GIT_PROTOCOL_FROM_USER: "0", GIT_TERMINAL_PROMPT: "0" },
    stdio: ["ignore", "pipe", "pipe"],
    signal,
  });
  const [printed, said]: [Buffer[], Buffer[]] = [[], []];
  child.stdout.on("data", (chunk: Buffer) => printed.push(chunk));
  child.stderr.on("data", (chunk: Buffer) => said.push(chunk));
  const { promise, resolve, reject } = Promise.withResolvers<number | null>();
  child.once("error", reject);
  child.once("close", resolve);
  const status = await promise.catch((error: unknown) => {
    if (signal?.aborted === true) throw cancelled(signal);
    throw withoutGit(error);
  });
  if (status === 0) return Buffer.concat(printed).toString("utf8").trim();
  const reason = Buffer.concat(said).toString("utf8").trim().slice(0, 2000);
  throw new DockerfileRefused(`unable to 'git clone' to temporary context directory: ${reason}`);
}

function withoutGit(cause: unknown): TagsealError {
  return new TagsealError("DOCKERFILE_REFUSED", "unable to find 'git'", {
    cause,
    hint: "Install git, or check the repository out and build from its directory.",
  });
}
