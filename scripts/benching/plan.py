"""Steps of a measurement: each is made once, kept in a file, and skipped when an interrupted run is started again."""
import fcntl
import hashlib
import json
import os
import shutil
import time

from common import BUILD, OUT, Failure, end_progress, progress, say

STEPS = os.path.join(OUT, "steps")
INPUTS = ["boot/stripped/aegis.elf", "boot/stripped/exos.img", "userland/bin/bench", "userland/bin/bench.linux",
          "userland/bin/aegis-bench", "userland/bin/httpd"]


class Step:
    """A name, what it makes (JSON), and about how many seconds it takes."""

    def __init__(self, name, make, seconds):
        self.name, self.make, self.seconds = name, make, seconds


def identity(options):
    """What a kept step must have been made from."""
    h = hashlib.sha256(json.dumps(options, sort_keys=True).encode())
    for name in INPUTS:
        with open(os.path.join(BUILD, name), "rb") as f:
            h.update(f.read())
    return h.hexdigest()


def begin(options, restart):
    """Prepares the directory of steps; true when an interrupted run goes on. One measurement at a time."""
    os.makedirs(OUT, exist_ok=True)
    begin.lock = open(os.path.join(OUT, ".lock"), "w")      # held until this process ends
    try:
        fcntl.flock(begin.lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        raise Failure("another scripts/bench measures here: end that, or wait for it") from None
    mark = os.path.join(STEPS, "identity")
    now = identity(options)
    try:
        with open(mark) as f:
            going_on = f.read() == now and not restart
    except FileNotFoundError:
        going_on = False
    if not going_on:
        shutil.rmtree(STEPS, ignore_errors=True)
        os.makedirs(STEPS)
        with open(mark, "w") as f:
            f.write(now)
    return going_on


def finish(steps):
    """The run is complete: the next one measures anew. Where a step failed, it tries that again."""
    if not failed(steps):
        os.remove(os.path.join(STEPS, "identity"))


def kept(name):
    try:
        with open(os.path.join(STEPS, name + ".json")) as f:
            return json.load(f)
    except (FileNotFoundError, ValueError):
        return None


def keep(name, value):
    path = os.path.join(STEPS, name + ".json")
    with open(path + ".new", "w") as f:
        json.dump(value, f)
    os.replace(path + ".new", path)


def time_left(steps, at, spent, planned):
    """Seconds, by what the steps so far took of what was expected of them."""
    slow = spent / planned if planned > 5 else 1.0
    return sum(s.seconds for s in steps[at:]) * slow


def attempt(step):
    """One step that fails leaves a gap, and its words in the report; the others go on."""
    try:
        return {"value": step.make()}
    except (Failure, OSError, ValueError, LookupError) as e:
        end_progress()
        say(f"{step.name} failed: {e!r}" if not isinstance(e, Failure) else f"{step.name} failed: {e}")
        return {"value": None, "failed": str(e)}


def failed(steps):
    """[(name, why)] of the kept steps that failed."""
    return [(s.name, kept(s.name)["failed"]) for s in steps if "failed" in kept(s.name)]


def perform(steps):
    """{name: value} of all steps, with progress and the time left; the value of one that failed is None."""
    values, spent, planned = {}, 0.0, 0.0
    for at, step in enumerate(steps):
        value = kept(step.name)
        if value is None or "failed" in value:
            left = time_left(steps, at, spent, planned)
            progress(f"[{at + 1}/{len(steps)}] {step.name}; about {left // 60:.0f} min {left % 60:02.0f} s left")
            started = time.monotonic()
            value = attempt(step)
            value["seconds"] = round(time.monotonic() - started, 2)
            spent, planned = spent + value["seconds"], planned + step.seconds
            keep(step.name, value)
        values[step.name] = value["value"]
    end_progress()
    return values
