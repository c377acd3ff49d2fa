#!/bin/sh
# Installs parley: picks the file for this machine, downloads it, checks its SHA-256 sum, and puts it
# into ~/.local/bin.
#
#   sh install.sh [VERSION]
#
# PARLEY_FROM is the address of the releases, instead of GitHub; PARLEY_BIN is the directory to install to.

set -eu

# A release fills this in for its copy of the script.
repository=@REPOSITORY@

# fail WHAT WHY CODE [HINT]
fail() {
  printf 'install.sh: %s: %s (%s)\n' "$1" "$2" "$3" >&2
  [ $# -lt 4 ] || printf 'hint: %s\n' "$4" >&2
  exit 1
}

have() {
  command -v "$1" >/dev/null 2>&1
}

target() {
  system=$(uname -s) machine=$(uname -m)
  case $machine in
  x86_64 | amd64) machine=x86_64 ;;
  arm64 | aarch64) machine=aarch64 ;;
  *) unsupported ;;
  esac
  case $system in
  Linux)
    # parley is linked against glibc.
    if have ldd && ldd --version 2>&1 | grep -q musl; then
      system="Linux with musl" unsupported
    fi
    echo "$machine-unknown-linux-gnu"
    ;;
  Darwin) echo "$machine-apple-darwin" ;;
  *) unsupported ;;
  esac
}

unsupported() {
  fail "cannot install" "there is no parley for $system on $machine" UNSUPPORTED \
    "with Node, it runs from source: see README.md"
}

# Checks the programs that the script needs before it does anything.
require_tools() {
  have curl || have wget ||
    fail "cannot download" "neither curl nor wget is here" NO_CLIENT "install one of them"
  have sha256sum || have shasum ||
    fail "cannot check a download" "neither sha256sum nor shasum is here" NO_SHA256
}

# fetch URL FILE: downloads. If the address starts with https, every redirect must lead to https as well.
fetch() {
  if have curl; then
    case $1 in
    https:*) curl --proto '=https' --proto-redir '=https' --tlsv1.2 -fsSL -o "$2" "$1" ;;
    *) curl -fsSL -o "$2" "$1" ;;
    esac
  else
    case $1 in
    https:*) fetch_by_wget "$1" "$2" ;;
    *) wget -q -O "$2" "$1" ;;
    esac
  fi
}

# fetch_by_wget URL FILE: for https. wget itself would follow a redirect to http (--https-only is for links in
# a page), so this function checks each redirect before it follows it.
fetch_by_wget() {
  wget --help 2>&1 | grep -q -e --max-redirect ||
    { echo "this wget cannot be limited to https: install curl" >&2 && return 1; }
  url=$1
  for _ in 1 2 3 4 5 6 7 8 9 10; do
    wget -nv -S --max-redirect=0 -O "$2" "$url" 2>"$scratch/answer" && return
    to=$(sed -n 's/^ *[Ll][Oo][Cc][Aa][Tt][Ii][Oo][Nn]: *//p' "$scratch/answer" | tail -n 1 | tr -d '\r')
    case $to in
    "") cat "$scratch/answer" >&2 && return 1 ;;
    https://*) url=$to ;;
    //*) url=https:$to ;;
    /*) url=$(echo "$url" | sed 's|^\(https://[^/]*\).*|\1|')$to ;;
    *) echo "the server redirects to $to, which is not https" >&2 && return 1 ;;
    esac
  done
  echo "the server redirects too often" >&2
  return 1
}

download() {
  fetch "$1" "$2" 2>"$scratch/error" && return
  why=$(tail -n 1 "$scratch/error" | tr -cd '[:print:]')
  fail "cannot download $1" "${why:-the server did not send it}" NOT_DOWNLOADED \
    "check the network, and that this version has been released"
}

sum() {
  if have sha256sum; then
    set -- "$(sha256sum <"$1")"
  else
    set -- "$(shasum -a 256 <"$1")"
  fi
  echo "${1%% *}"
}

main() {
  case ${PARLEY_FROM:-$repository} in
  @*) fail "cannot install" "this copy of install.sh is not one of a release" NO_RELEASE \
    "set PARLEY_FROM to the address of the releases, or use the copy that a release carries" ;;
  esac
  from=${PARLEY_FROM:-https://github.com/$repository/releases}
  require_tools
  bin=${PARLEY_BIN:-${HOME:?is not set: set PARLEY_BIN to the directory to install to}/.local/bin}
  platform=$(target)
  version=${1:-}
  if [ -n "$version" ]; then from=$from/download/v${version#v}; else from=$from/latest/download; fi

  scratch=$(mktemp -d)
  trap 'rm -rf "$scratch"' EXIT
  trap 'exit 130' INT
  trap 'exit 143' HUP TERM

  download "$from/SHA256SUMS" "$scratch/SHA256SUMS"
  # The name contains the version, so look for the line that ends with this platform.
  line=$(grep -E "^[0-9a-f]{64}  parley-[0-9A-Za-z.+-]+-$platform\$" "$scratch/SHA256SUMS") ||
    fail "cannot install" "this release has no parley for $platform" UNSUPPORTED
  name=${line#*  }
  download "$from/$name" "$scratch/parley"
  if [ "$(sum "$scratch/parley")" != "${line%% *}" ]; then
    fail "cannot install $name" "its SHA-256 sum is not the one in SHA256SUMS" WRONG_CHECKSUM \
      "the download was damaged or changed on the way: nothing is installed"
  fi

  mkdir -p "$bin"
  # Written under another name and then renamed, so that bin/parley is always complete.
  cp "$scratch/parley" "$bin/.parley.$$"
  chmod 755 "$bin/.parley.$$"
  mv -f "$bin/.parley.$$" "$bin/parley"
  "$bin/parley" --version >"$scratch/answer" 2>&1 ||
    fail "$bin/parley does not start" "$(head -n 1 "$scratch/answer")" NOT_STARTED
  echo "installed $(head -n 1 "$scratch/answer") as $bin/parley"
  case :$PATH: in
  *":$bin:"*) ;;
  *) echo "hint: $bin is not on your PATH" ;;
  esac
}

# When the shell reads this line, the whole script has arrived.
main "$@"
