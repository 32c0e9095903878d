/** Where a build's Dockerfile and files come from, as docker reads the command line. */
import { stat } from "node:fs/promises";
import { UsageError } from "../../errors.ts";

/** The context of a build. */
export type BuildContext =
  | { readonly kind: "directory"; readonly path: string }
  /** a Dockerfile or an archive on standard input */
  | { readonly kind: "input" }
  /** a Dockerfile or an archive somewhere else */
  | { readonly kind: "url"; readonly url: URL }
  | { readonly kind: "git"; readonly url: string };

/**
 * Tells what a build's operand means. A directory of that name comes first, as with docker.
 *
 * @throws UsageError `USAGE`, in docker's words, when it is nothing
 */
export async function readContext(operand: string): Promise<BuildContext> {
  if (operand === "-") return { kind: "input" };
  if (await isDirectory(operand)) return { kind: "directory", path: operand };
  if (isGitUrl(operand)) return { kind: "git", url: operand };
  if (/^https?:\/\//i.test(operand) && URL.canParse(operand)) return { kind: "url", url: new URL(operand) };
  throw new UsageError("USAGE", `unable to prepare context: path ${JSON.stringify(operand)} not found`);
}

async function isDirectory(path: string): Promise<boolean> {
  try {
    return (await stat(path)).isDirectory();
  } catch (error) {
    if (error instanceof Error && "syscall" in error) return false;
    throw error;
  }
}

/** docker's rule, and BuildKit's: over HTTP a repository is known by the ending of its path, or to older ones of the whole address. */
function isGitUrl(text: string): boolean {
  if (!/^https?:\/\//i.test(text)) return /^(?:git:\/\/|ssh:\/\/|github\.com\/|git@|[^/@\s]+@[^/:\s]+:)/.test(text);
  return /\.git(?:#.*)?$/.test(text) || (URL.canParse(text) && new URL(text).pathname.endsWith(".git"));
}
