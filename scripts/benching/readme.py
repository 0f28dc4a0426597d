"""The table of README.md, from a report."""
import os
import re

from common import ROOT, Failure, say
from wording import count, figure, fraction

FILE = os.path.join(ROOT, "README.md")
LEFT_OUT = ("uring_1", "uring_32")      # Linux's alone
BEGIN, END = "<!-- generated: scripts/bench --readme -->", "<!-- end -->"


def cell(row, side):
    return figure(row, row["figures"][side]["median"]) if side in row["figures"] else "–"


def table(report):
    """The figures alone: times depend on the machine they were taken on."""
    out = "| operation | linked | unmodified | Linux | ratio | at most |\n|---|---:|---:|---:|---:|---:|\n"
    for r in report["rows"]:
        if r["id"] in LEFT_OUT or not r["figures"]:
            continue
        best = r["ratio"].get("unmodified") or r["ratio"].get("linked")
        budget = " / ".join(count(v) for v in r["budget"].values()) or "–"
        out += (f"| {r['name']} | {cell(r, 'linked')} | {cell(r, 'unmodified')} | {cell(r, 'linux')} | {fraction(best)} | "
                f"{budget}{' (over)' if r['over'] else ''} |\n")
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
