"""One boot of ExOS or Linux by scripts/run: a command in, its output out."""
import contextlib
import os
import subprocess

from common import BUILD, ROOT, Failure, say

# Under counted time waiting costs nothing; Linux's start-up work ends before anything is measured.
SETTLE = "sleep 3; "
TIMED_OUT, GUEST_FAILED = 124, 125
LIMIT_S = 240
running = set()


def system(side):
    """The options of scripts/run that boot this side."""
    return {"linux": ["--linux"], "defaults": ["--linux-defaults"]}.get(side, ["--direct"])


def is_linux(side):
    return side in ("linux", "defaults")


def arguments(side, command, *options):
    """The disk of our own programs and busybox, unless the options make another."""
    disk = [] if "--packages" in options else ["--disk", "small"]
    return [os.path.join(ROOT, "scripts/run"), *system(side), "--tcg", "--scratch", *disk, *options, "--exec", command]


@contextlib.contextmanager
def started(side, command, *options, **pipes):
    """The process of a boot; it has ended, one way or another, when the caller is through with it."""
    process = subprocess.Popen(arguments(side, command, *options), stdin=subprocess.DEVNULL,
                               env=dict(os.environ, EXOS_NO_BUILD="1", EXOS_BUILD=BUILD), **pipes)
    running.add(process)
    try:
        yield process
    finally:
        process.terminate()
        process.wait()
        running.discard(process)


def end_all():
    """Whoever waits for a guest finds that it has ended."""
    for process in list(running):
        process.terminate()


def boot(side, command, *options, limit=LIMIT_S):
    """The command's output, whatever its status. A guest that fails is an error."""
    with started(side, command, "--timeout", str(limit), *options, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                 text=True, errors="replace") as process:
        out, err = process.communicate()
    if process.returncode in (TIMED_OUT, GUEST_FAILED):
        raise Failure(f"{side}: {command}\n{err.strip()}")
    return out


def run(side, command, *options, limit=LIMIT_S):
    """The same, on a system that has settled; a guest that fails is booted once more, and that is said."""
    command = (SETTLE if is_linux(side) else "") + command
    try:
        return boot(side, command, *options, limit=limit)
    except Failure as e:
        say(f"{str(e).splitlines()[-1][:200]}: once more")
        return boot(side, command, *options, limit=limit)
