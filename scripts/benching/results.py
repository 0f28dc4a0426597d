"""Steps' values become the report: rows with what each side needed, ratios, means. The shape is described in docs/bench.md."""
import apps
import micro
import transfers
import web
import whole
from common import SIDES
from figures import geometric_mean, paired_ratio, ratio, summary

SCHEMA = 1
OURS = ("linked", "unmodified")
PEER = "linux"


def new_row(key, group, name, what, budget=None, unit="instructions"):
    return {"id": key, "group": group, "name": name, "what": what, "budget": budget or {},
            "unit": unit, "figures": {}, "time_ns": {}, "bad": {}}


def finish_row(row):
    """Ratios, once all sides are in: below 1, ExOS costs less."""
    counted, timed = row["figures"], row["time_ns"]
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
        row["figures"][side] = summary([ticks for ticks, _ in step["found"][row["id"]]])
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
            row["figures"]["linked"] = summary(r["runs"])
        rows.append(row)
    return rows


def collect(row, side, counted, timed):
    """Figures and times of one side, from lists in which a run that failed is None."""
    for target, values in (("figures", counted), ("time_ns", timed)):
        good = [v for v in values if v is not None]
        if good:
            row[target][side] = summary(good)
    if None in timed or None in counted:
        row["bad"][side] = "failed"


def sides_of(values, step):
    """The sides that were measured: those that this step was planned for."""
    return [s for s in SIDES if step.format(s) in values]


def of(step, key):
    """A row's value in a step: None when either is missing."""
    return step.get(key) if step else None


def app_rows(values, runs):
    """Results are compared, too: a checksum that is not everybody's is a failure."""
    rows = []
    for name, title, what, _ in apps.APPS:
        row = new_row(name, apps.GROUP, title, what)
        sums = set()
        for side in sides_of(values, "applications, instructions, {}"):
            counted = of(values[f"applications, instructions, {side}"], name) or [None]
            timed = [of(values.get(f"applications, time {n + 1}, {side}"), name) for n in range(runs)]
            collect(row, side, [v and v[0] for v in counted], [v and v[0] for v in timed])
            sums |= {v[1] for v in counted + timed if v}
        if len(sums) > 1:
            row["bad"]["unmodified"] = "another result than Linux's"
        rows.append(row)
    return rows


def transfer_rows(values, groups, runs):
    rows = []
    for key, group, title, what, _, _ in transfers.ROWS:
        if group not in groups:
            continue
        row = new_row(key, group, title, what)
        for side in sides_of(values, "disk and wire, instructions 1, {}"):
            collect(row, side, *([v for n in range(runs) for v in of(values.get(f"disk and wire, {kind} {n + 1}, {side}"), key) or [None]]
                                 for kind in ("instructions", "time")))
        rows.append(row)
    return rows


def web_rows(values, runs):
    rows = []
    for title in web.SIZES:
        row = new_row("http " + title, web.GROUP, f"HTTP, {title}",
                      "a request; of one connection where counted, of ten where timed; linked is our httpd, the others are nginx")
        for side in sides_of(values, "HTTP, instructions, {}"):
            timed = of(of(values.get("HTTP, time"), side), title) or [None] * runs
            collect(row, side, of(values[f"HTTP, instructions, {side}"], title) or [None], timed)
        rows.append(row)
    return rows


def whole_rows(values):
    rows = []
    for key, title, what, unit in whole.ROWS:
        row = new_row("system " + key, whole.GROUP, title, what, unit=unit)
        for side in sides_of(values, "system, amounts, {}"):
            if key in ("start", "served"):
                collect(row, side, *(values.get(f"system, {key}, {kind}, {side}") or [None] for kind in ("instructions", "time")))
            else:
                collect(row, side, [of(values[f"system, amounts, {side}"], key)], [])
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


def all_rows():
    """Every row that a report can have, without figures."""
    groups = {r["group"] for r in micro.rows()}
    return micro_rows({}, groups, 0) + app_rows({}, 0) + transfer_rows({}, transfers.GROUPS, 0) + web_rows({}, 0) + whole_rows({})


def losses(rows):
    """Where Linux is better on either measure, worst first: [(ratio, row, side, measure)]"""
    found = []
    for row in rows:
        for side in OURS:
            counted, timed = row["ratio"].get(side), row["time_ratio"].get(side)
            if counted and counted > 1:
                found.append({"row": row["id"], "side": side, "measure": row["unit"], "ratio": counted})
            if timed and timed["low"] > 1:
                found.append({"row": row["id"], "side": side, "measure": "time", "ratio": timed["median"]})
    return sorted(found, key=lambda x: -x["ratio"])


def failures(rows):
    return [{"row": r["name"], "side": s, "what": word} for r in rows for s, word in r["bad"].items() if word != "absent"]
