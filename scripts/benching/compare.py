"""Two reports: what became better or worse beyond what is noise."""
from common import SIDES
from wording import count, fraction, nanoseconds, row_names

# The least change that is told, however quiet the runs were: counted rows move by 2 % with a program's layout, times with the host's mood.
LEAST = {"figures": 0.02, "time_ns": 0.10}
SPREADS = 1.5           # and so many times the larger spread of the two reports
AGREE = 0.02            # what two runs of the same should keep to, counted


def threshold(measure, old, new):
    return max(LEAST[measure], SPREADS * max(old["spread"], new["spread"]))


def changes(old, new):
    """[(change, limit, measure, row id, side, before, after)] of what both have; worst first."""
    before = {r["id"]: r for r in old["rows"]}
    found = []
    for row in new["rows"]:
        was = before.get(row["id"])
        for measure in LEAST if was else ():
            for side, value in row[measure].items():
                if side in was[measure] and was[measure][side]["median"]:
                    a, b = was[measure][side], value
                    found.append((b["median"] / a["median"] - 1, threshold(measure, a, b), measure, row["id"], side, a["median"], b["median"]))
    return sorted(found, reverse=True)


def agreement(found, names):
    """How many counted figures are the same in both, but for AGREE, and which is farthest off."""
    counted = sorted((abs(change), names[row], SIDES[side]) for change, _, measure, row, side, _, _ in found if measure == "figures")
    if not counted:
        return "no figure is in both reports"
    within = sum(1 for c in counted if c[0] <= AGREE)
    change, name, side = counted[-1]
    return f"{within} of {len(counted)} counted figures agree within {AGREE * 100:.0f} %; farthest off, by {change * 100:.1f} %: {name}, {side}"


def show(old, new):
    """Prints what changed; the number of ExOS's rows that got worse."""
    names, worse = row_names(new), 0
    print(f"against the report of {old['made']}, tree {old['versions']['tree']}:")
    found = changes(old, new)
    told = [c for c in found if abs(c[0]) > c[1]]
    for change, limit, measure, row, side, a, b in told:
        write = count if measure == "figures" else nanoseconds
        bad = change > 0 and side in ("linked", "unmodified")
        worse += bad
        print(f"{'WORSE ' if bad else 'better' if change < 0 else 'slower'} {change * 100:+6.1f} % (noise {limit * 100:.1f} %)  {names[row]}, "
              f"{SIDES[side]}: {write(a)} -> {write(b)}")
    gone = [r["name"] for r in old["rows"] if r["id"] not in names]
    if gone:
        print("only in the old report: " + ", ".join(gone))
    print(agreement(found, names))
    print(f"{worse} worse beyond noise, {len(told) - worse} other changes" if told else "nothing changed beyond noise")
    return worse
