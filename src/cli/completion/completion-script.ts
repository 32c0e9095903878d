/**
 * Completion scripts for bash, zsh and fish, generated from the command table. The scripts contain the whole tree, so that
 * pressing Tab never starts the program.
 */
import { type CompletionNode, completionNodes } from "./completion-tree.ts";

/** The shells with completion scripts. */
export const shells = ["bash", "fish", "zsh"] as const;

/** One of {@link shells}. */
export type Shell = (typeof shells)[number];

/** The script for a shell. */
export async function completionScript(shell: Shell): Promise<string> {
  return (await writers[shell]())(await completionNodes());
}

const writers: Readonly<Record<Shell, () => Promise<(nodes: readonly CompletionNode[]) => string>>> = {
  bash: async () => (await import("./bash.ts")).bashScript,
  fish: async () => (await import("./fish.ts")).fishScript,
  zsh: async () => (await import("./zsh.ts")).zshScript,
};
