"""How figures are written for people."""


def count(value):
    """1234567 -> 1 234 567; small ones with a digit after the point."""
    if value is None:
        return "–"
    if value < 100 and abs(value - round(value)) > 0.05:
        return f"{value:.1f}"
    return f"{value:,.0f}".replace(",", "\u202f")


def figure(row, value):
    """With its unit, where that is not instructions."""
    return count(value) if row["unit"] == "instructions" else f"{count(value)} {row['unit']}"


def nanoseconds(value):
    for limit, unit, by in ((1e3, "ns", 1), (1e6, "µs", 1e3), (1e9, "ms", 1e6), (float("inf"), "s", 1e9)):
        if value < limit:
            return f"{value / by:.3g} {unit}"


def fraction(value):
    """A ratio: 0.031, 0.31, 3.1 times."""
    return "–" if value is None else f"{value:.3f}" if value < 0.1 else f"{value:.2f}" if value < 10 else f"{value:.0f}"


def percent(value):
    return f"{value * 100:.1f} %"


def row_names(report):
    return {r["id"]: r["name"] for r in report["rows"]}


QUICK_RUNS = 3          # of applications, transfers, servers and boots


def extent(options):
    """How much was measured."""
    runs = options["runs"]
    if not options["quick"]:
        return f"{runs} runs of each row"
    return (f"{runs} runs of each small row, {min(runs, QUICK_RUNS)} of the larger ones; quick: smaller problems, and Linux's defaults in the "
            "small rows' instructions alone")
