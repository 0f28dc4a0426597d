"""The micro suite: userland/bench on every side, and the kernel's own paths by aegis-bench.

Instructions are read from the time-stamp counter under counted time; wall-clock times come from boots without it, which alternate
between the sides, one run of each row to a boot.
"""
import json
import os
import subprocess

import guest
from common import BUILD, Failure

TIME_SCALE = {True: 4, False: 20}       # times the operations of a counted run: [quick]
KERNEL_GROUP = "kernel"
RUNS_MOST = 100
LINUX_TIMES = 3         # as many counted runs of Linux, whose own work now and then falls into one: so medians agree within 1 %


def rows():
    """The rows as the program itself lists them: the static Linux program runs here, too."""
    program = os.path.join(BUILD, "userland/bin/bench.linux")
    return json.loads(subprocess.run([program, "--list"], stdout=subprocess.PIPE, text=True, check=True).stdout)


def program(side):
    return "bench" if side == "linked" else "bench.linux"


def command(side, groups, runs, scale=1):
    """In the guest: these groups, each row's runs as lines."""
    return f"{program(side)} --raw --runs {runs} --scale {scale}" + "".join(f" --group {g}" for g in groups)


def parse(text):
    """{id: [(ticks per operation, ns per operation), ...]}; rows that failed or that the system does not offer: {id: word}"""
    found, bad = {}, {}
    for line in text.splitlines():
        parts = line.split("\t")
        if len(parts) == 4 and parts[1].isdigit():
            operations, ticks, ns = (int(p) for p in parts[1:])
            found.setdefault(parts[0], []).append((ticks / operations, ns / operations))
        elif len(parts) == 2:
            bad[parts[0]] = parts[1]
    for row in bad:
        found.pop(row, None)
    return found, bad


def measure(side, groups, runs, scale, *options):
    text = guest.run(side, command(side, groups, runs, scale), *options)
    found, bad = parse(text)
    if not found and not bad:
        raise Failure(f"{side}: the benchmark printed nothing:\n{text[-500:]}")
    return {"found": found, "bad": bad}


def counted_runs(side, runs):
    return min(RUNS_MOST, runs * (LINUX_TIMES if guest.is_linux(side) else 1))


def instructions(side, groups, runs):
    return measure(side, groups, counted_runs(side, runs), 1, "--icount")


def times(side, groups, quick):
    return measure(side, groups, 1, TIME_SCALE[quick])


def kernel(runs):
    """[{name, budget, runs}]: every run is the whole of aegis-bench's kernel rows."""
    text = guest.run("linked", f"for i in $(seq {runs}); do aegis-bench --kernel --json; echo; done", "--icount")
    found, decoder = {}, json.JSONDecoder()
    while text.strip():
        value, end = decoder.raw_decode(text.lstrip())
        text = text.lstrip()[end:]
        for row in value["rows"]:
            found.setdefault(row["name"], {"name": row["name"], "budget": row.get("budget"), "runs": []})["runs"].append(row["ticks"])
    return list(found.values())
