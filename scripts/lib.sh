# lib.sh: what every script here needs: where things are, how to talk, how to stop.
# Sourced by bash scripts, which set PROG first.

# What a user's environment would slip into a build, and how it would sort and speak.
unset CDPATH CFLAGS CPPFLAGS LDFLAGS ASM_NASMFLAGS DESTDIR MAKEFLAGS MAKELEVEL
unset CPATH C_INCLUDE_PATH LIBRARY_PATH LD_RUN_PATH GCC_EXEC_PREFIX
export LC_ALL=C.UTF-8
umask 022

ROOT=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd -P)
BUILD=$(realpath -m "${EXOS_BUILD:-$ROOT/build}")
DEPS=$(realpath -m "${EXOS_DEPS:-$ROOT/build/deps}")
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

# Shows the lines on stdin: one moving line on a terminal, the line of every tenth second elsewhere.
show_progress()
{
    local line last=0
    SECONDS=0
    while IFS= read -r line; do
        [ ${#line} -le 78 ] || line="${line:0:25}...${line: -50}"
        if [ -t 2 ]; then
            printf '\r%s\033[K' "$line" >&2
            last=1
        elif [ $((SECONDS / 10)) -gt $last ]; then
            last=$((SECONDS / 10))
            say "$line"
        fi
    done
    [ ! -t 2 ] || [ $last = 0 ] || printf '\r\033[K' >&2
}

# quietly LOG COMMAND...: runs the command with its output in LOG; shows the end of LOG if it fails.
quietly()
{
    local log=$1
    shift
    if ! (set -o pipefail && "$@" 2>&1 | tee "$log" | show_progress); then
        tail -n 25 "$log" >&2
        die "failed: $* (the whole output is in $log)"
    fi
}

# One such script at a time works below a directory; the others wait.
lock_dir()
{
    if ! mkdir -p "$1" 2>/dev/null || ! : 2>/dev/null >>"$1/.lock"; then
        die "cannot write in $1: give it to $(id -un) (root may have made it), or set EXOS_BUILD and" \
            "EXOS_DEPS to directories that can be written"
    fi
    exec 9>>"$1/.lock"
    if ! flock -n 9; then
        say "waiting for another $(basename "$1") run to finish"
        flock 9
    fi
}

sha256_is()
{
    [ -f "$1" ] && [ "$(sha256sum <"$1" | cut -d' ' -f1)" = "$2" ]
}
