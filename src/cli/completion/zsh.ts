import { type CompletionNode, visibleOptions } from "./completion-tree.ts";
import type { Option } from "../options/option.ts";

/** The completion script for zsh. */
export function zshScript(nodes: readonly CompletionNode[]): string {
  return `#compdef tagseal
# zsh completion for tagseal: tagseal completion zsh > "\${fpath[1]}/_tagseal"
${nodes.map(zshFunction).join("\n")}
${keyFunction}
_tagseal "$@"
`;
}

const keyFunction = `_tagseal_key_ids() {
  local trust="\${DOCKER_CONFIG:-$HOME/.docker}/trust" id
  local -a ids
  for id in $trust/private/*.key(N:t:r) $trust/tagseal/linked-keys/*.json(N:t:r); do
    [[ \${#id} -eq 64 && $id != *[^0-9a-f]* ]] && ids+=($id)
  done
  compadd "$@" -a ids
}

_tagseal_key_ids_or_files() {
  _alternative 'keys:key:_tagseal_key_ids' 'files:file:_files'
}
`;

function zshFunction(node: CompletionNode): string {
  return node.description === undefined ? groupFunction(node) : commandFunction(node);
}

function groupFunction(node: CompletionNode): string {
  const commands = node.children.map(({ name, summary }) => `    ${quote(`${name}:${escaped(summary)}`)}`).join("\n");
  const cases = node.children
    .map(({ name }) => `    ${name}) ${functionName(node.path === "" ? name : `${node.path} ${name}`)} ;;`)
    .join("\n");
  return `${functionName(node.path)}() {
  local context state state_descr line
  typeset -A opt_args
  _arguments -C '--help[Explain this command]' '1: :->command' '*:: :->rest'
  case $state in
  command)
    local -a commands=(
${commands}
    )
    _describe command commands
    ;;
  rest)
    case $line[1] in
${cases}
    esac
    ;;
  esac
}
`;
}

function commandFunction(node: CompletionNode): string {
  // The arguments of help are other commands: completion begins again at the top.
  if (node.description?.complete === "commands") return `${functionName(node.path)}() {\n  _tagseal\n}\n`;
  const specs = visibleOptions(node).flatMap(([name, option]) => optionSpecs(name, option));
  return `${functionName(node.path)}() {
  _arguments -s ${[...specs, argumentSpec(node)].map((spec) => `\\\n    ${quote(spec)}`).join(" ")}
}
`;
}

function optionSpecs(name: string, option: Option): string[] {
  const text = `[${escaped(option.help)}]`;
  const value = option.kind === "switch" ? "" : `:${option.value}:${action(option)}`;
  const repeat = option.kind === "list" ? "*" : "";
  const long = `${repeat}--${name}${option.kind === "switch" ? "" : "="}${text}${value}`;
  return option.short === undefined ? [long] : [long, `${repeat}-${option.short}${text}${value}`];
}

function action(option: Exclude<Option, { kind: "switch" }>): string {
  if (option.complete === "file") return "_files";
  if (option.complete === "directory") return "_files -/";
  if (option.complete === "key") return "_tagseal_key_ids";
  if (option.complete === "key or file") return "_tagseal_key_ids_or_files";
  return option.complete === undefined ? " " : `(${option.complete.join(" ")})`;
}

function argumentSpec(node: CompletionNode): string {
  const { complete } = node.description ?? {};
  if (complete === "key") return "*:key:_tagseal_key_ids";
  return Array.isArray(complete) ? `*: :(${complete.join(" ")})` : "*: :_files";
}

function functionName(path: string): string {
  return path === "" ? "_tagseal" : `_tagseal_${path.replaceAll(/[ -]/g, "_")}`;
}

/** Brackets and colons have a meaning in _arguments. */
function escaped(text: string): string {
  return text.replaceAll(/[[\]:\\]/g, String.raw`\$&`);
}

function quote(text: string): string {
  return `'${text.replaceAll("'", `'\\''`)}'`;
}
