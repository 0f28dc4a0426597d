# apt.sh: packages by the machine's own apt, of which nothing is changed but its lists and what is asked for.
# Sourced after lib.sh.

lock_wait_s=900

# Said before anything is redirected: packages need root, and sudo is the only other way to it.
require_root()
{
    [ "$(id -u)" = 0 ] || command -v sudo >/dev/null ||
        die "$* needs root and there is no sudo here: run scripts/setup once as root"
}

as_root()
{
    if [ "$(id -u)" = 0 ]; then
        "$@"
    else
        sudo "$@"
    fi
}

# Another apt (a fresh machine refreshes itself) is waited for: apt-get does so when it installs,
# but not when it updates.
apt_update()
{
    local log=$DEPS/apt-update.log waited
    require_root "refreshing the package lists"
    say "refreshing the package lists"
    for ((waited = 0; waited < lock_wait_s; waited += 5)); do
        (set -o pipefail; as_root apt-get -q update 2>&1 | tee "$log" | show_progress) && return
        grep -q 'Could not get lock' "$log" || break
        [ $waited != 0 ] || say "waiting for another apt to finish"
        sleep 5
    done
    # An unrelated source that cannot be reached must not stop us: whether the packages
    # can be had is seen when they are asked for.
    say "apt-get update had complaints (see $log); going on"
}
