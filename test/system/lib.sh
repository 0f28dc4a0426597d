# lib.sh: what the system tests share. A test sources it, says `plan N`, and makes N points:
#
#   guest_exec 'COMMAND' [scripts/run option...]   sets $out (its output) and $status
#   tap_ok NAME COMMAND...      a point that holds if the host command succeeds
#   tap_is NAME GOT WANT        a point that holds if the two are equal
#   tap_like NAME GOT REGEX     a point that holds if the (extended) expression matches
#   tap_guest NAME 'COMMAND' WANT-STATUS WANT-OUTPUT [option...]   both at once, for a guest command
#   tap_from_guest 'COMMAND' [option...]    the guest program's own TAP, as this test's output
#   tap_same_on_linux SCRIPT [option...]    the whole test: what a bash script prints between the lines that its function
#                               `title NAME` prints is the same on ExOS and on Linux, with many of Debian's packages
#
# The environment holds EXOS_ROOT, EXOS_BUILD, TEST_NAME, TEST_WORK (a directory to write in)
# and TEST_PROGRAMS (this test's compiled guest programs, NAME and NAME.linux).

TAP_POINT=0
GUEST_LIMIT=${GUEST_LIMIT:-60}

plan()
{
    echo "1..$1"
}

tap_diag()
{
    printf '%s\n' "$*" | sed 's/^/# /'
}

tap_point()
{
    TAP_POINT=$((TAP_POINT + 1))
    echo "$1 $TAP_POINT - $2"
}

tap_ok()
{
    local name=$1 said
    shift
    if said=$("$@" 2>&1); then
        tap_point ok "$name"
    else
        tap_point "not ok" "$name"
        tap_diag "failed: $*"
        [ -z "$said" ] || tap_diag "$said"
    fi
}

tap_is()
{
    if [ "$2" = "$3" ]; then
        tap_point ok "$1"
    else
        tap_point "not ok" "$1"
        tap_diag "got:  $2"
        tap_diag "want: $3"
    fi
}

tap_like()
{
    if printf '%s\n' "$2" | grep -qE -- "$3"; then
        tap_point ok "$1"
    else
        tap_point "not ok" "$1"
        tap_diag "got: $2"
        tap_diag "does not match: $3"
    fi
}

run_guest()
{
    "$EXOS_ROOT/scripts/run" --build "$EXOS_BUILD" --timeout "$GUEST_LIMIT" "$@" </dev/null
}

# Boots directly and with a private copy of the small disk; options may say otherwise (--iso, --uefi with
# it, --linux, --packages NAMES, --disk FILE, which is then written to).
guest_exec()
{
    local command=$1 how=(--direct --scratch --disk small)
    shift
    case " $* " in
        *" --disk "*) how=(--direct) ;;
        *" --packages "*) how=(--direct --scratch) ;;
    esac
    status=0
    out=$(run_guest "${how[@]}" "$@" --exec "$command" 2>"$TEST_WORK/guest.err") || status=$?
    case $status in
        124 | 125) tap_diag "$command: $(cat "$TEST_WORK/guest.err")" ;;
    esac
}

tap_guest()
{
    local name=$1 command=$2 want_status=$3 want=$4
    shift 4
    guest_exec "$command" "$@"
    tap_is "$name" "$status:$out" "$want_status:$want"
}

tap_from_guest()
{
    guest_exec "$@"
    printf '%s\n' "$out"
    if [ "$status" != 0 ]; then
        tap_diag "the guest's program ended with status $status"
        exit 1
    fi
}

# One disk for all the tests that compare.
DEBIAN_PACKAGES="busybox-static ca-certificates curl diffutils e2fsprogs findutils gawk gcc git gzip iproute2 libc6-dev lua5.4 make perl procps python3
    redis-server redis-tools sqlite3 tar tcc util-linux xz-utils"

work_part()
{
    sed -n "/^--- $1\$/,/^---/p" "$2" | grep -v '^---'
}

tap_same_on_linux()
{
    local script=$1 system titles title
    shift
    titles=$(sed -n 's/^title //p' "$script")
    plan $(($(wc -w <<<"$titles") + 1))
    for system in linux exos; do
        guest_exec 'exec bash /root/work.sh 2>&1' --packages "$DEBIAN_PACKAGES" --mem 512 --add "$script:/root/work.sh" "$@" \
            $([ $system = exos ] || echo --linux)
        printf '%s\n' "$out" >"$TEST_WORK/$system"
    done
    for title in $titles; do
        tap_is "$title" "$(work_part "$title" "$TEST_WORK/exos")" "$(work_part "$title" "$TEST_WORK/linux")"
    done
    tap_is "the Linux side did it all" "$(tail -n 1 "$TEST_WORK/linux")" "--- end"
}
