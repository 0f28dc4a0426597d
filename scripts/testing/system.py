"""System tests: each test/system/NAME/run prints TAP; its plan must be complete and its status 0.

A line `# timeout: SECONDS` in the script's head replaces the default limit.
"""
import concurrent.futures
import os
import re
import signal
import subprocess
import sys
import time

from result import Result

DEFAULT_LIMIT_S = 120
HEAD_BYTES = 2048
NOTE_LINES = 30
BAD_SHOWN = 5
PLAN = re.compile(r"^1\.\.(\d+)", re.M)
POINT = re.compile(r"^(not )?ok\b ?(\d+)?(.*)$", re.M)

TESTS = os.path.join(os.environ["EXOS_ROOT"], "test", "system")


def names():
    return sorted(n for n in os.listdir(TESTS) if os.access(os.path.join(TESTS, n, "run"), os.X_OK))


def limit_of(script):
    with open(script, encoding="utf-8") as f:
        found = re.search(r"^# timeout: (\d+)", f.read(HEAD_BYTES), re.M)
    return int(found[1]) if found else DEFAULT_LIMIT_S


def run(build, selected, jobs):
    with concurrent.futures.ThreadPoolExecutor(jobs) as pool:
        futures = [pool.submit(run_one, build, n) for n in selected]
        try:
            return [f.result().show() for f in futures]
        except KeyboardInterrupt:
            pool.shutdown(cancel_futures=True)
            sys.exit(130)


def run_one(build, name):
    script = os.path.join(TESTS, name, "run")
    work = os.path.join(build, "test-run", name)
    os.makedirs(work, exist_ok=True)
    output = os.path.join(work, "output")
    env = dict(os.environ, TEST_NAME=name, TEST_WORK=work,
               TEST_PROGRAMS=os.path.join(build, "test", "system", name))
    limit, started = limit_of(script), time.monotonic()
    with open(output, "wb") as out:
        process = subprocess.Popen([script], cwd=work, env=env, stdin=subprocess.DEVNULL,
                                   stdout=out, stderr=subprocess.STDOUT, start_new_session=True)
        try:
            status = process.wait(limit)
        except subprocess.TimeoutExpired:
            status = None
        finally:
            end_group(process)
    with open(output, encoding="utf-8", errors="replace") as f:
        r = judge(name, f.read(), status, limit)
    r.seconds = time.monotonic() - started
    return r


def end_group(process):
    """Whatever the test left running ends with it."""
    try:
        os.killpg(process.pid, signal.SIGKILL)
    except ProcessLookupError:
        pass
    process.wait()


def judge(name, text, status, limit):
    points = POINT.findall(text)
    r = Result(name)
    r.failed = sum(1 for bad, _, _ in points if bad)
    r.passed = len(points) - r.failed
    plan = PLAN.findall(text)
    if status is None:
        r.notes.append(f"{name} hung: it was ended after {limit} seconds")
    elif status:
        r.notes.append(f"its script ended with status {status}")
    if len(plan) != 1:
        r.notes.append("it printed no plan" if not plan else "it printed several plans")
    elif int(plan[0]) != len(points):
        r.notes.append(f"it planned {plan[0]} points and made {len(points)}")
    if r.notes and not r.failed:
        r.failed = 1
    if r.failed:
        r.notes += telling(text.splitlines())
    return r


def telling(lines):
    """The failed points, each with the lines around it, and the last lines."""
    bad = [n for n, line in enumerate(lines) if line.startswith("not ok")]
    near = {m for n in bad[:BAD_SHOWN] for m in range(n - 2, n + 6)}
    near |= set(range(len(lines) - (5 if bad else NOTE_LINES), len(lines)))
    return [lines[m] for m in sorted(near) if 0 <= m < len(lines)]
