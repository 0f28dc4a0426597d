"""report.md: the same figures as the page, as tables."""
from common import SIDES
from wording import count, extent, figure, fraction, nanoseconds, row_names


def cell(row, side):
    if side in row["figures"]:
        over = " **over**" if side in row["over"] else ""
        return figure(row, row["figures"][side]["median"]) + over
    return row["bad"].get(side, "–")


def table(rows):
    out = "| operation | " + " | ".join(SIDES.values()) + " | at most | ratio | time | time ratio |\n"
    out += "|---|" + "---:|" * (len(SIDES) + 4) + "\n"
    for r in rows:
        budget = " / ".join(count(v) for v in r["budget"].values()) or "–"
        times = " / ".join(nanoseconds(r["time_ns"][s]["median"]) for s in SIDES if s in r["time_ns"]) or "–"
        ratios = " / ".join(fraction(v) for v in r["ratio"].values() if v) or "–"
        timed = " / ".join(fraction(v["median"]) for v in r["time_ratio"].values() if v) or "–"
        out += f"| {r['name']} | " + " | ".join(cell(r, s) for s in SIDES) + f" | {budget} | {ratios} | {times} | {timed} |\n"
    return out


def lost(report):
    if not report["losses"]:
        return "None: ExOS needs less than Linux in every row, by either measure.\n"
    names = row_names(report)
    return "".join(f"- {names[x['row']]} ({SIDES[x['side']]}): {fraction(x['ratio'])} of Linux's {x['measure']}\n" for x in report["losses"])


def means(report):
    out = "| group | rows | linked | unmodified | linked, time | unmodified, time |\n|---|---:|---:|---:|---:|---:|\n"
    for g in report["groups"]:
        out += (f"| {g['name']} | {g['rows']} | " +
                " | ".join(fraction(g[m][s]) for m in ("ratio", "time_ratio") for s in ("linked", "unmodified")) + " |\n")
    return out


def write(report, path):
    with open(path, "w", encoding="utf-8") as f:
        f.write(f"# ExOS against Linux\n\nMade {report['made']}, tree {report['versions']['tree']}, peer Linux {report['versions']['peer']}, "
                f"{extent(report['options'])}. "
                "Guest instructions per operation; ratios are ExOS's of tuned Linux's, so below 1 ExOS needs less.\n\n")
        if report["failures"]:
            f.write("## Failed\n\n" + "".join(f"- {x['row']}, {x['side']}: {x['what']}\n" for x in report["failures"]) + "\n")
        f.write("## Where Linux is better\n\n" + lost(report) + "\n## Geometric means of the ratios\n\n" + means(report))
        for g in report["groups"]:
            f.write(f"\n## {g['name'][0].upper() + g['name'][1:]}\n\n" + table([r for r in report["rows"] if r["group"] == g["name"]]))
        f.write("\n## How\n\n" + "\n\n".join(report["method"]) + "\n\n")
        f.write("".join(f"- {k}: {v}\n" for part in ("machine", "versions") for k, v in report[part].items()))
        f.write("\n## Command lines\n\n" + "".join(f"- {name}: `{line}`\n" for name, line in report["commands"].items()))
