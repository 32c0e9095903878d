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
 * Classifies a build's operand. A directory of that name comes first, as with docker.
 *
 * @throws UsageError `USAGE`, in docker's words, when it is none of these
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

/** The rule of docker and BuildKit: over HTTP a repository is recognised by the ending of its path; older versions look at the whole address. */
function isGitUrl(text: string): boolean {
  if (!/^https?:\/\//i.test(text)) return /^(?:git:\/\/|ssh:\/\/|github\.com\/|git@|[^/@\s]+@[^/:\s]+:)/.test(text);
  return /\.git(?:#.*)?$/.test(text) || (URL.canParse(text) && new URL(text).pathname.endsWith(".git"));
}
