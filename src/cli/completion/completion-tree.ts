/** The source of completion scripts: the tree of commands with their flags. */
import type { CommandDescription } from "../command-description.ts";
import type { Option } from "../options/option.ts";
import { root } from "../table.ts";
import type { Entry } from "../table-entry.ts";

/** A place in the tree, with what may follow it. */
export interface CompletionNode {
  /** words from the program to here: `trust key` */
  readonly path: string;
  /** one line, as docker's help has it */
  readonly summary: string;
  readonly children: readonly Entry[];
  /** undefined for groups */
  readonly description: CommandDescription | undefined;
}

/** Loads every command's description. This is slow, but runs only when a script is made and never on Tab. */
export async function completionNodes(entry: Entry = root, path = ""): Promise<readonly CompletionNode[]> {
  const command = await entry.load?.();
  const { summary, children = [] } = entry;
  const nodes: CompletionNode[] = [{ path, summary, children, description: command?.description }];
  for (const child of children) {
    nodes.push(...(await completionNodes(child, path === "" ? child.name : `${path} ${child.name}`)));
  }
  return nodes;
}

/** The flags to offer, `--help` included. */
export function visibleOptions(node: CompletionNode): readonly (readonly [string, Option])[] {
  const help: Option = { kind: "switch", help: "Explain this command" };
  const declared = Object.entries(node.description?.options ?? {}).filter(([, option]) => option.hidden !== true);
  return [...declared, ["help", help] as const];
}
