"""Steps' values become the report: rows with what each side needed, ratios, means. The shape is described in docs/bench.md."""
import micro
from common import SIDES
from figures import geometric_mean, paired_ratio, ratio, summary

SCHEMA = 1
OURS = ("linked", "unmodified")
PEER = "linux"


def new_row(key, group, name, what, budget=None):
    return {"id": key, "group": group, "name": name, "what": what, "budget": budget or {},
            "instructions": {}, "time_ns": {}, "bad": {}}


def finish_row(row):
    """Ratios, once all sides are in: below 1, ExOS costs less."""
    counted, timed = row["instructions"], row["time_ns"]
    row["ratio"] = {s: ratio(counted.get(s), counted.get(PEER)) for s in OURS if s in counted and PEER in counted}
    row["time_ratio"] = {s: paired_ratio(timed.get(s), timed.get(PEER)) for s in OURS if s in timed and PEER in timed}
    row["over"] = [s for s, limit in row["budget"].items() if limit and s in counted and counted[s]["median"] > limit]
    return row


def micro_rows(values, groups, runs):
    rows = []
    for r in micro.rows():
        if r["group"] not in groups:
            continue
        row = new_row(r["id"], r["group"], r["name"], r["what"], {s: r[s] for s in OURS if r[s]})
        for side in SIDES:
            step = values.get(f"instructions, {side}")
            take_instructions(row, side, step)
            take_times(row, side, [values.get(f"time {n + 1}, {side}") for n in range(runs)])
        rows.append(row)
    return rows


def take_instructions(row, side, step):
    if step is None:
        return
    if row["id"] in step["found"]:
        row["instructions"][side] = summary([ticks for ticks, _ in step["found"][row["id"]]])
    else:
        row["bad"][side] = step["bad"].get(row["id"], "failed")


def take_times(row, side, steps):
    values = [step["found"][row["id"]][0][1] for step in steps if step and row["id"] in step["found"]]
    if values:
        row["time_ns"][side] = summary(values)


def kernel_rows(values):
    rows = []
    for r in values.get("kernel paths") or []:
        row = new_row("kernel: " + r["name"], micro.KERNEL_GROUP, r["name"], "", {"linked": r["budget"]} if r["budget"] else {})
        if None in r["runs"]:
            row["bad"]["linked"] = "failed"
        else:
            row["instructions"]["linked"] = summary(r["runs"])
        rows.append(row)
    return rows


def group_summaries(rows):
    """Per group: geometric means of the ratios, of instructions and of time."""
    out = []
    for group in dict.fromkeys(r["group"] for r in rows):
        mine = [r for r in rows if r["group"] == group]
        out.append({"name": group, "rows": len(mine),
                    "ratio": {s: geometric_mean([r["ratio"].get(s) for r in mine]) for s in OURS},
                    "time_ratio": {s: geometric_mean([(r["time_ratio"].get(s) or {}).get("median") for r in mine]) for s in OURS}})
    return out


def losses(rows):
    """Where Linux is better on either measure, worst first: [(ratio, row, side, measure)]"""
    found = []
    for row in rows:
        for side in OURS:
            counted, timed = row["ratio"].get(side), row["time_ratio"].get(side)
            if counted and counted > 1:
                found.append({"row": row["id"], "side": side, "measure": "instructions", "ratio": counted})
            if timed and timed["low"] > 1:
                found.append({"row": row["id"], "side": side, "measure": "time", "ratio": timed["median"]})
    return sorted(found, key=lambda x: -x["ratio"])


def failures(rows):
    return [{"row": r["id"], "side": s, "what": word} for r in rows for s, word in r["bad"].items() if word != "absent"]
