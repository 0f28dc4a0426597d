"""The body of scripts/bench: options in, measurements, a report out."""
import argparse
import importlib
import json
import os
import subprocess
import sys

import apps
import baseline
import compare
import counting
import guest
import machine
import markdown
import micro
import readme
import results
import scaling
import transfers
import web
import whole
from common import DEPS, OUT, ROOT, SIDES, Failure, say
from method import METHOD
from plan import Step, begin, failed, finish, perform
from wording import QUICK_RUNS

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
    p.add_argument("--scaling", action="store_true")
    o = p.parse_args(argv)
    if not 1 <= o.runs <= micro.RUNS_MOST:
        p.error(f"--runs takes 1 to {micro.RUNS_MOST}")
    return o


def build(full):
    """Everything that is measured, made as scripts/build makes it."""
    if os.environ.get("EXOS_NO_BUILD"):
        return
    for script, *options in ([["scripts/setup", "--bench"]] if full else []) + [["scripts/build"]]:
        if subprocess.run([os.path.join(ROOT, script), *options], stdin=subprocess.DEVNULL).returncode:
            raise Failure(f"{script} failed, so nothing was measured")


def all_groups():
    return list(dict.fromkeys([r["group"] for r in micro.rows()] + [micro.KERNEL_GROUP, apps.GROUP, *transfers.GROUPS, web.GROUP, whole.GROUP]))


def chosen(o):
    groups = all_groups()
    for g in o.only:
        if g not in groups:
            raise Failure(f"--only {g}: the groups are {', '.join(groups)}")
    return [g for g in groups if not o.only or g in o.only]


def asked(o, sides):
    """Of these sides, those that this run measures beyond the micro suite: Linux's defaults only without --quick."""
    return [s for s in sides if s != "defaults" or not o.quick]


def large_runs(o):
    return min(o.runs, QUICK_RUNS) if o.quick else o.runs


def seconds(side, ours, linux):
    return linux if guest.is_linux(side) else ours


def micro_steps(o, groups):
    """Counted runs of every side, then boots for time, the sides in turn."""
    counted = [Step(f"instructions, {side}", lambda side=side: micro.instructions(side, groups, o.runs), seconds(side, 3, 21), alone=False)
               for side in SIDES]
    return counted + [Step(f"time {n + 1}, {side}", lambda side=side: micro.times(side, groups, o.quick), seconds(side, 2, 11))
                      for n in range(o.runs) for side in asked(o, SIDES)]


def app_steps(o):
    apps.files()
    runs, sides = large_runs(o), asked(o, apps.SIDES)
    counted = [Step(f"applications, instructions, {side}", lambda side=side: apps.instructions(side, runs, o.quick),
                    seconds(side, 22, 32) * (1 if o.quick else 3), alone=False) for side in sides]
    return counted + [Step(f"applications, time {n + 1}, {side}", lambda side=side: apps.times(side, o.quick), seconds(side, 8, 18) * (1 if o.quick else 2))
                      for n in range(runs) for side in sides]


def transfer_steps(o, groups):
    transfers.cold_file()
    return [Step(f"disk and wire, {what} {n + 1}, {side}", lambda side=side, make=make: make(side, groups), seconds(side, 3, 11), alone)
            for what, make, alone in (("instructions", transfers.instructions, False), ("time", transfers.times, True))
            for n in range(large_runs(o)) for side in asked(o, transfers.SIDES)]


def web_steps(o):
    web.files()
    runs, sides = large_runs(o), asked(o, web.SIDES)
    loads = len(web.SIZES) * web.SECONDS[o.quick] * runs
    return [Step(f"HTTP, instructions, {side}", lambda side=side: web.instructions(side, runs, o.quick), loads + seconds(side, 3, 8), alone=False)
            for side in sides] + [Step("HTTP, time", lambda: web.times(sides, runs, o.quick), (loads + 6) * len(sides))]


def whole_steps(o):
    steps, runs = [], large_runs(o)
    for side in asked(o, whole.SIDES):
        for key, serving in (("start", False), ("served", True)):
            for what, counted in (("instructions", True), ("time", False)):
                steps.append(Step(f"system, {key}, {what}, {side}", lambda side=side, serving=serving, counted=counted:
                                  whole.starts(side, serving, counted, runs), seconds(side, 1, 6) * runs, alone=not counted))
        steps.append(Step(f"system, amounts, {side}", lambda side=side: whole.amounts(side), seconds(side, 5, 40), alone=False))
    return steps


def plan(o, groups):
    small = [g for g in groups if g in {r["group"] for r in micro.rows()}]
    moved = [g for g in groups if g in transfers.GROUPS]
    steps = micro_steps(o, small) if small else []
    steps += [Step("kernel paths", lambda: micro.kernel(o.runs), 3, alone=False)] if micro.KERNEL_GROUP in groups else []
    steps += app_steps(o) if apps.GROUP in groups else []
    steps += transfer_steps(o, moved) if moved else []
    steps += web_steps(o) if web.GROUP in groups else []
    steps += whole_steps(o) if whole.GROUP in groups else []
    return steps


def report_rows(o, groups, values):
    rows = results.micro_rows(values, groups, o.runs) + results.kernel_rows(values)
    rows += results.app_rows(values, large_runs(o)) if apps.GROUP in groups else []
    rows += results.transfer_rows(values, groups, large_runs(o))
    rows += results.web_rows(values, large_runs(o)) if web.GROUP in groups else []
    rows += results.whole_rows(values) if whole.GROUP in groups else []
    return [results.finish_row(r) for r in rows]


def run_line(side, command, *options):
    return " ".join(["scripts/run", *guest.system(side), "--tcg --scratch", *options, "--exec", f"'{guest.SETTLE if guest.is_linux(side) else ''}{command}'"])


def command_lines(o, groups):
    """What was run, with this machine's paths left out."""
    lines = {f"instructions: {SIDES[s]}": run_line(s, micro.command(s, [], micro.counted_runs(s, o.runs)), "--disk small --icount") for s in SIDES}
    lines["time: as above without --icount, in turns"] = micro.command("unmodified", [], 1, micro.TIME_SCALE[o.quick])
    if apps.GROUP in groups:
        lines["applications"] = run_line("linux", f"sh apps.sh RUNS {apps.LOOPS[o.quick]} NAMES", f"--packages '{apps.PACKAGES}'")
    lines.update({f"{r[1]}: {r[2]}": "bench --io " + r[5].format(host=transfers.HOST, tcp="PORT", udp="PORT") for r in transfers.ROWS if r[1] in groups})
    if web.GROUP in groups:
        lines["HTTP, guest"] = f"{web.command('linked')} (linked); {web.command('linux')} (the others)"
        lines["HTTP, host"] = " ".join(web.wrk(web.url("PORT", 1024), "time", web.SECONDS[o.quick])).replace(web.HERE + "/", "")
    return lines


def measure(o):
    groups = chosen(o)
    options = {"quick": o.quick, "groups": groups, "runs": o.runs}
    if begin(options, o.restart):
        say("going on with an interrupted run (--restart: begin anew)")
    description = machine.description()
    counting.plugin()
    steps = plan(o, groups)
    values = perform(steps)
    rows = report_rows(o, groups, values)
    gaps = [{"row": name, "side": "", "what": why} for name, why in failed(steps)]
    report = {"schema": results.SCHEMA, "made": machine.now(), "options": options, "machine": description, "versions": machine.versions(),
              "method": METHOD, "commands": command_lines(o, groups), "groups": results.group_summaries(rows), "losses": results.losses(rows),
              "failures": gaps + results.failures(rows), "rows": rows}
    finish(steps)
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
    page = importlib.import_module("page")      # here alone: its plots need a package that the rest does without
    page.write(report, stem + ".html")
    say(f"wrote {os.path.relpath(stem)}.json, .md and .html")


def main(argv):
    o = parse(argv)
    if not o.report:
        build(not (o.check or o.update_baseline or o.list))
    if o.list:
        for r in results.all_rows():
            print(f"{r['group']:13} {r['id']:24} {r['name']}")
        return 0
    if o.check:
        return baseline.check()
    if o.scaling:
        return scaling.show()
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
