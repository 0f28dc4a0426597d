"""Models of protocols: spin looks at every state that they have.

A model's opening comment says how it is checked, a line for each test point: `Holds: NAME=VALUE ...` for what has to be free of errors,
and `Fails: NAME ...` for what must not be, because a step of the protocol is left out: a model that cannot fail says nothing.
"""
import os
import re
import subprocess
import tempfile
import time

from result import Result

ROOT = os.path.join(os.environ["EXOS_ROOT"], "test", "model")
CHECK = re.compile(r"^ \* (Holds|Fails): (.*)$", re.M)
ERRORS = re.compile(r"errors: (\d+)")
LIMIT_S = 300
MEMORY_MB = 2048
DEPTH = 1000000


def names():
    return sorted("model/" + f[:-4] for f in os.listdir(ROOT) if f.endswith(".pml"))


def run(build, selected):
    return [judge(build, name).show() for name in selected]


def judge(build, name):
    path = os.path.join(ROOT, name.split("/")[1] + ".pml")
    started = time.monotonic()
    r = Result(name)
    with open(path) as f:
        checks = CHECK.findall(f.read())
    for verdict, macros in checks:
        note = check(build, path, macros.split(), int(verdict == "Fails"))
        r.passed += note is None
        r.failed += note is not None
        if note is not None:
            r.notes.append(f"{verdict}: {macros}: {note}")
    if not checks:
        r.failed = 1
        r.notes.append("it says nothing of how it is checked")
    r.seconds = time.monotonic() - started
    return r


def check(build, path, macros, errors_wanted):
    """None: as wanted. Else what came instead."""
    with tempfile.TemporaryDirectory(dir=build) as where:
        try:
            text = explore(path, ["-D" + m for m in macros], where)
        except subprocess.CalledProcessError as e:
            return " ".join(e.cmd[:2]) + ": " + (e.stdout or "").strip()
        except subprocess.TimeoutExpired:
            return f"not through in {LIMIT_S} s"
    found = ERRORS.search(text)
    incomplete = "max search depth" in text or "MEMLIM" in text
    if found is None or (incomplete and not errors_wanted):
        return "not all states were looked at:\n" + text
    if int(found[1]) == errors_wanted:
        return None
    return "no error, where a step is left out" if errors_wanted else text


def explore(path, macros, where):
    for command in (["spin", "-a"] + macros + [path],
                    ["gcc", "-w", "-O2", "-DSAFETY", "-DCOLLAPSE", f"-DMEMLIM={MEMORY_MB}", "-o", "pan", "pan.c"]):
        subprocess.run(command, cwd=where, check=True, timeout=LIMIT_S, text=True,
                       stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    done = subprocess.run(["./pan", f"-m{DEPTH}"], cwd=where, timeout=LIMIT_S, text=True,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    return done.stdout
