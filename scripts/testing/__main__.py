"""The body of scripts/test: runs what is asked for and counts single test points."""
import argparse
import os
import sys
import time

import model
import system
import unit


def parse(argv):
    p = argparse.ArgumentParser(prog="scripts/test", allow_abbrev=False)
    p.add_argument("--unit", action="store_true")
    p.add_argument("--model", action="store_true")
    p.add_argument("--system", action="store_true")
    p.add_argument("--jobs", type=int, default=1)
    p.add_argument("--list", action="store_true")
    p.add_argument("names", nargs="*")
    return p.parse_args(argv)


def wanted(all_names, patterns):
    return [n for n in all_names if not patterns or any(p in n for p in patterns)]


def main(argv):
    o = parse(argv)
    build = os.environ["EXOS_BUILD"]
    everything = not (o.unit or o.model or o.system)
    units = wanted(unit.names(build), o.names) if everything or o.unit else []
    models = wanted(model.names(), o.names) if everything or o.model else []
    systems = wanted(system.names(), o.names) if everything or o.system else []
    if o.list:
        print("\n".join(units + models + systems))
        return 0
    started = time.monotonic()
    results = list(unit.run(build, units)) if units else []
    results += model.run(build, models)
    results += system.run(build, systems, o.jobs) if systems else []
    passed = sum(r.passed for r in results)
    failed = sum(r.failed for r in results)
    bad = [r.name for r in results if r.failed]
    if not results:
        print("no test has such a name")
        failed = 1
    if bad:
        print("failed: " + " ".join(bad))
    print(f"{len(results)} tests in {time.monotonic() - started:.0f} s")
    print(f"{passed} passed, {failed} failed")
    return 1 if failed else 0


sys.exit(main(sys.argv[1:]))
