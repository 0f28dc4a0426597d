"""The committed baseline of the deterministic instruction rows: a change that makes one slower is seen at once."""
import os

import micro
from common import ROOT, say
from figures import summary

FILE = os.path.join(ROOT, "userland/bench/baseline.tsv")
RUNS = 3
WORSE = 1.03            # more than 3 % is worse
SLACK = 0.5             # of an instruction: a mean of a few is not exact
SIDES = ("linked", "unmodified")
LUCK = "10 000"         # in a kernel row's name: it depends on a secret of the boot how ten thousand filters fall into buckets
HEAD = """# Instructions per operation under -icount, written by scripts/bench --update-baseline: scripts/test fails when a row gets
# more than 3 % worse. To make one worse is a decision: it is a change of this file, with its reason in the commit.
"""


def measured():
    """{(row, side): instructions}"""
    found = {}
    for side in SIDES:
        result = micro.instructions(side, [], RUNS)
        for row, runs in result["found"].items():
            found[row, side] = summary([ticks for ticks, _ in runs])["median"]
        for row, word in result["bad"].items():
            if word != "absent":
                found[row, side] = None
    for row in micro.kernel(1):
        if LUCK not in row["name"]:
            found[row["name"], micro.KERNEL_GROUP] = row["runs"][0]
    return found


def read():
    with open(FILE, encoding="utf-8") as f:
        rows = [line.rstrip("\n").split("\t") for line in f if not line.startswith("#")]
    return {(row, side): float(value) for row, side, value in rows}


def update():
    with open(FILE + ".new", "w", encoding="utf-8") as f:
        f.write(HEAD)
        f.writelines(f"{row}\t{side}\t{value:g}\n" for (row, side), value in measured().items() if value is not None)
    os.replace(FILE + ".new", FILE)
    say(f"wrote {os.path.relpath(FILE, ROOT)}: commit it with the reason for what got worse")
    return 0


def check():
    """TAP, a point a row: what is missing, failed, or worse is not ok. Rows that are new have no point."""
    old, new = read(), measured()
    print(f"1..{len(old)}")
    worse = 0
    for n, ((row, side), was) in enumerate(old.items(), 1):
        now = new.get((row, side))
        bad = now is None or now > max(was * WORSE, was + SLACK)
        worse += bad
        print(f"{'not ok' if bad else 'ok'} {n} - {row}, {side}: {'failed' if now is None else f'{now:.0f}'}, baseline {was:.0f}")
    return 1 if worse else 0
