import { type CompletionNode, visibleOptions } from "./completion-tree.ts";

/** bash expands the words it offers, so a file name that is not a key ID must not be among them. */
const keyFunction = `_tagseal_key_ids() {
  local trust="\${DOCKER_CONFIG:-$HOME/.docker}/trust" file
  for file in "$trust"/private/*.key "$trust"/tagseal/linked-keys/*.json; do
    file="\${file##*/}"
    file="\${file%.*}"
    [[ $file =~ ^[0-9a-f]{64}$ ]] && printf '%s\\n' "$file"
  done
}`;

const completionFunction = `_tagseal() {
  local current="\${COMP_WORDS[COMP_CWORD]}" previous="\${COMP_WORDS[COMP_CWORD - 1]}" path="" word candidate first=1
  # What help explains are the other commands.
  [[ \${COMP_WORDS[1]} == help && COMP_CWORD -gt 1 ]] && first=2
  for word in "\${COMP_WORDS[@]:first:COMP_CWORD-first}"; do
    candidate="\${path:+$path }$word"
    case " $(_tagseal_words "$path") " in *" $word "*) [[ $word == -* ]] || path="$candidate" ;; esac
  done
  local kind ids=""
  if kind=$(_tagseal_value "$path $previous"); then
    case "$kind" in
    file) mapfile -t COMPREPLY < <(compgen -f -- "$current") ;;
    directory) mapfile -t COMPREPLY < <(compgen -d -- "$current") ;;
    key) mapfile -t COMPREPLY < <(compgen -W "$(_tagseal_key_ids)" -- "$current") ;;
    "key or file") mapfile -t COMPREPLY < <(compgen -f -W "$(_tagseal_key_ids)" -- "$current") ;;
    *) mapfile -t COMPREPLY < <(compgen -W "$kind" -- "$current") ;;
    esac
    return
  fi
  _tagseal_takes_keys "$path" && ids="$(_tagseal_key_ids)"
  mapfile -t COMPREPLY < <(compgen -W "$(_tagseal_words "$path") $ids" -- "$current")
  _tagseal_takes_keys "$path" && return
  [[ \${#COMPREPLY[@]} -gt 0 || $current == -* ]] || mapfile -t COMPREPLY < <(compgen -f -- "$current")
}`;

/** The completion script for bash 4 and later; works with and without the bash-completion package. */
export function bashScript(nodes: readonly CompletionNode[]): string {
  return `# bash completion for tagseal. Put it where bash-completion looks, or: source <(tagseal completion bash)
_tagseal_words() {
  case "$1" in
${nodes.map(wordsCase).join("\n")}
  esac
}

_tagseal_value() {
  case "$1" in
${nodes.flatMap(valueCases).join("\n")}
  *) return 1 ;;
  esac
}

_tagseal_takes_keys() {
  case "$1" in
  ${nodes
    .filter(({ description }) => description?.complete === "key")
    .map(({ path }) => `"${path}"`)
    .join(" | ")}) return 0 ;;
  *) return 1 ;;
  esac
}

${keyFunction}

${completionFunction}
complete -F _tagseal tagseal
`;
}

function wordsCase(node: CompletionNode): string {
  const fixed = Array.isArray(node.description?.complete) ? node.description.complete : [];
  const flags = visibleOptions(node).flatMap(([name, { short }]) =>
    short === undefined ? [`--${name}`] : [`--${name}`, `-${short}`],
  );
  const words = [...node.children.map(({ name }) => name), ...fixed, ...flags];
  return `  "${node.path}") echo "${words.join(" ")}" ;;`;
}

function valueCases(node: CompletionNode): string[] {
  return visibleOptions(node).flatMap(([name, option]) => {
    if (option.kind === "switch") return [];
    const { complete } = option;
    const kind = complete === undefined ? "" : typeof complete === "string" ? complete : complete.join(" ");
    const spellings = option.short === undefined ? [`--${name}`] : [`--${name}`, `-${option.short}`];
    return spellings.map((spelling) => `  "${node.path} ${spelling}") echo "${kind}" ;;`);
  });
}
