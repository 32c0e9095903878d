#!/bin/sh
# Installs the tagseal executable of a release, once its SHA-256 is right.
#
#   sh install.sh --from URL [--version VERSION] [--sha256 SUM] [--to DIR]
#
# URL is where the files of a release are. The sum comes from SHA256SUMS there, or from you. When anything is wrong, nothing is installed and
# nothing is left behind.
set -eu

# A release writes its version here, and its address if it has one.
release_version=""
release_url=""

usage() {
  cat <<'USAGE'
Usage: install.sh --from URL [OPTIONS]

Downloads tagseal for this machine, checks its SHA-256 and installs it.

  --from URL         where the files of a release are; https (default: TAGSEAL_DOWNLOAD_URL)
  --version VERSION  install this version (default: the one that is there)
  --sha256 SUM       expect this SHA-256 instead of the one in SHA256SUMS
  --to DIR           install into this directory (default: /usr/local/bin, or ~/.local/bin if that is not writable)
  --help             show this text

Needs curl or wget, and sha256sum, shasum or openssl.
USAGE
}

refuse() {
  printf 'install.sh: %s\n' "$1" >&2
  exit 1
}

has() {
  command -v "$1" >/dev/null 2>&1
}

read_arguments() {
  while [ $# -gt 0 ]; do
    case $1 in
      --help) usage && exit 0 ;;
      --from | --version | --sha256 | --to)
        [ -n "${2:-}" ] || refuse "$1 needs a value; see --help."
        case $1 in
          --from) url=$2 ;;
          --version) version=$2 ;;
          --sha256) expected=$2 ;;
          --to) directory=$2 ;;
        esac
        shift 2
        ;;
      *) refuse "\"$1\" is not an option; see --help." ;;
    esac
  done
}

check_arguments() {
  [ -n "$url" ] || refuse "No release is published yet, so there is no address to download from: give --from URL."
  url=${url%/}
  # For messages: the address without a user name and a password.
  after_scheme=${url#*://}
  authority=${after_scheme%%/*}
  place=${url%"$after_scheme"}${authority##*@}${after_scheme#"$authority"}
  case $url in
    *[[:space:]]* | *[[:cntrl:]]*) refuse "The address contains a space or a control character." ;;
    http://*@*) refuse "$place does not begin with https://." ;;
    https://?* | http://localhost[:/]* | http://127.0.0.1[:/]* | 'http://[::1]'[:/]*) ;;
    *) refuse "$place does not begin with https://." ;;
  esac
  version=${version#v}
  case $version in
    *[!0-9A-Za-z.-]* | -* | .*) refuse "\"$version\" is not a version such as 0.1.0." ;;
  esac
  expected=$(printf %s "$expected" | tr ABCDEF abcdef)
  [ -z "$expected" ] || is_sum "$expected" || refuse "The expected SHA-256 does not have 64 hexadecimal digits."
  [ -z "$expected" ] || [ -n "$version" ] || refuse "An expected SHA-256 belongs to one version: give --version, too."
}

is_sum() {
  case $1 in
    *[!0-9a-f]*) return 1 ;;
  esac
  [ ${#1} -eq 64 ]
}

find_platform() {
  system=$(uname -s) machine=$(uname -m)
  case $system in
    Linux) os=linux ;;
    Darwin) os=darwin ;;
    *) refuse "There is no tagseal for $system: there is one for Linux and macOS." ;;
  esac
  case $machine in
    x86_64 | amd64) cpu=x64 ;;
    aarch64 | arm64) cpu=arm64 ;;
    *) refuse "There is no tagseal for $machine processors: there is one for x86_64 and arm64." ;;
  esac
  # A shell that Rosetta translates takes the machine for an older one.
  if [ "$os-$cpu" = darwin-x64 ] && [ "$(sysctl -n sysctl.proc_translated 2>/dev/null)" = 1 ]; then cpu=arm64; fi
  platform=$os-$cpu
}

find_programs() {
  if has curl; then
    downloader=curl
  elif has wget; then
    downloader=wget
    wget --version >/dev/null 2>&1 || downloader=busybox_wget
  else
    refuse "Neither curl nor wget is installed: install one of them."
  fi
  if has sha256sum; then
    summer=sha256sum
  elif has shasum; then
    summer=shasum
  elif has openssl; then
    summer=openssl
  else
    refuse "Neither sha256sum nor shasum nor openssl is installed: install one of them."
  fi
}

find_directory() {
  if [ -z "$directory" ]; then
    if [ -d /usr/local/bin ] && [ -w /usr/local/bin ]; then
      directory=/usr/local/bin
    else
      [ -n "${HOME:-}" ] || refuse "/usr/local/bin is not writable and HOME is not set: give --to DIR."
      directory=$HOME/.local/bin
    fi
  fi
  case $directory in
    /*) ;;
    *) directory=$(pwd)/$directory ;;
  esac
  ancestor=$directory
  while [ ! -e "$ancestor" ] && [ ! -L "$ancestor" ]; do ancestor=$(dirname "$ancestor"); done
  [ -d "$ancestor" ] || refuse "Cannot install into $directory: $ancestor is not a directory."
  [ -w "$ancestor" ] || refuse "Cannot install into $directory: $ancestor is not writable."
  [ ! -d "$directory/tagseal" ] || refuse "$directory/tagseal is a directory: give another with --to."
}

download() { # NAME FILE
  case $downloader in
    curl)
      set -- "$@" --fail --silent --show-error --location --connect-timeout 30 --speed-limit 1 --speed-time 60
      case $url in
        https:*) set -- "$@" --proto '=https' ;;
        *) set -- "$@" --proto '=https,http' ;;
      esac
      name=$1 file=$2
      shift 2
      curl "$@" --output "$file" -- "$url/$name"
      ;;
    wget)
      name=$1 file=$2
      set -- --tries=2 --timeout=60
      # It would follow a redirect to http, and nothing else proves the sums.
      [ "$name" != SHA256SUMS ] || set -- "$@" --max-redirect=0
      wget "$@" -q -O "$file" "$url/$name"
      ;;
    busybox_wget) wget -T 60 -q -O "$2" "$url/$1" ;;
  esac
}

sum_of() {
  case $summer in
    sha256sum) sha256sum <"$1" ;;
    shasum) shasum -a 256 <"$1" ;;
    openssl) openssl dgst -sha256 -r <"$1" ;;
  esac | cut -c 1-64
}

download_sums() {
  case $downloader-$url in
    busybox_wget-https:*)
      refuse "The wget here does not check certificates: install curl, or give --version and --sha256."
      ;;
    wget-*) reason=" without a redirect" ;;
    *) reason="" ;;
  esac
  download SHA256SUMS "$temporary/SHA256SUMS" || refuse "$place/SHA256SUMS could not be downloaded$reason."
}

# The version for this machine in the sums, if there is exactly one.
find_version() {
  found=$(awk -v end="-$platform" '
    { name = $2; sub(/^\*/, "", name) }
    NF == 2 && index(name, "tagseal-") == 1 && substr(name, length(name) - length(end) + 1) == end {
      print substr(name, 9, length(name) - 8 - length(end))
    }' "$temporary/SHA256SUMS")
  case $found in
    "") refuse "SHA256SUMS of $place has no tagseal for $platform." ;;
    *[!0-9A-Za-z.-]*) refuse "SHA256SUMS of $place has several versions for $platform: choose one with --version." ;;
  esac
  version=$found
}

find_sum() {
  expected=$(awk -v name="tagseal-$version-$platform" '
    NF == 2 && ($2 == name || $2 == "*" name) { print $1 }' "$temporary/SHA256SUMS")
  [ -n "$expected" ] || refuse "SHA256SUMS of $place has no tagseal $version for $platform."
  is_sum "$expected" || refuse "SHA256SUMS of $place has no usable sum of tagseal $version for $platform."
}

put_in_place() {
  mkdir -p "$directory" || refuse "Cannot make the directory $directory."
  staged=$(mktemp "$directory/.tagseal-install.XXXXXX") || refuse "Cannot write into $directory."
  { cp "$temporary/tagseal" "$staged" && chmod 755 "$staged"; } || refuse "Cannot write into $directory."
  said=$("$staged" version 2>/dev/null) || said=""
  [ "$said" = "tagseal $version" ] ||
    refuse "The executable is right but does not start here: it needs glibc on Linux, and AVX2 on x86_64 processors."
  mv -f "$staged" "$directory/tagseal" || refuse "Cannot write $directory/tagseal."
}

# Removes what is not finished, and directories that were made for it.
clean_up() {
  [ -z "$temporary" ] || rm -rf "$temporary"
  [ -z "$staged" ] || rm -f "$staged"
  while [ -n "$ancestor" ] && [ "$directory" != "$ancestor" ]; do
    rmdir "$directory" 2>/dev/null || break
    directory=$(dirname "$directory")
  done
}

main() {
  url=${TAGSEAL_DOWNLOAD_URL:-$release_url} version=$release_version expected="" directory=""
  temporary="" staged="" ancestor=""
  read_arguments "$@"
  check_arguments
  find_platform
  find_programs
  find_directory
  trap clean_up EXIT
  trap 'exit 129' HUP
  trap 'exit 130' INT
  trap 'exit 143' TERM
  temporary=$(mktemp -d "${TMPDIR:-/tmp}/tagseal-install.XXXXXX") || refuse "Cannot make a temporary directory."
  if [ -z "$expected" ]; then
    download_sums
    [ -n "$version" ] || find_version
    find_sum
  fi
  file=tagseal-$version-$platform
  download "$file" "$temporary/tagseal" || refuse "$place/tagseal-$version-$platform could not be downloaded."
  sum=$(sum_of "$temporary/tagseal")
  [ "$sum" = "$expected" ] ||
    refuse "tagseal-$version-$platform from $place is not the file of the release: expected SHA-256 $expected, got $sum."
  installed=$directory/tagseal
  put_in_place
  printf 'Installed %s (tagseal %s)\n' "$installed" "$version"
  case :$PATH: in
    *:"$directory":*) ;;
    *) printf '%s\n' "It is not in your PATH. Add it: export PATH=\"$directory:\$PATH\"" ;;
  esac
}

# The last line: a script that was cut off does nothing.
main "$@"
