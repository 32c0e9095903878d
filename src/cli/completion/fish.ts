import { type CompletionNode, visibleOptions } from "./completion-tree.ts";
import type { Option } from "../options/option.ts";

const keyIdsFunction = `function __tagseal_key_ids
  # The IDs of the private keys of this machine, with what each is for.
  set -l config $HOME/.docker
  test -n "$DOCKER_CONFIG"; and set config $DOCKER_CONFIG
  set -l files $config/trust/private/*.key $config/trust/tagseal/linked-keys/*.json
  for file in $files
    set -l id (string replace -rf '^.*/([0-9a-f]{64})\\.[a-z]+$' '$1' -- $file); or continue
    set -l role (string replace -rf '^role: ([a-z0-9_/-]+)$' '$1' <$file) key
    string join \\t $id $role[1]
  end
end`;

/** The completion script for fish. */
export function fishScript(nodes: readonly CompletionNode[]): string {
  const lines = nodes.flatMap((node) => [...childLines(node, nodes), ...optionLines(node), ...argumentLines(node)]);
  return `# fish completion for tagseal: tagseal completion fish > ~/.config/fish/completions/tagseal.fish
function __tagseal_path
  # The command words typed so far, flags left out, cut where they stop naming commands.
  set -l path
  set -l words (commandline -opc)[2..]
  # What help explains are the other commands.
  test "$words[1]" = help; and set -e words[1]
  for word in $words
    string match -q -- '-*' $word; and continue
    set -l longer (string join ' ' $path $word)
    contains -- $longer ${nodes
      .filter(({ path }) => path !== "")
      .map(({ path }) => quote(path))
      .join(" ")}; or break
    set path $path $word
  end
  string join ' ' $path
end

function __tagseal_at
  set -l path (__tagseal_path)
  test "$path" = "$argv"
end

${keyIdsFunction}

complete -c tagseal -e
${lines.join("\n")}
`;
}

function childLines(node: CompletionNode, nodes: readonly CompletionNode[]): string[] {
  const at = condition(node);
  const summaries = new Map(nodes.map(({ path, description }) => [path, description?.summary]));
  return node.children.map(({ name, summary }) => {
    const path = node.path === "" ? name : `${node.path} ${name}`;
    return `complete -c tagseal -f -n ${at} -a ${name} -d ${quote(summaries.get(path) ?? summary)}`;
  });
}

function optionLines(node: CompletionNode): string[] {
  return visibleOptions(node).map(([name, option]) => {
    const short = option.short === undefined ? "" : ` -s ${option.short}`;
    return `complete -c tagseal -n ${condition(node)} -l ${name}${short}${valueOf(option)} -d ${quote(option.help)}`;
  });
}

function argumentLines(node: CompletionNode): string[] {
  const { complete } = node.description ?? {};
  if (complete === "key") return [`complete -c tagseal -f -n ${condition(node)} -a '(__tagseal_key_ids)'`];
  return Array.isArray(complete)
    ? [`complete -c tagseal -f -n ${condition(node)} -a ${quote(complete.join(" "))}`]
    : [];
}

function valueOf(option: Option): string {
  if (option.kind === "switch") return " -f";
  if (option.complete === "file") return " -r -F";
  if (option.complete === "directory") return " -x -a '(__fish_complete_directories)'";
  if (option.complete === "key") return " -x -a '(__tagseal_key_ids)'";
  if (option.complete === "key or file") return " -r -F -a '(__tagseal_key_ids)'";
  if (option.complete === undefined) return " -x";
  return ` -x -a ${quote(option.complete.join(" "))}`;
}

function condition(node: CompletionNode): string {
  return quote(`__tagseal_at ${node.path}`.trimEnd());
}

function quote(text: string): string {
  return `'${text.replaceAll("\\", "\\\\").replaceAll("'", "\\'")}'`;
}
