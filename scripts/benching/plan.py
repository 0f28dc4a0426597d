"""Steps of a measurement: each is made once, kept in a file, and skipped when an interrupted run is started again.

Steps that count instructions go first, two side by side, for counts do not care who else runs; those that take time are alone.
"""
import concurrent.futures
import fcntl
import hashlib
import json
import os
import shutil
import threading
import time

import guest
from common import BUILD, OUT, Failure, end_progress, progress, say

STEPS = os.path.join(OUT, "steps")
INPUTS = ["boot/stripped/aegis.elf", "boot/stripped/exos.img", "userland/bin/bench", "userland/bin/bench.linux",
          "userland/bin/aegis-bench", "userland/bin/httpd"]


LANES = 2           # steps side by side, where there are as many processors


class Step:
    """A name, what it makes (JSON), about how many seconds it takes, and whether it may run beside others."""

    def __init__(self, name, make, seconds, alone=True):
        self.name, self.make, self.seconds, self.alone = name, make, seconds, alone


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


class Work:
    """Steps that are to be made: which has begun, and how long those that are done took, of what was expected of them."""

    def __init__(self, steps):
        self.lock, self.total, self.stopped = threading.Lock(), len(steps), False
        self.waiting = [s for s in steps if not made(s)]
        self.lanes = min(LANES, os.cpu_count() or 1)
        self.spent = self.planned = 0.0

    def seconds_left(self):
        slow = self.spent / self.planned if self.planned > 5 else 1.0
        return slow * sum(s.seconds / (1 if s.alone else self.lanes) for s in self.waiting)

    def attempt(self, step):
        """One step that fails leaves a gap, and its words in the report; the others go on."""
        try:
            return {"value": step.make()}
        except (Failure, OSError, ValueError, LookupError) as e:
            if not self.stopped:
                end_progress()
                say(f"{step.name} failed: {e if isinstance(e, Failure) else repr(e)}")
            return {"value": None, "failed": str(e)}

    def do(self, step):
        if self.stopped:
            return
        with self.lock:
            left = self.seconds_left()
            self.waiting.remove(step)
            progress(f"[{self.total - len(self.waiting)}/{self.total}] {step.name}; about {left // 60:.0f} min {left % 60:02.0f} s left")
        began = time.monotonic()
        value = self.attempt(step)
        value["seconds"] = round(time.monotonic() - began, 2)
        with self.lock:
            if not self.stopped:
                keep(step.name, value)
            self.spent, self.planned = self.spent + value["seconds"], self.planned + step.seconds

    def do_all(self):
        together = [s for s in self.waiting if not s.alone]
        alone = [s for s in self.waiting if s.alone]
        with concurrent.futures.ThreadPoolExecutor(self.lanes) as pool:
            try:
                for done in [pool.submit(self.do, s) for s in together]:
                    done.result()
            except BaseException:       # an interrupt, too: what runs beside is ended, and nothing of it is kept
                self.stopped = True
                guest.end_all()
                raise
        for step in alone:
            self.do(step)


def made(step):
    value = kept(step.name)
    return value is not None and "failed" not in value


def failed(steps):
    """[(name, why)] of the kept steps that failed."""
    return [(s.name, kept(s.name)["failed"]) for s in steps if "failed" in kept(s.name)]


def perform(steps):
    """{name: value} of all steps, with progress and the time left; the value of one that failed is None."""
    Work(steps).do_all()
    end_progress()
    return {s.name: kept(s.name)["value"] for s in steps}
