"""The application suite: Debian's programs, unmodified, on both sides from the same disk image. What they do is apps.sh."""
import functools
import os
import subprocess

import counting
import guest
from common import OUT, ROOT, Failure

GROUP = "applications"
HERE = os.path.dirname(os.path.abspath(__file__))
PACKAGES = "tcc libc6-dev sqlite3 redis-server redis-tools findutils tar python3-minimal lua5.4 nginx-light"
LIMIT_S = 480
SIDES = ("unmodified", "linux", "defaults")
REDIS = 6000            # requests of each kind; apps.sh

# name in apps.sh, name in the report, what one operation is, operations in one run
APPS = [
    ("shell_loop", "shell: fork + exec of /bin/true", "one of a thousand (quick: of two hundred), by dash", None),
    ("tar_tree", "tar of /usr/include", "1 500 files into one archive", 1),
    ("compile", "tcc builds a project", "the sources of httpd, 14 files", 1),
    ("sqlite", "sqlite3", "tables, indexes, joins, changes in a file; work.sql", 1),
    ("redis", "redis-benchmark -P 16", "a request: SET, GET or INCR, server and client", 3 * REDIS),
    ("find_grep", "find and grep", "all files of /usr", 1),
    ("grep_tree", "grep -r and sort", "/usr/include", 1),
    ("python_start", "python3 starts", "print(1)", 1),
    ("lua_start", "lua starts", "print(1)", 1),
    ("python_compute", "python3 computes (control)", "no system calls: should be equal", 1),
    ("lua_compute", "lua computes (control)", "no system calls: should be equal", 1),
]
LOOPS = {True: 200, False: 1000}        # of the shell: [quick]
UNWARMED = ("shell_loop",)              # a loop warms itself


@functools.cache
def files():
    """What is put onto the disk: made before steps run side by side."""
    os.makedirs(OUT, exist_ok=True)
    source = os.path.join(OUT, "source.tar")
    subprocess.run(["tar", "--sort=name", "--mtime=@0", "--owner=0", "--group=0", "-C", os.path.join(ROOT, "userland"),
                    "--transform", "s/^httpd/source/", "-cf", source, "httpd"], check=True)
    add = {"apps.sh": os.path.join(HERE, "apps.sh"), "work.sql": os.path.join(HERE, "work.sql"), "source.tar": source}
    return [word for name, path in add.items() for word in ("--add", f"{path}:/root/apps/{name}")]


def disk():
    return ["--packages", PACKAGES]


def parse(text):
    """{app: [(ticks, ns, checksum)] per run}; a run whose status is not 0 counts as none."""
    found = {}
    for line in text.splitlines():
        parts = line.split()
        if parts[:1] == ["app"] and len(parts) == 8 and parts[2] == "timed" and parts[3] == "0":
            found.setdefault(parts[1], []).append((int(parts[5]), int(parts[6]), parts[7]))
    return found


def operations(quick):
    return {name: n or LOOPS[quick] for name, _, _, n in APPS}


def run(side, runs, quick, *options):
    names = " ".join(name for name, _, _, _ in APPS)
    return guest.run(side, f"sh /root/apps/apps.sh {runs} {LOOPS[quick]} {names}", *disk(), *files(), *options, limit=LIMIT_S)


def times(side, quick):
    """{app: [nanoseconds per operation, checksum] of one run}"""
    per = operations(quick)
    return {name: [rows[0][1] / per[name], rows[0][2]] for name, rows in parse(run(side, 1, quick)).items()}


def instructions(side, runs, quick):
    """{app: [instructions per operation, checksum] of each run}; an app's warm-up has marks, too."""
    with counting.file() as marks:
        found = parse(run(side, runs, quick, *counting.options(marks)))
        spans = counting.spans(marks)
    per, out = operations(quick), {}
    for name, _, _, _ in APPS:
        warm = 0 if name in UNWARMED else 1
        mine, spans = spans[warm:warm + runs], spans[warm + runs:]
        if len(found.get(name, [])) == runs == len(mine):
            out[name] = [[n / per[name], row[2]] for n, row in zip(mine, found[name])]
    if not out:
        raise Failure(f"{side}: no application did what it should")
    return out
