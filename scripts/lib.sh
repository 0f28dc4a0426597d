# lib.sh: what every script here needs: where things are, how to talk, how to stop.
# Sourced by bash scripts, which set PROG first.

ROOT=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
BUILD=${EXOS_BUILD:-$ROOT/build}
DEPS=${EXOS_DEPS:-$ROOT/build/deps}
PROG=${PROG:-$(basename "$0")}
PATH=$PATH:/usr/sbin:/sbin    # mke2fs and its kin are not on a plain user's path

say()
{
    printf '%s: %s\n' "$PROG" "$*" >&2
}

die()
{
    say "$*"
    exit 1
}

# Prints the comment block at the head of the calling script.
show_help()
{
    sed -n '2,/^[^#]/{/^#/{s/^# \{0,1\}//;p}}' "$0"
}

# quietly LOG COMMAND...: runs the command with its output in LOG; shows the end of LOG if it fails.
quietly()
{
    local log=$1
    shift
    if ! "$@" >"$log" 2>&1; then
        tail -n 25 "$log" >&2
        die "failed: $* (the whole output is in $log)"
    fi
}

# One such script at a time works below a directory; the others wait.
lock_dir()
{
    mkdir -p "$1"
    exec 9>"$1/.lock"
    if ! flock -n 9; then
        say "waiting for another $(basename "$1") run to finish"
        flock 9
    fi
}

sha256_is()
{
    [ -f "$1" ] && [ "$(sha256sum <"$1" | cut -d' ' -f1)" = "$2" ]
}
