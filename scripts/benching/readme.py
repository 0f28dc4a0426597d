"""The table of README.md, from a report."""
import os
import re

from common import ROOT, Failure, say
from wording import count, fraction

FILE = os.path.join(ROOT, "README.md")
BEGIN, END = "<!-- generated: scripts/bench --readme -->", "<!-- end -->"


def table(report):
    out = "| operation | linked | unmodified | Linux | ratio | at most |\n|---|---:|---:|---:|---:|---:|\n"
    for r in report["rows"]:
        def cell(side):
            return count(r["figures"][side]["median"]) if side in r["figures"] else "–"
        best = r["ratio"].get("unmodified") or r["ratio"].get("linked")
        budget = " / ".join(count(v) for v in r["budget"].values()) or "–"
        over = " (over)" if r["over"] else ""
        out += f"| {r['name']} | {cell('linked')} | {cell('unmodified')} | {cell('linux')} | {fraction(best)} | {budget}{over} |\n"
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
