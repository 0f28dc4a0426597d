"""One boot of ExOS or Linux by scripts/run: a command in, its output out."""
import os
import subprocess

from common import BUILD, ROOT, Failure, say

# Under counted time waiting costs nothing; Linux's start-up work ends before anything is measured.
SETTLE = "sleep 3; "
TIMED_OUT, GUEST_FAILED = 124, 125
LIMIT_S = 240


def system(side):
    """The options of scripts/run that boot this side."""
    return {"linux": ["--linux"], "defaults": ["--linux-defaults"]}.get(side, ["--direct"])


def is_linux(side):
    return side in ("linux", "defaults")


def arguments(side, command, *options):
    """The disk of our own programs and busybox, unless the options make another."""
    disk = [] if "--packages" in options else ["--disk", "small"]
    return [os.path.join(ROOT, "scripts/run"), *system(side), "--tcg", "--scratch", *disk, *options, "--exec", command]


def environment():
    return dict(os.environ, EXOS_NO_BUILD="1", EXOS_BUILD=BUILD)


def boot(side, command, *options, limit=LIMIT_S):
    """The command's output, whatever its status. A guest that fails is an error."""
    done = subprocess.run(arguments(side, command, "--timeout", str(limit), *options), env=environment(),
                          stdin=subprocess.DEVNULL, capture_output=True, text=True, errors="replace")
    if done.returncode in (TIMED_OUT, GUEST_FAILED):
        raise Failure(f"{side}: {command}\n{done.stderr.strip()}")
    return done.stdout


def run(side, command, *options, limit=LIMIT_S):
    """The same, on a system that has settled; a guest that fails is booted once more, and that is said."""
    command = (SETTLE if is_linux(side) else "") + command
    try:
        return boot(side, command, *options, limit=limit)
    except Failure as e:
        say(f"{str(e).splitlines()[-1][:200]}: once more")
        return boot(side, command, *options, limit=limit)
