"""The table of README.md, from a report."""
import os
import re

from common import ROOT, Failure, say
from wording import count, figure, fraction, nanoseconds

FILE = os.path.join(ROOT, "README.md")
LEFT_OUT = ("uring_1", "uring_32")      # Linux's alone
BEGIN, END = "<!-- generated: scripts/bench --readme -->", "<!-- end -->"


def cell(row, side):
    if side in row["figures"]:
        return figure(row, row["figures"][side]["median"])
    return nanoseconds(row["time_ns"][side]["median"]) if side in row["time_ns"] else "–"


def table(report):
    """Figures where there are some, else times."""
    out = "| operation | linked | unmodified | Linux | ratio | at most |\n|---|---:|---:|---:|---:|---:|\n"
    for r in report["rows"]:
        if r["id"] in LEFT_OUT or not (r["figures"] or r["time_ns"]):
            continue
        timed = {side: v["median"] for side, v in r["time_ratio"].items() if v}
        ratios = r["ratio"] or timed
        budget = " / ".join(count(v) for v in r["budget"].values()) or "–"
        out += (f"| {r['name']} | {cell(r, 'linked')} | {cell(r, 'unmodified')} | {cell(r, 'linux')} | "
                f"{fraction(ratios.get('unmodified') or ratios.get('linked'))} | {budget}{' (over)' if r['over'] else ''} |\n")
    return out


def update(report):
    with open(FILE, encoding="utf-8") as f:
        text = f.read()
    pattern = re.escape(BEGIN) + r"\n.*?" + re.escape(END)
    if not re.search(pattern, text, re.S):
        raise Failure(f"README.md has no part between {BEGIN} and {END}")
    text = re.sub(pattern, lambda _: f"{BEGIN}\n{table(report)}{END}", text, flags=re.S)
    with open(FILE, "w", encoding="utf-8") as f:
        f.write(text)
    say("README.md has the report's figures")
