"""The body of scripts/bench: options in, measurements, a report out."""
import argparse
import json
import os
import subprocess
import sys

import baseline
import compare
import guest
import machine
import markdown
import micro
import page
import readme
import results
from common import DEPS, OUT, ROOT, SIDES, Failure, say
from method import METHOD
from plan import Step, begin, finish, perform

RUNS = 5


class Parser(argparse.ArgumentParser):
    def error(self, message):
        print(f"bench: {message} (see scripts/bench --help)", file=sys.stderr)
        sys.exit(2)


def parse(argv):
    p = Parser(prog="scripts/bench", allow_abbrev=False, add_help=False)
    p.add_argument("--quick", action="store_true")
    p.add_argument("--only", action="append", default=[], metavar="GROUP")
    p.add_argument("--runs", type=int, default=RUNS)
    p.add_argument("--json", action="store_true")
    p.add_argument("--compare", metavar="OLD.json")
    p.add_argument("--report", metavar="FILE")
    p.add_argument("--restart", action="store_true")
    p.add_argument("--list", action="store_true")
    p.add_argument("--check", action="store_true")
    p.add_argument("--update-baseline", action="store_true")
    p.add_argument("--readme", action="store_true")
    o = p.parse_args(argv)
    if not 1 <= o.runs <= 100:
        p.error("--runs takes 1 to 100")
    return o


def build(full):
    """Everything that is measured, made as scripts/build makes it."""
    if os.environ.get("EXOS_NO_BUILD"):
        return
    for script, *options in ([["scripts/setup", "--bench"]] if full else []) + [["scripts/build"]]:
        if subprocess.run([os.path.join(ROOT, script), *options], stdin=subprocess.DEVNULL).returncode:
            raise Failure(f"{script} failed, so nothing was measured")


def all_groups():
    return list(dict.fromkeys([r["group"] for r in micro.rows()])) + [micro.KERNEL_GROUP]


def chosen(o):
    groups = all_groups()
    for g in o.only:
        if g not in groups:
            raise Failure(f"--only {g}: the groups are {', '.join(groups)}")
    return [g for g in groups if not o.only or g in o.only]


def micro_steps(o, groups):
    """Counted runs of every side, then boots for time, the sides in turn."""
    groups = [g for g in groups if g != micro.KERNEL_GROUP]
    steps = []
    if not groups:
        return steps
    for side in SIDES:
        steps.append(Step(f"instructions, {side}", lambda side=side: micro.instructions(side, groups, o.runs), 22 if guest.is_linux(side) else 8))
    for n in range(o.runs):
        for side in ("linked", "unmodified", "linux"):
            steps.append(Step(f"time {n + 1}, {side}", lambda side=side: micro.times(side, groups, o.quick), 12))
    return steps


def plan(o, groups):
    steps = micro_steps(o, groups)
    if micro.KERNEL_GROUP in groups:
        steps.append(Step("kernel paths", lambda: micro.kernel(o.runs), 12))
    return steps


def command_lines(groups):
    """What was run, with this tree's own paths left out."""
    return {SIDES[s]: " ".join(["scripts/run", *guest.system(s), "--tcg --scratch --icount --exec",
                                f"'{guest.SETTLE if guest.is_linux(s) else ''}{micro.command(s, [], RUNS)}'"]) for s in SIDES}


def measure(o):
    groups = chosen(o)
    options = {"quick": o.quick, "groups": groups, "runs": o.runs}
    if begin(options, o.restart):
        say("going on with an interrupted run (--restart: begin anew)")
    description = machine.description()
    values = perform(plan(o, groups))
    rows = [results.finish_row(r) for r in results.micro_rows(values, groups, o.runs) + results.kernel_rows(values)]
    report = {"schema": results.SCHEMA, "made": machine.now(), "options": options, "machine": description, "versions": machine.versions(),
              "method": METHOD, "commands": command_lines(groups), "groups": results.group_summaries(rows), "losses": results.losses(rows),
              "failures": results.failures(rows), "rows": rows}
    finish()
    return report


def read_report(path):
    try:
        with open(path, encoding="utf-8") as f:
            report = json.load(f)
    except (OSError, ValueError) as e:
        raise Failure(f"cannot read the report {path}: {e}") from None
    if report.get("schema") != results.SCHEMA:
        raise Failure(f"{path} is a report of another schema than {results.SCHEMA}")
    return report


def write_report(report, path):
    stem = os.path.splitext(path)[0]
    os.makedirs(os.path.dirname(stem) or ".", exist_ok=True)
    with open(stem + ".json", "w", encoding="utf-8") as f:
        json.dump(report, f, indent=1)
    markdown.write(report, stem + ".md")
    page.write(report, stem + ".html")
    say(f"wrote {os.path.relpath(stem)}.json, .md and .html")


def main(argv):
    o = parse(argv)
    build(not (o.check or o.update_baseline or o.list or o.report))
    if o.list:
        for r in micro.rows():
            print(f"{r['group']:12} {r['id']:20} {r['name']}")
        return 0
    if o.check:
        return baseline.check()
    if o.update_baseline:
        return baseline.update()
    old = read_report(o.compare) if o.compare else None
    report = read_report(o.report) if o.report else measure(o)
    write_report(report, o.report or os.path.join(OUT, "report.json"))
    if o.json:
        json.dump(report, sys.stdout, indent=1)
        print()
    if o.readme:
        readme.update(report)
    worse = compare.show(old, report) if old else 0
    return 1 if worse or report["failures"] else 0


try:
    sys.exit(main(sys.argv[1:]))
except Failure as e:
    say(str(e))
    sys.exit(2)
except KeyboardInterrupt:
    say("interrupted; the same command goes on from here")
    sys.exit(130)
