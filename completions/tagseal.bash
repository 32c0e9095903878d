# bash completion for tagseal. Put it where bash-completion looks, or: source <(tagseal completion bash)
_tagseal_words() {
  case "$1" in
  "") echo "trust build completion create doctor export help import install list login logout pull push run sandbox server sign signer uninstall verify version --help" ;;
  "trust") echo "key signer delete init inspect log recover-server revoke sign staged witness --help" ;;
  "trust key") echo "generate link load rotate tokens --help" ;;
  "trust key generate") echo "--dir --algorithm --role --gun --store --json --passphrase-fd --passphrase-command --passphrase-helper --help" ;;
  "trust key link") echo "--role --gun --dir --json --passphrase-fd --passphrase-command --passphrase-helper --help" ;;
  "trust key load") echo "--name --json --passphrase-fd --passphrase-command --passphrase-helper --help" ;;
  "trust key rotate") echo "--all-with-key --force -f --json --key -k --publisher-managed --remove-old --replace --server-managed -r --passphrase-fd --passphrase-command --passphrase-helper --help" ;;
  "trust key tokens") echo "--module --json --help" ;;
  "trust signer") echo "add remove --help" ;;
  "trust signer add") echo "--key --json --no-init --passphrase-fd --passphrase-command --passphrase-helper --help" ;;
  "trust signer remove") echo "--force -f --json --passphrase-fd --passphrase-command --passphrase-helper --help" ;;
  "trust delete") echo "--force -f --json --remote --help" ;;
  "trust init") echo "--json --root-certificate --root-key --passphrase-fd --passphrase-command --passphrase-helper --help" ;;
  "trust inspect") echo "--pretty --json --help" ;;
  "trust log") echo "--json --limit -n --help" ;;
  "trust recover-server") echo "--all --dry-run --undelete --new-server-keys --json --passphrase-fd --passphrase-command --passphrase-helper --help" ;;
  "trust revoke") echo "--yes -y --json --passphrase-fd --passphrase-command --passphrase-helper --help" ;;
  "trust sign") echo "--local --json --no-init --passphrase-fd --passphrase-command --passphrase-helper --help" ;;
  "trust staged") echo "--discard --force -f --json --number -n --publish --passphrase-fd --passphrase-command --passphrase-helper --help" ;;
  "trust witness") echo "--json --passphrase-fd --passphrase-command --passphrase-helper --help" ;;
  "build") echo "--disable-content-trust --allow-local --help" ;;
  "completion") echo "bash fish zsh --help" ;;
  "create") echo "--disable-content-trust --help" ;;
  "doctor") echo "--json --help" ;;
  "export") echo "--to --config --notary-config --data --database --signer-database --from --all-versions --json --quiet -q --help" ;;
  "help") echo "--help" ;;
  "import") echo "bundle hand-over notary-db notary-server --help" ;;
  "import bundle") echo "--config --notary-config --data --database --signer-database --json --quiet -q --help" ;;
  "import hand-over") echo "--json --passphrase-fd --passphrase-command --passphrase-helper --help" ;;
  "import notary-db") echo "--from --signer-from --config --notary-config --data --database --signer-database --json --quiet -q --help" ;;
  "import notary-server") echo "--rotate --config --notary-config --data --database --signer-database --json --quiet -q --passphrase-fd --passphrase-command --passphrase-helper --help" ;;
  "install") echo "--shim --help" ;;
  "list") echo "--json --quiet -q --max-staleness --help" ;;
  "login") echo "--username -u --password -p --password-stdin --json --help" ;;
  "logout") echo "--json --help" ;;
  "pull") echo "--to --platform --max-staleness --json --quiet -q --help" ;;
  "push") echo "--from --disable-content-trust --json --no-init --quiet -q --passphrase-fd --passphrase-command --passphrase-helper --help" ;;
  "run") echo "--disable-content-trust --help" ;;
  "sandbox") echo "--demo --data --registry-port --server-port --help" ;;
  "server") echo "backup check config gc limits list migrate raise show undelete --config --notary-config --data --database --listen --tls-cert --tls-key --accept-lost-keys --read-only --log-level --help" ;;
  "server backup") echo "--config --notary-config --data --database --to --json --help" ;;
  "server check") echo "--config --notary-config --data --database --signer-database --json --help" ;;
  "server config") echo "check --help" ;;
  "server config check") echo "--config --notary-config --data --database --connect --json --help" ;;
  "server gc") echo "--config --notary-config --data --database --dry-run --json --help" ;;
  "server limits") echo "--config --notary-config --data --database --json --help" ;;
  "server list") echo "--config --notary-config --data --database --signer-database --deleted --json --help" ;;
  "server migrate") echo "--config --notary-config --data --database --json --help" ;;
  "server raise") echo "--all --by --backup-age --dry-run --config --notary-config --data --database --json --help" ;;
  "server show") echo "--config --notary-config --data --database --signer-database --json --help" ;;
  "server undelete") echo "--config --notary-config --data --database --signer-database --deleted-at --dry-run --json --help" ;;
  "sign") echo "--from-registry --json --no-init --quiet -q --passphrase-fd --passphrase-command --passphrase-helper --help" ;;
  "signer") echo "backup import rekey --config --notary-config --data --database --listen --tls-cert --tls-key --client-ca --caller --log-level --help" ;;
  "signer backup") echo "--config --notary-config --data --database --to --json --help" ;;
  "signer import") echo "--config --notary-config --data --database --from --from-database --move --dry-run --json --help" ;;
  "signer rekey") echo "--config --notary-config --data --database --dry-run --json --help" ;;
  "uninstall") echo "--shim --help" ;;
  "verify") echo "--json --quiet -q --platform --max-staleness --help" ;;
  "version") echo "--json --help" ;;
  esac
}

_tagseal_value() {
  case "$1" in
  "trust key generate --dir") echo "directory" ;;
  "trust key generate --algorithm") echo "ecdsa rsa" ;;
  "trust key generate --role") echo "root targets" ;;
  "trust key generate --gun") echo "" ;;
  "trust key generate --store") echo "" ;;
  "trust key generate --passphrase-fd") echo "" ;;
  "trust key generate --passphrase-command") echo "" ;;
  "trust key generate --passphrase-helper") echo "" ;;
  "trust key link --role") echo "root targets" ;;
  "trust key link --gun") echo "" ;;
  "trust key link --dir") echo "directory" ;;
  "trust key link --passphrase-fd") echo "" ;;
  "trust key link --passphrase-command") echo "" ;;
  "trust key link --passphrase-helper") echo "" ;;
  "trust key load --name") echo "" ;;
  "trust key load --passphrase-fd") echo "" ;;
  "trust key load --passphrase-command") echo "" ;;
  "trust key load --passphrase-helper") echo "" ;;
  "trust key rotate --all-with-key") echo "" ;;
  "trust key rotate --key") echo "file" ;;
  "trust key rotate -k") echo "file" ;;
  "trust key rotate --replace") echo "" ;;
  "trust key rotate --passphrase-fd") echo "" ;;
  "trust key rotate --passphrase-command") echo "" ;;
  "trust key rotate --passphrase-helper") echo "" ;;
  "trust key tokens --module") echo "file" ;;
  "trust signer add --key") echo "file" ;;
  "trust signer add --passphrase-fd") echo "" ;;
  "trust signer add --passphrase-command") echo "" ;;
  "trust signer add --passphrase-helper") echo "" ;;
  "trust signer remove --passphrase-fd") echo "" ;;
  "trust signer remove --passphrase-command") echo "" ;;
  "trust signer remove --passphrase-helper") echo "" ;;
  "trust init --root-certificate") echo "file" ;;
  "trust init --root-key") echo "file" ;;
  "trust init --passphrase-fd") echo "" ;;
  "trust init --passphrase-command") echo "" ;;
  "trust init --passphrase-helper") echo "" ;;
  "trust log --limit") echo "" ;;
  "trust log -n") echo "" ;;
  "trust recover-server --passphrase-fd") echo "" ;;
  "trust recover-server --passphrase-command") echo "" ;;
  "trust recover-server --passphrase-helper") echo "" ;;
  "trust revoke --passphrase-fd") echo "" ;;
  "trust revoke --passphrase-command") echo "" ;;
  "trust revoke --passphrase-helper") echo "" ;;
  "trust sign --passphrase-fd") echo "" ;;
  "trust sign --passphrase-command") echo "" ;;
  "trust sign --passphrase-helper") echo "" ;;
  "trust staged --number") echo "" ;;
  "trust staged -n") echo "" ;;
  "trust staged --passphrase-fd") echo "" ;;
  "trust staged --passphrase-command") echo "" ;;
  "trust staged --passphrase-helper") echo "" ;;
  "trust witness --passphrase-fd") echo "" ;;
  "trust witness --passphrase-command") echo "" ;;
  "trust witness --passphrase-helper") echo "" ;;
  "export --to") echo "file" ;;
  "export --config") echo "file" ;;
  "export --notary-config") echo "file" ;;
  "export --data") echo "directory" ;;
  "export --database") echo "" ;;
  "export --signer-database") echo "" ;;
  "export --from") echo "" ;;
  "import bundle --config") echo "file" ;;
  "import bundle --notary-config") echo "file" ;;
  "import bundle --data") echo "directory" ;;
  "import bundle --database") echo "" ;;
  "import bundle --signer-database") echo "" ;;
  "import hand-over --passphrase-fd") echo "" ;;
  "import hand-over --passphrase-command") echo "" ;;
  "import hand-over --passphrase-helper") echo "" ;;
  "import notary-db --from") echo "file" ;;
  "import notary-db --signer-from") echo "file" ;;
  "import notary-db --config") echo "file" ;;
  "import notary-db --notary-config") echo "file" ;;
  "import notary-db --data") echo "directory" ;;
  "import notary-db --database") echo "" ;;
  "import notary-db --signer-database") echo "" ;;
  "import notary-server --config") echo "file" ;;
  "import notary-server --notary-config") echo "file" ;;
  "import notary-server --data") echo "directory" ;;
  "import notary-server --database") echo "" ;;
  "import notary-server --signer-database") echo "" ;;
  "import notary-server --passphrase-fd") echo "" ;;
  "import notary-server --passphrase-command") echo "" ;;
  "import notary-server --passphrase-helper") echo "" ;;
  "install --shim") echo "directory" ;;
  "list --max-staleness") echo "" ;;
  "login --username") echo "" ;;
  "login -u") echo "" ;;
  "login --password") echo "" ;;
  "login -p") echo "" ;;
  "pull --to") echo "" ;;
  "pull --platform") echo "linux/amd64 linux/arm64 linux/arm/v7 linux/386 linux/ppc64le linux/s390x linux/riscv64" ;;
  "pull --max-staleness") echo "" ;;
  "push --from") echo "" ;;
  "push --passphrase-fd") echo "" ;;
  "push --passphrase-command") echo "" ;;
  "push --passphrase-helper") echo "" ;;
  "sandbox --data") echo "directory" ;;
  "sandbox --registry-port") echo "" ;;
  "sandbox --server-port") echo "" ;;
  "server --config") echo "file" ;;
  "server --notary-config") echo "file" ;;
  "server --data") echo "directory" ;;
  "server --database") echo "" ;;
  "server --listen") echo "" ;;
  "server --tls-cert") echo "file" ;;
  "server --tls-key") echo "file" ;;
  "server --log-level") echo "debug info warning error" ;;
  "server backup --config") echo "file" ;;
  "server backup --notary-config") echo "file" ;;
  "server backup --data") echo "directory" ;;
  "server backup --database") echo "" ;;
  "server backup --to") echo "directory" ;;
  "server check --config") echo "file" ;;
  "server check --notary-config") echo "file" ;;
  "server check --data") echo "directory" ;;
  "server check --database") echo "" ;;
  "server check --signer-database") echo "" ;;
  "server config check --config") echo "file" ;;
  "server config check --notary-config") echo "file" ;;
  "server config check --data") echo "directory" ;;
  "server config check --database") echo "" ;;
  "server gc --config") echo "file" ;;
  "server gc --notary-config") echo "file" ;;
  "server gc --data") echo "directory" ;;
  "server gc --database") echo "" ;;
  "server limits --config") echo "file" ;;
  "server limits --notary-config") echo "file" ;;
  "server limits --data") echo "directory" ;;
  "server limits --database") echo "" ;;
  "server list --config") echo "file" ;;
  "server list --notary-config") echo "file" ;;
  "server list --data") echo "directory" ;;
  "server list --database") echo "" ;;
  "server list --signer-database") echo "" ;;
  "server migrate --config") echo "file" ;;
  "server migrate --notary-config") echo "file" ;;
  "server migrate --data") echo "directory" ;;
  "server migrate --database") echo "" ;;
  "server raise --by") echo "" ;;
  "server raise --backup-age") echo "" ;;
  "server raise --config") echo "file" ;;
  "server raise --notary-config") echo "file" ;;
  "server raise --data") echo "directory" ;;
  "server raise --database") echo "" ;;
  "server show --config") echo "file" ;;
  "server show --notary-config") echo "file" ;;
  "server show --data") echo "directory" ;;
  "server show --database") echo "" ;;
  "server show --signer-database") echo "" ;;
  "server undelete --config") echo "file" ;;
  "server undelete --notary-config") echo "file" ;;
  "server undelete --data") echo "directory" ;;
  "server undelete --database") echo "" ;;
  "server undelete --signer-database") echo "" ;;
  "server undelete --deleted-at") echo "" ;;
  "sign --passphrase-fd") echo "" ;;
  "sign --passphrase-command") echo "" ;;
  "sign --passphrase-helper") echo "" ;;
  "signer --config") echo "file" ;;
  "signer --notary-config") echo "file" ;;
  "signer --data") echo "directory" ;;
  "signer --database") echo "" ;;
  "signer --listen") echo "" ;;
  "signer --tls-cert") echo "file" ;;
  "signer --tls-key") echo "file" ;;
  "signer --client-ca") echo "file" ;;
  "signer --caller") echo "" ;;
  "signer --log-level") echo "debug info warning error" ;;
  "signer backup --config") echo "file" ;;
  "signer backup --notary-config") echo "file" ;;
  "signer backup --data") echo "directory" ;;
  "signer backup --database") echo "" ;;
  "signer backup --to") echo "directory" ;;
  "signer import --config") echo "file" ;;
  "signer import --notary-config") echo "file" ;;
  "signer import --data") echo "directory" ;;
  "signer import --database") echo "" ;;
  "signer import --from") echo "directory" ;;
  "signer import --from-database") echo "" ;;
  "signer rekey --config") echo "file" ;;
  "signer rekey --notary-config") echo "file" ;;
  "signer rekey --data") echo "directory" ;;
  "signer rekey --database") echo "" ;;
  "uninstall --shim") echo "directory" ;;
  "verify --platform") echo "linux/amd64 linux/arm64 linux/arm/v7 linux/386 linux/ppc64le linux/s390x linux/riscv64" ;;
  "verify --max-staleness") echo "" ;;
  *) return 1 ;;
  esac
}

_tagseal() {
  local current="${COMP_WORDS[COMP_CWORD]}" previous="${COMP_WORDS[COMP_CWORD - 1]}" path="" word candidate first=1
  # What help explains are the other commands.
  [[ ${COMP_WORDS[1]} == help && COMP_CWORD -gt 1 ]] && first=2
  for word in "${COMP_WORDS[@]:first:COMP_CWORD-first}"; do
    candidate="${path:+$path }$word"
    case " $(_tagseal_words "$path") " in *" $word "*) [[ $word == -* ]] || path="$candidate" ;; esac
  done
  local kind
  if kind=$(_tagseal_value "$path $previous"); then
    case "$kind" in
    file) mapfile -t COMPREPLY < <(compgen -f -- "$current") ;;
    directory) mapfile -t COMPREPLY < <(compgen -d -- "$current") ;;
    *) mapfile -t COMPREPLY < <(compgen -W "$kind" -- "$current") ;;
    esac
    return
  fi
  mapfile -t COMPREPLY < <(compgen -W "$(_tagseal_words "$path")" -- "$current")
  [[ ${#COMPREPLY[@]} -gt 0 || $current == -* ]] || mapfile -t COMPREPLY < <(compgen -f -- "$current")
}
complete -F _tagseal tagseal
