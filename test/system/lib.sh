# lib.sh: what the system tests share. A test sources it, says `plan N`, and makes N points:
#
#   guest_exec 'COMMAND' [scripts/run option...]   sets $out (its output) and $status
#   tap_ok NAME COMMAND...      a point that holds if the host command succeeds
#   tap_is NAME GOT WANT        a point that holds if the two are equal
#   tap_like NAME GOT REGEX     a point that holds if the (extended) expression matches
#   tap_guest NAME 'COMMAND' WANT-STATUS WANT-OUTPUT [option...]   both at once, for a guest command
#   tap_from_guest 'COMMAND' [option...]    the guest program's own TAP, as this test's output
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

# Boots directly and with a private copy of the disk; options may say otherwise (--iso, --uefi with
# it, --linux, --disk FILE, which is then written to).
guest_exec()
{
    local command=$1 how=(--direct --scratch)
    shift
    case " $* " in *" --disk "*) how=(--direct) ;; esac
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
