#!/bin/sh
# parley @VERSION@ for @TARGET@, with all that it needs. Behind this script follow, compressed, the
# Deno runtime and the program. The first run unpacks them into a directory of the user's cache that
# is named by their hash; later runs start from there. `parley --verify-install` checks what is there.

runtime_size=@RUNTIME_SIZE@ runtime_packed=@RUNTIME_PACKED@
runtime_sum=@RUNTIME_SUM@
program_size=@PROGRAM_SIZE@ program_packed=@PROGRAM_PACKED@
program_sum=@PROGRAM_SUM@
content=@CONTENT@

# fail WHAT WHY CODE [HINT]
fail() {
  printf 'parley: %s: %s (%s)\n' "$1" "$2" "$3" >&2
  [ $# -lt 4 ] || printf 'hint: %s\n' "$4" >&2
  exit 1
}

# The mode, owner and size of files, one line each; POSIX has no stat(1). Nothing where one is missing.
facts() {
  # shellcheck disable=SC2012  # find(1) cannot say it portably either
  LC_ALL=C ls -ldn -- "$@" 2>/dev/null | while read -r mode _ owner _ size _; do
    # A mark behind the mode tells of further attributes.
    printf '%s %s %s\n' "${mode%[.+@]}" "$owner" "$size"
  done
}

# Whether a directory is this user's, and nobody else may write to it; a link is none.
owned() {
  case $(facts "$1") in
  "d"????"-"??"-"?" $uid "*) return 0 ;;
  esac
  return 1
}

# Whether everything lies unpacked in ROOT, as it was put there.
unpacked() {
  owned "$1" || return 1
  dir=$1/$content
  # In the order of ls: the directory, complete, deno, parley.js.
  case $(facts "$dir" "$dir/complete" "$dir/deno" "$dir/parley.js") in
  "drwx------ $uid "*"
-r-------- $uid 0
-r-x------ $uid $runtime_size
-r-------- $uid $program_size") return 0 ;;
  esac
  return 1
}

sum() {
  if command -v sha256sum >/dev/null; then
    set -- "$(sha256sum <"$1")"
  else
    set -- "$(shasum -a 256 <"$1")"
  fi
  printf '%s\n' "${1%% *}"
}

# Whether the two files in a directory are those that were packed.
genuine() {
  [ "$(sum "$1/deno")" = $runtime_sum ] && [ "$(sum "$1/parley.js")" = $program_sum ]
}

# Unpacks beside its place in ROOT and renames, so that nobody sees half of it. Ends with 1 where ROOT
# cannot be used, with 2 after it has said what is wrong.
unpack() (
  umask 077
  mkdir -p -- "$1" 2>/dev/null
  [ -d "$1" ] || exit 1
  if ! owned "$1"; then
    (fail "cannot unpack into $1" "it is another user's, or others may write to it" NOT_OWNED \
      "set XDG_CACHE_HOME to a directory of your own, or remove that one")
    exit 2
  fi
  new=$(mktemp -d "$1/.new.XXXXXX" 2>/dev/null) || exit 1
  trap 'rm -rf -- "$new"' EXIT
  trap 'exit 130' INT
  trap 'exit 143' HUP TERM
  {
    tail -c $((runtime_packed + program_packed)) "$self" | head -c $runtime_packed |
      gzip -dc >"$new/deno" &&
      tail -c $program_packed "$self" | gzip -dc >"$new/parley.js"
  } 2>/dev/null
  if ! genuine "$new"; then
    case $(facts "$new/deno" "$new/parley.js") in
    "-rw------- $uid $runtime_size
-rw------- $uid $program_size") why="it is not what was packed: the file is damaged" ;;
    *) why="the disk is full, or the file is damaged" ;;
    esac
    (fail "cannot unpack $self into $1" "$why" NOT_UNPACKED \
      "free some 100 MB there, or download parley again")
    exit 2
  fi
  chmod 500 "$new/deno" && chmod 400 "$new/parley.js" || exit 1
  # Where nothing may be executed, another place may do.
  "$new/deno" --version >/dev/null 2>&1 || exit 1
  (umask 377 && : >"$new/complete") || exit 1
  if ! unpacked "$1"; then
    place=$1/$content
    # What lies there is not whole: somebody changed it.
    [ ! -e "$place" ] || mv -- "$place" "$new.old" || exit 1
    mv -- "$new" "$place"
    # Another first run was quicker: this one's has landed in that one's directory.
    rm -rf -- "$new.old" "${place:?}/${new##*/}"
  fi
  unpacked "$1"
)

# Prints nothing, sets root: where everything lies unpacked.
find_root() {
  uid=$(id -u)
  temporary=${TMPDIR:-/tmp}/parley-$uid
  case ${XDG_CACHE_HOME-} in
  /*) cache=$XDG_CACHE_HOME/parley ;;
  *)
    case ${HOME-} in
    /*) cache=$HOME/.cache/parley ;;
    *) cache=$temporary ;;
    esac
    ;;
  esac
  for root in "$cache" "$temporary"; do
    if unpacked "$root"; then return; fi
    unpack "$root"
    status=$?
    case $status in
    0) return ;;
    1) ;;
    2) exit 1 ;;
    *) exit $status ;;
    esac
  done
  fail "cannot unpack" "neither $cache nor $temporary can be written to and executed from" \
    NOT_WRITABLE "set XDG_CACHE_HOME to a directory of your own"
}

self=$0
[ -f "$self" ] || self=$(command -v -- "$0")
find_root
unpacked=$root/$content

if [ "${1-}" = --verify-install ]; then
  genuine "$unpacked" || fail "$unpacked" "it is not what was unpacked" DAMAGED \
    "remove it: the next run unpacks it anew"
  printf 'parley @VERSION@ in %s is whole\n' "$unpacked"
  exit 0
fi

export DENO_NO_UPDATE_CHECK=1 DENO_NO_PACKAGE_JSON=1 DENO_DIR="$unpacked/cache"
exec "$unpacked/deno" run --quiet --no-prompt --no-config --no-lock --no-remote --no-npm \
  @FLAGS@ "$unpacked/parley.js" "$@"
