# bash completion for tagseal. Put it where bash-completion looks, or: source <(tagseal completion bash)
_tagseal_words() {
  case "$1" in
  "") echo "trust build completion create doctor export help import install list login logout pull push run sandbox server sign signer uninstall verify version --help" ;;
  "trust") echo "delegation key root signer target approve delete init inspect log proposals recover recover-server renew revoke sign staged status withdraw witness --help" ;;
  "trust delegation") echo "add list purge remove --help" ;;
  "trust delegation add") echo "--paths --all-paths --threshold --json --out --propose --passphrase-fd --passphrase-command --passphrase-helper --help" ;;
  "trust delegation list") echo "--json --help" ;;
  "trust delegation purge") echo "--key --force -y --json --out --propose --passphrase-fd --passphrase-command --passphrase-helper --help" ;;
  "trust delegation remove") echo "--paths --all-paths --force -y --json --out --propose --passphrase-fd --passphrase-command --passphrase-helper --help" ;;
  "trust key") echo "backup export generate import link list load passphrase remove restore rotate show tokens --help" ;;
  "trust key backup") echo "--to --gun --recipient -r --recipients-file --identity --shares --shares-to --qr-to --with-passphrase --armor -a --force -f --list --json --passphrase-fd --passphrase-command --passphrase-helper --help" ;;
  "trust key export") echo "--all --gun --public --to -o --force -f --json --passphrase-fd --passphrase-command --passphrase-helper --help" ;;
  "trust key generate") echo "--dir --algorithm --role --gun --store --json --passphrase-fd --passphrase-command --passphrase-helper --help" ;;
  "trust key import") echo "--role -r --gun -g --store --remove-file --json --passphrase-fd --passphrase-command --passphrase-helper --help" ;;
  "trust key link") echo "--role --gun --dir --json --passphrase-fd --passphrase-command --passphrase-helper --help" ;;
  "trust key list") echo "--no-trunc --quiet -q --json --help" ;;
  "trust key load") echo "--name --json --passphrase-fd --passphrase-command --passphrase-helper --help" ;;
  "trust key passphrase") echo "--all --json --new-passphrase-fd --new-passphrase-command --passphrase-fd --passphrase-command --passphrase-helper --help" ;;
  "trust key remove") echo "--force -f --json --help" ;;
  "trust key restore") echo "--identity -i --share --shares --identity-to --dry-run --json --passphrase-fd --passphrase-command --passphrase-helper --help" ;;
  "trust key rotate") echo "--all-with-key --force -f --json --key -k --publisher-managed --remove-old --replace --server-managed -r --threshold --out --propose --passphrase-fd --passphrase-command --passphrase-helper --help" ;;
  "trust key show") echo "--public --json --passphrase-fd --passphrase-command --passphrase-helper --help" ;;
  "trust key tokens") echo "--module --json --help" ;;
  "trust root") echo "add-spare list --help" ;;
  "trust root add-spare") echo "--all-with-key --json --key -k --out -o --store --propose --proposal-out --passphrase-fd --passphrase-command --passphrase-helper --help" ;;
  "trust root list") echo "--json --help" ;;
  "trust signer") echo "add list remove --help" ;;
  "trust signer add") echo "--key --json --no-init --out --propose --passphrase-fd --passphrase-command --passphrase-helper --help" ;;
  "trust signer list") echo "--json --help" ;;
  "trust signer remove") echo "--force -f --json --out --propose --passphrase-fd --passphrase-command --passphrase-helper --help" ;;
  "trust target") echo "add list lookup remove verify --help" ;;
  "trust target add") echo "--role -r --custom --sha256 --sha512 --size --json --out --propose --no-init --passphrase-fd --passphrase-command --passphrase-helper --help" ;;
  "trust target list") echo "--role -r --json --max-staleness --help" ;;
  "trust target lookup") echo "--json --max-staleness --help" ;;
  "trust target remove") echo "--role -r --json --out --propose --passphrase-fd --passphrase-command --passphrase-helper --help" ;;
  "trust target verify") echo "--input -i --output -o --quiet -q --json --max-staleness --help" ;;
  "trust approve") echo "--in --json --out --yes -y --passphrase-fd --passphrase-command --passphrase-helper --help" ;;
  "trust delete") echo "--force -f --json --remote --help" ;;
  "trust init") echo "--json --root-certificate --root-key --threshold --passphrase-fd --passphrase-command --passphrase-helper --help" ;;
  "trust inspect") echo "--pretty --json --help" ;;
  "trust log") echo "--json --limit -n --help" ;;
  "trust proposals") echo "--in --json --help" ;;
  "trust recover") echo "--all-with-key --expired --force -f --json --key -k --leaked --lost --rehearse --remove-old --replace --spare --without-spare --yes -y --passphrase-fd --passphrase-command --passphrase-helper --help" ;;
  "trust recover-server") echo "--all --dry-run --undelete --new-server-keys --json --passphrase-fd --passphrase-command --passphrase-helper --help" ;;
  "trust renew") echo "--all --json --out --propose --passphrase-fd --passphrase-command --passphrase-helper --help" ;;
  "trust revoke") echo "--yes -y --json --out --propose --passphrase-fd --passphrase-command --passphrase-helper --help" ;;
  "trust sign") echo "--local --json --no-init --out --propose --passphrase-fd --passphrase-command --passphrase-helper --help" ;;
  "trust staged") echo "--discard --force -f --json --number -n --publish --passphrase-fd --passphrase-command --passphrase-helper --help" ;;
  "trust status") echo "--all --check --json --within --help" ;;
  "trust withdraw") echo "--json --help" ;;
  "trust witness") echo "--json --out --propose --passphrase-fd --passphrase-command --passphrase-helper --help" ;;
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
  "sign") echo "--from-registry --json --no-init --out --propose --quiet -q --passphrase-fd --passphrase-command --passphrase-helper --help" ;;
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
  "trust delegation add --paths") echo "" ;;
  "trust delegation add --threshold") echo "" ;;
  "trust delegation add --out") echo "file" ;;
  "trust delegation add --passphrase-fd") echo "" ;;
  "trust delegation add --passphrase-command") echo "" ;;
  "trust delegation add --passphrase-helper") echo "" ;;
  "trust delegation purge --key") echo "" ;;
  "trust delegation purge --out") echo "file" ;;
  "trust delegation purge --passphrase-fd") echo "" ;;
  "trust delegation purge --passphrase-command") echo "" ;;
  "trust delegation purge --passphrase-helper") echo "" ;;
  "trust delegation remove --paths") echo "" ;;
  "trust delegation remove --out") echo "file" ;;
  "trust delegation remove --passphrase-fd") echo "" ;;
  "trust delegation remove --passphrase-command") echo "" ;;
  "trust delegation remove --passphrase-helper") echo "" ;;
  "trust key backup --to") echo "file" ;;
  "trust key backup --gun") echo "" ;;
  "trust key backup --recipient") echo "" ;;
  "trust key backup -r") echo "" ;;
  "trust key backup --recipients-file") echo "file" ;;
  "trust key backup --identity") echo "file" ;;
  "trust key backup --shares") echo "" ;;
  "trust key backup --shares-to") echo "directory" ;;
  "trust key backup --qr-to") echo "directory" ;;
  "trust key backup --list") echo "file" ;;
  "trust key backup --passphrase-fd") echo "" ;;
  "trust key backup --passphrase-command") echo "" ;;
  "trust key backup --passphrase-helper") echo "" ;;
  "trust key export --gun") echo "" ;;
  "trust key export --to") echo "file" ;;
  "trust key export -o") echo "file" ;;
  "trust key export --passphrase-fd") echo "" ;;
  "trust key export --passphrase-command") echo "" ;;
  "trust key export --passphrase-helper") echo "" ;;
  "trust key generate --dir") echo "directory" ;;
  "trust key generate --algorithm") echo "ecdsa rsa" ;;
  "trust key generate --role") echo "root targets" ;;
  "trust key generate --gun") echo "" ;;
  "trust key generate --store") echo "" ;;
  "trust key generate --passphrase-fd") echo "" ;;
  "trust key generate --passphrase-command") echo "" ;;
  "trust key generate --passphrase-helper") echo "" ;;
  "trust key import --role") echo "" ;;
  "trust key import -r") echo "" ;;
  "trust key import --gun") echo "" ;;
  "trust key import -g") echo "" ;;
  "trust key import --store") echo "" ;;
  "trust key import --passphrase-fd") echo "" ;;
  "trust key import --passphrase-command") echo "" ;;
  "trust key import --passphrase-helper") echo "" ;;
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
  "trust key passphrase --new-passphrase-fd") echo "" ;;
  "trust key passphrase --new-passphrase-command") echo "" ;;
  "trust key passphrase --passphrase-fd") echo "" ;;
  "trust key passphrase --passphrase-command") echo "" ;;
  "trust key passphrase --passphrase-helper") echo "" ;;
  "trust key restore --identity") echo "file" ;;
  "trust key restore -i") echo "file" ;;
  "trust key restore --share") echo "file" ;;
  "trust key restore --identity-to") echo "file" ;;
  "trust key restore --passphrase-fd") echo "" ;;
  "trust key restore --passphrase-command") echo "" ;;
  "trust key restore --passphrase-helper") echo "" ;;
  "trust key rotate --all-with-key") echo "key" ;;
  "trust key rotate --key") echo "key or file" ;;
  "trust key rotate -k") echo "key or file" ;;
  "trust key rotate --replace") echo "key" ;;
  "trust key rotate --threshold") echo "" ;;
  "trust key rotate --out") echo "file" ;;
  "trust key rotate --passphrase-fd") echo "" ;;
  "trust key rotate --passphrase-command") echo "" ;;
  "trust key rotate --passphrase-helper") echo "" ;;
  "trust key show --passphrase-fd") echo "" ;;
  "trust key show --passphrase-command") echo "" ;;
  "trust key show --passphrase-helper") echo "" ;;
  "trust key tokens --module") echo "file" ;;
  "trust root add-spare --all-with-key") echo "key" ;;
  "trust root add-spare --key") echo "key or file" ;;
  "trust root add-spare -k") echo "key or file" ;;
  "trust root add-spare --out") echo "file" ;;
  "trust root add-spare -o") echo "file" ;;
  "trust root add-spare --store") echo "" ;;
  "trust root add-spare --proposal-out") echo "file" ;;
  "trust root add-spare --passphrase-fd") echo "" ;;
  "trust root add-spare --passphrase-command") echo "" ;;
  "trust root add-spare --passphrase-helper") echo "" ;;
  "trust signer add --key") echo "file" ;;
  "trust signer add --out") echo "file" ;;
  "trust signer add --passphrase-fd") echo "" ;;
  "trust signer add --passphrase-command") echo "" ;;
  "trust signer add --passphrase-helper") echo "" ;;
  "trust signer remove --out") echo "file" ;;
  "trust signer remove --passphrase-fd") echo "" ;;
  "trust signer remove --passphrase-command") echo "" ;;
  "trust signer remove --passphrase-helper") echo "" ;;
  "trust target add --role") echo "" ;;
  "trust target add -r") echo "" ;;
  "trust target add --custom") echo "file" ;;
  "trust target add --sha256") echo "" ;;
  "trust target add --sha512") echo "" ;;
  "trust target add --size") echo "" ;;
  "trust target add --out") echo "file" ;;
  "trust target add --passphrase-fd") echo "" ;;
  "trust target add --passphrase-command") echo "" ;;
  "trust target add --passphrase-helper") echo "" ;;
  "trust target list --role") echo "" ;;
  "trust target list -r") echo "" ;;
  "trust target list --max-staleness") echo "" ;;
  "trust target lookup --max-staleness") echo "" ;;
  "trust target remove --role") echo "" ;;
  "trust target remove -r") echo "" ;;
  "trust target remove --out") echo "file" ;;
  "trust target remove --passphrase-fd") echo "" ;;
  "trust target remove --passphrase-command") echo "" ;;
  "trust target remove --passphrase-helper") echo "" ;;
  "trust target verify --input") echo "file" ;;
  "trust target verify -i") echo "file" ;;
  "trust target verify --output") echo "file" ;;
  "trust target verify -o") echo "file" ;;
  "trust target verify --max-staleness") echo "" ;;
  "trust approve --in") echo "file" ;;
  "trust approve --out") echo "file" ;;
  "trust approve --passphrase-fd") echo "" ;;
  "trust approve --passphrase-command") echo "" ;;
  "trust approve --passphrase-helper") echo "" ;;
  "trust init --root-certificate") echo "file" ;;
  "trust init --root-key") echo "key or file" ;;
  "trust init --threshold") echo "" ;;
  "trust init --passphrase-fd") echo "" ;;
  "trust init --passphrase-command") echo "" ;;
  "trust init --passphrase-helper") echo "" ;;
  "trust log --limit") echo "" ;;
  "trust log -n") echo "" ;;
  "trust proposals --in") echo "file" ;;
  "trust recover --all-with-key") echo "key" ;;
  "trust recover --key") echo "key or file" ;;
  "trust recover -k") echo "key or file" ;;
  "trust recover --leaked") echo "" ;;
  "trust recover --lost") echo "" ;;
  "trust recover --replace") echo "key" ;;
  "trust recover --spare") echo "key or file" ;;
  "trust recover --passphrase-fd") echo "" ;;
  "trust recover --passphrase-command") echo "" ;;
  "trust recover --passphrase-helper") echo "" ;;
  "trust recover-server --passphrase-fd") echo "" ;;
  "trust recover-server --passphrase-command") echo "" ;;
  "trust recover-server --passphrase-helper") echo "" ;;
  "trust renew --out") echo "file" ;;
  "trust renew --passphrase-fd") echo "" ;;
  "trust renew --passphrase-command") echo "" ;;
  "trust renew --passphrase-helper") echo "" ;;
  "trust revoke --out") echo "file" ;;
  "trust revoke --passphrase-fd") echo "" ;;
  "trust revoke --passphrase-command") echo "" ;;
  "trust revoke --passphrase-helper") echo "" ;;
  "trust sign --out") echo "file" ;;
  "trust sign --passphrase-fd") echo "" ;;
  "trust sign --passphrase-command") echo "" ;;
  "trust sign --passphrase-helper") echo "" ;;
  "trust staged --number") echo "" ;;
  "trust staged -n") echo "" ;;
  "trust staged --passphrase-fd") echo "" ;;
  "trust staged --passphrase-command") echo "" ;;
  "trust staged --passphrase-helper") echo "" ;;
  "trust status --within") echo "" ;;
  "trust witness --out") echo "file" ;;
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
  "sign --out") echo "file" ;;
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

_tagseal_takes_keys() {
  case "$1" in
  "trust key backup" | "trust key export" | "trust key passphrase" | "trust key remove" | "trust key show") return 0 ;;
  *) return 1 ;;
  esac
}

_tagseal_key_ids() {
  local trust="${DOCKER_CONFIG:-$HOME/.docker}/trust" file
  for file in "$trust"/private/*.key "$trust"/tagseal/linked-keys/*.json; do
    file="${file##*/}"
    file="${file%.*}"
    [[ $file =~ ^[0-9a-f]{64}$ ]] && printf '%s\n' "$file"
  done
}

_tagseal() {
  local current="${COMP_WORDS[COMP_CWORD]}" previous="${COMP_WORDS[COMP_CWORD - 1]}" path="" word candidate first=1
  # What help explains are the other commands.
  [[ ${COMP_WORDS[1]} == help && COMP_CWORD -gt 1 ]] && first=2
  for word in "${COMP_WORDS[@]:first:COMP_CWORD-first}"; do
    candidate="${path:+$path }$word"
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
  [[ ${#COMPREPLY[@]} -gt 0 || $current == -* ]] || mapfile -t COMPREPLY < <(compgen -f -- "$current")
}
complete -F _tagseal tagseal
