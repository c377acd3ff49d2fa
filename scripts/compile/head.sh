#!/bin/sh
# parley @VERSION@ for @TARGET@, with all that it needs. Behind this script follow, compressed, the
# Deno runtime, the program in three files, and its table of ports. The first run unpacks them into a
# directory of the user's cache that is named by their hash; later runs start from there.
# `parley --verify-install` checks what is there.

runtime_size=@RUNTIME_SIZE@ runtime_packed=@RUNTIME_PACKED@
runtime_sum=@RUNTIME_SUM@
program_size=@PROGRAM_SIZE@ program_packed=@PROGRAM_PACKED@
program_sum=@PROGRAM_SUM@
names_size=@NAMES_SIZE@ names_packed=@NAMES_PACKED@
names_sum=@NAMES_SUM@
rest_size=@REST_SIZE@ rest_packed=@REST_PACKED@
rest_sum=@REST_SUM@
ports_size=@PORTS_SIZE@ ports_packed=@PORTS_PACKED@
ports_sum=@PORTS_SUM@
content=@CONTENT@

# A process costs some milliseconds at every start, so there is one, ls, before Deno.

# Sets uid to the effective user's number: by what the shell knows, by Linux's /proc, else by id(1).
know_uid() {
  uid=
  if [ -n "${BASH_VERSION-}" ]; then
    # shellcheck disable=SC3028
    uid=$EUID
  elif [ -r /proc/self/status ]; then
    while read -r key _ uid _; do
      [ "$key" != Uid: ] || break
    done </proc/self/status
  fi
  case $uid in
  "" | *[!0-9]*) uid=$(id -u) ;;
  esac
}

# Sets facts to the mode, owner and size of files, a line each, and asked to how many were asked for;
# POSIX has no stat(1).
look() {
  asked=$#
  # shellcheck disable=SC2012  # find(1) cannot say it portably either
  listed=$(LC_ALL=C ls -ldn -- "$@" 2>/dev/null)
  facts=
  set -f
  IFS='
'
  for line in $listed; do
    IFS=' '
    # shellcheck disable=SC2086  # its fields
    set -- $line
    # A mark behind the mode tells of further attributes.
    facts="$facts${1%[.+@]} $3 $5
"
  done
  unset IFS
  set +f
}

# Like look, for all directories above a path, the path, and MORE; / comes first.
# look_down PATH [MORE...]
look_down() {
  upper=$1
  while upper=${upper%/*} && [ -n "$upper" ]; do set -- "$upper" "$@"; done
  look / "$@"
}

# A path leads to what it led to when it was looked at if nobody else can rename what lies on it: all
# its directories belong to this user or to the administrator, and nobody else may write to them, but
# where the sticky bit, as in /tmp, keeps each from renaming what others own. sshd's StrictModes asks
# for the same. The administrator is root, and whoever / belongs to: in a user namespace, root may have
# no number of its own.

# Whether all lines of facts but the last N are those of such directories; with LINKS, of links, too.
# Leaves the last N in facts.
# settled N [LINKS]
settled() {
  kept=$1 links=${2-}
  set -f
  IFS='
'
  # shellcheck disable=SC2086  # its lines
  set -- $facts
  unset IFS
  set +f
  # Something may have been gone, or have a line feed in its name.
  [ $# -eq "$asked" ] || return 1
  admin=${1#* }
  admin=${admin%% *}
  facts=
  for line; do
    if [ $# -le "$kept" ]; then
      facts="$facts$line
"
    elif ! safe "$line"; then
      return 1
    fi
    shift
  done
}

# Whether a line of facts is that of a directory in which nobody else can rename, or of a link.
safe() {
  case $1 in
  "d"????"-"??"-"?" "* | "d"????????[tT]" "*) ;;
  "l"*) [ -n "$links" ] || return 1 ;;
  *) return 1 ;;
  esac
  owner=${1#* }
  owner=${owner%% *}
  [ "$owner" = "$uid" ] || [ "$owner" = 0 ] || [ "$owner" = "$admin" ]
}

# Whether a path is that of a directory, and has no link in it. Says so without a process of its own.
straight() {
  case $1/ in
  *//* | */./* | */../*) return 1 ;;
  esac
  upper=$1
  while [ -n "$upper" ]; do
    [ ! -L "$upper" ] || return 1
    upper=${upper%/*}
  done
  [ -d "$1" ]
}

# Sets real to the path of a directory without links. Fails where somebody else chooses where a link on
# the path leads to.
resolve() {
  real=$1
  ! straight "$1" || return 0
  real=$(cd -P -- "$1" 2>/dev/null && pwd -P) || return 1
  [ "$real" = "$1" ] || { look_down "$1" && settled 0 links; }
}

# Whether everything lies unpacked in ROOT, as it was put there, and nobody else can exchange it. Sets
# dir to where, without links: what is executed from there is what was looked at.
unpacked() {
  [ ! -L "$1" ] || return 1
  resolve "$1" || return 1
  dir=$real/$content
  look_down "$real" "$dir" "$dir/complete" "$dir/deno" "$dir/names.js" "$dir/parley.js" \
    "$dir/ports" "$dir/rest.js"
  settled 8 || return 1
  # In the order of ls: ROOT, the directory, complete, deno, names.js, parley.js, ports, rest.js.
  case $facts in
  "d"????"-"??"-"?" $uid "*"
drwx------ $uid "*"
-rw------- $uid 0
-r-x------ $uid $runtime_size
-r-------- $uid $names_size
-r-------- $uid $program_size
-r-------- $uid $ports_size
-r-------- $uid $rest_size
") return 0 ;;
  esac
  return 1
}

# Becomes Deno, with no more permissions than parley needs.
deno() {
  export DENO_NO_UPDATE_CHECK=1 DENO_NO_PACKAGE_JSON=1 DENO_DIR="$dir/cache"
  exec "$dir/deno" run --quiet --no-prompt --no-config --no-lock --no-remote --no-npm \
    @FLAGS@ "$@"
}

# Sets cache to the directory of the user's cache, and temporary to the one that is used where that one cannot be.
know_places() {
  case ${XDG_CACHE_HOME-} in
  /*) cache=$XDG_CACHE_HOME/parley ;;
  *)
    case ${HOME-} in
    /*) cache=$HOME/.cache/parley ;;
    *) cache= ;;
    esac
    ;;
  esac
  case ${TMPDIR-} in
  /*) temporary=$TMPDIR/parley-$uid ;;
  *) temporary=/tmp/parley-$uid ;;
  esac
}

# Becomes parley.
start() {
  # When it was last used. true, since a shell ends where : cannot be redirected.
  { true >"$dir/complete"; } 2>/dev/null
  deno "$dir/parley.js" "$@"
}

# The usual run. The shell parses what follows only where something must be unpacked.
know_uid
know_places
[ "${1-}" = --verify-install ] || [ -z "$cache" ] || ! unpacked "$cache" || start "$@"

# fail WHAT WHY CODE [HINT]
fail() {
  printf 'parley: %s: %s (%s)\n' "$1" "$2" "$3" >&2
  [ $# -lt 4 ] || printf 'hint: %s\n' "$4" >&2
  exit 1
}

# Ends the unpacking into ROOT where somebody else can exchange a directory that is there.
# guard ROOT DIRECTORY
guard() {
  (cd -P -- "$2") 2>/dev/null || exit 1
  resolve "$2" && look_down "$real" && settled 0 && return
  find_unsafe "$2" || find_unsafe "$real"
  refuse "$1" "$part"
}

# Sets part to the first directory or link on a path that somebody else can exchange. Fails where there
# is none.
find_unsafe() {
  upper=$1
  while upper=${upper%/*} && [ -n "$upper" ]; do set -- "$upper" "$@"; done
  for part; do
    look / "$part"
    settled 0 links || return 0
  done
  return 1
}

# refuse ROOT PART
refuse() {
  (fail "cannot unpack into $1" "$2 is another user's, or others may write to it" NOT_OWNED \
    "set XDG_CACHE_HOME to a directory of your own that nobody else can move, or see to ls -ld $2")
  exit 2
}

# Lets Deno keep the program as V8 has compiled it, which makes later starts faster, and the modules of Node that some
# commands load. Deno does so only if a program ends by itself, which parley never does. The command is one that needs
# parley.js and rest.js. Deno leaves what it keeps in a journal, which every start would read and check, and which would
# grow; the second run moves that into the database.
keep_compiled() (
  (deno --preload 'data:text/javascript,Deno.exit=()=>{};for(const name of
    ["crypto","dns","net","os","readline","stream","tls","url"])await import("node:"+name);
    await import(new URL("names.js",Deno.mainModule).href)' \
    "$dir/parley.js" completions bash)
  deno --no-code-cache 'data:text/javascript,import{DatabaseSync}from"node:sqlite";
    for(const{name}of[...Deno.readDirSync(Deno.args[0])])if(name.endsWith("-wal")){
      const database=new DatabaseSync(Deno.args[0]+"/"+name.slice(0,-4));
      database.exec("PRAGMA wal_checkpoint(TRUNCATE)");database.close()}' "$dir/cache"
) </dev/null >/dev/null 2>&1

# Removes from ROOT what other versions have unpacked, but the one that was used last. One that runs
# reads all that it needs as it starts: only a third version that starts at that moment is in its way.
remove_old() (
  cd -- "$1" || exit
  kept=
  # shellcheck disable=SC2045  # in the order of their last use; any other name is passed over
  for old in $(LC_ALL=C ls -dt -- */complete 2>/dev/null); do
    old=${old%/complete}
    case $old in
    "$content" | *[!0-9a-f]*) continue ;;
    esac
    [ ${#old} -eq ${#content} ] || continue
    look "$old"
    case $facts in
    "drwx------ $uid "*) ;;
    *) continue ;;
    esac
    if [ -z "$kept" ]; then
      kept=$old
    elif mv -- "$old" ".old.$$"; then # so that nobody starts from half of it
      rm -rf -- ".old.$$"
    fi
  done
) 2>/dev/null

sum() {
  if command -v sha256sum >/dev/null; then
    set -- "$(sha256sum <"$1")"
  else
    set -- "$(shasum -a 256 <"$1")"
  fi
  printf '%s\n' "${1%% *}"
}

# Whether the files in a directory are those that were packed.
genuine() {
  [ "$(sum "$1/deno")" = $runtime_sum ] && [ "$(sum "$1/parley.js")" = $program_sum ] &&
    [ "$(sum "$1/names.js")" = $names_sum ] && [ "$(sum "$1/rest.js")" = $rest_sum ] &&
    [ "$(sum "$1/ports")" = $ports_sum ]
}

# Prints what is packed in the next SIZE bytes of the last tail_size ones of the file, and takes SIZE from tail_size.
# take SIZE
take() {
  tail -c $tail_size "$self" | head -c "$1" | gzip -dc || return
  tail_size=$((tail_size - $1))
}

# Unpacks beside its place in ROOT and renames, so that nobody sees half of it. Ends with 1 where ROOT
# cannot be used, with 2 after it has said what is wrong.
unpack() (
  umask 077
  above=$1
  while [ ! -e "$above" ] && [ ! -L "$above" ]; do
    above=${above%/*}
    above=${above:-/}
  done
  guard "$1" "$above"
  mkdir -p -- "$1" 2>/dev/null
  [ -d "$1" ] || exit 1
  guard "$1" "$1"
  look "$1"
  case $facts in
  "d"????"-"??"-"?" $uid "*) ;;
  *) refuse "$1" "$1" ;;
  esac
  set -- "$real"
  new=$(mktemp -d "$1/.new.XXXXXX" 2>/dev/null) || exit 1
  trap 'rm -rf -- "$new"' EXIT
  trap 'exit 130' INT
  trap 'exit 143' HUP TERM
  {
    tail_size=$((runtime_packed + program_packed + names_packed + rest_packed + ports_packed))
    take $runtime_packed >"$new/deno" && take $program_packed >"$new/parley.js" &&
      take $names_packed >"$new/names.js" && take $rest_packed >"$new/rest.js" &&
      take $ports_packed >"$new/ports"
  } 2>/dev/null
  if ! genuine "$new"; then
    look "$new/deno" "$new/names.js" "$new/parley.js" "$new/ports" "$new/rest.js"
    case $facts in
    "-rw------- $uid $runtime_size
-rw------- $uid $names_size
-rw------- $uid $program_size
-rw------- $uid $ports_size
-rw------- $uid $rest_size
") why="it is not what was packed: the file is damaged" ;;
    *) why="the disk is full, or the file is damaged" ;;
    esac
    (fail "cannot unpack $self into $1" "$why" NOT_UNPACKED \
      "free some 100 MB there, or download parley again")
    exit 2
  fi
  chmod 500 "$new/deno" &&
    chmod 400 "$new/parley.js" "$new/names.js" "$new/rest.js" "$new/ports" || exit 1
  # Where nothing may be executed, another place may do.
  "$new/deno" --version >/dev/null 2>&1 || exit 1
  : >"$new/complete" || exit 1
  if ! unpacked "$1"; then
    place=$1/$content
    # What lies there is not whole: somebody changed it.
    [ ! -e "$place" ] || mv -- "$place" "$new.old" || exit 1
    mv -- "$new" "$place"
    # Another first run was quicker: this one's has landed in that one's directory.
    rm -rf -- "$new.old" "${place:?}/${new##*/}"
  fi
  unpacked "$1" || exit 1
  keep_compiled
  remove_old "$1"
  exit 0
)

# Sees to it that everything lies unpacked in ROOT. Returns 1 where ROOT cannot be used.
use() {
  if unpacked "$1"; then return; fi
  unpack "$1"
  ended=$?
  case $ended in
  0) unpacked "$1" ;;
  1) return 1 ;;
  2) exit 1 ;;
  *) exit $ended ;;
  esac
}

# Sets dir to where everything lies unpacked.
find_dir() {
  if [ -n "$cache" ] && use "$cache"; then return; fi
  if use "$temporary"; then return; fi
  fail "cannot unpack" "neither ${cache:-HOME} nor $temporary can be written to and executed from" \
    NOT_WRITABLE "set XDG_CACHE_HOME to a directory of your own"
}

self=$0
[ -f "$self" ] || self=$(command -v -- "$0")
find_dir

if [ "${1-}" = --verify-install ]; then
  genuine "$dir" || fail "$dir" "it is not what was unpacked" DAMAGED \
    "remove it: the next run unpacks it anew"
  # What is kept compiled has no hash; it is made anew.
  rm -rf -- "$dir/cache" 2>/dev/null && keep_compiled
  printf 'parley @VERSION@ in %s is whole\n' "$dir"
  exit 0
fi

start "$@"
