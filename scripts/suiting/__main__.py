"""The body of scripts/suites: which units, run on which systems, and the page."""
import argparse
import os
import sys

import boots
import page
import units

ROOT, BUILD = os.environ["EXOS_ROOT"], os.environ["EXOS_BUILD"]


def say(text):
    print(f"suites: {text}", file=sys.stderr, flush=True)


def parse(argv):
    p = argparse.ArgumentParser(prog="scripts/suites", allow_abbrev=False)
    p.add_argument("--on", choices=["exos", "linux"])
    p.add_argument("--again", action="store_true")
    p.add_argument("--show", action="store_true")
    p.add_argument("--list", action="store_true")
    p.add_argument("names", nargs="*")
    return p.parse_args(argv)


def wanted(names):
    """[(suite, unit, whether it was asked for by its own name)]"""
    for suite in page.SUITES:
        for unit in units.units(BUILD, suite):
            exact = f"{suite}/{unit}" in names
            if not names or suite in names or exact:
                yield suite, unit, exact


def show(chosen):
    for suite, unit, _ in chosen:
        both = page.results(BUILD, suite, unit)
        for name in page.lost_on_exos(both) if both else []:
            print(f"{suite}/{unit}: {name}")


def main(argv):
    o = parse(argv)
    chosen = list(wanted(o.names))
    if not chosen:
        say("no suite or unit has such a name (--list names them)")
        return 1
    if o.list or o.show:
        if o.list:
            print("\n".join(f"{s}/{u}" for s, u, _ in chosen))
        else:
            show(chosen)
        return 0
    for suite in page.SUITES:
        for system in ["linux", "exos"] if o.on is None else [o.on]:
            todo = [u for s, u, exact in chosen if s == suite and (exact or o.again or boots.load(BUILD, suite, system, u) is None)]
            if todo:
                boots.run(ROOT, BUILD, suite, system, todo, units.PACKAGES, say)
    page.write(ROOT, BUILD)
    return 0


sys.exit(main(sys.argv[1:]))
