"""Plots of a report, as SVG texts: matplotlib draws, the page places them."""
import io
import re

from common import Failure, SIDES
from results import OURS, PEER

try:
    import matplotlib
    from matplotlib import pyplot, ticker
except ImportError:
    raise Failure("python3-matplotlib is missing: run scripts/setup --bench") from None

matplotlib.use("svg")

COLOURS = {"linked": "#1f6feb", "unmodified": "#8250df", "linux": "#bc4c00", "defaults": "#9a6700"}
GREY = "#808080"            # reads on light and dark pages alike
WIDTH_INCHES = 4.8          # a phone shows all of it, in letters that can be read: so rows have their names above them
ROW_INCHES, LEGEND_INCHES, AXIS_INCHES = 0.5, 0.55, 0.55
NAME_LENGTH = 58
matplotlib.rcParams.update({
    "svg.fonttype": "none", "svg.hashsalt": "bench", "font.family": "sans-serif", "font.size": 10, "axes.edgecolor": GREY,
    "axes.labelcolor": GREY, "xtick.color": GREY, "ytick.color": GREY, "text.color": GREY, "axes.spines.top": False,
    "axes.spines.right": False, "savefig.transparent": True})


def svg(figure, title):
    """The picture alone, which scales with the page and says what it is to those who cannot see it."""
    out = io.StringIO()
    figure.savefig(out, format="svg", metadata={"Date": None})
    pyplot.close(figure)
    text = out.getvalue()
    text = re.sub(r'(<svg[^>]*?) width="[^"]*"', r"\1", re.sub(r'(<svg[^>]*?) height="[^"]*"', r"\1", text[text.index("<svg"):], 1), 1)
    return text.replace("<svg", f'<svg role="img" aria-label="{title}"', 1)


def shorten(name):
    return name if len(name) <= NAME_LENGTH else name[:NAME_LENGTH - 1] + "…"


def axes(count):
    height = LEGEND_INCHES + AXIS_INCHES + ROW_INCHES * count
    figure, ax = pyplot.subplots(figsize=(WIDTH_INCHES, height))
    figure.subplots_adjust(left=0.02, right=0.98, top=1 - LEGEND_INCHES / height, bottom=AXIS_INCHES / height)
    ax.grid(axis="x", color=GREY, alpha=0.25)
    ax.set_axisbelow(True)
    return figure, ax


def finish_rows(ax, names):
    ax.xaxis.set_major_formatter(ticker.FuncFormatter(lambda v, _: f"{v:g}"))
    ax.set_yticks([])
    for y, name in enumerate(names):
        ax.text(0, y - 0.22, shorten(name), transform=ax.get_yaxis_transform(), va="bottom")
    ax.set_ylim(len(names) - 0.6, -0.7)


def distributions(group, rows):
    """Every run's time in units of tuned Linux's median: a dot a run, a bar at the median. None without times."""
    rows = [r for r in rows if PEER in r["time_ns"] and len(r["time_ns"]) > 1]
    if not rows:
        return None
    figure, ax = axes(len(rows))
    shown = [s for s in SIDES if any(s in r["time_ns"] for r in rows)]
    for y, row in enumerate(rows):
        unit = row["time_ns"][PEER]["median"]
        for n, side in enumerate(shown):
            if side in row["time_ns"]:
                values = [v / unit for v in row["time_ns"][side]["runs"]]
                at = y + (n - (len(shown) - 1) / 2) * 0.13
                ax.scatter(values, [at] * len(values), s=14, color=COLOURS[side], alpha=0.65, linewidths=0)
                ax.plot([row["time_ns"][side]["median"] / unit] * 2, [at - 0.07, at + 0.07], color=COLOURS[side], linewidth=2)
    for side in shown:
        ax.scatter([], [], s=24, color=COLOURS[side], label=SIDES[side])
    ax.axvline(1, color=GREY, linewidth=1)
    ax.set_xscale("log")
    ax.set_xlabel("time of each run, of tuned Linux's median (log; left is faster)")
    finish_rows(ax, [r["name"] for r in rows])
    figure.legend(loc="upper left", ncols=2, frameon=False)
    return svg(figure, f"distribution of times, {group}")


def overview(groups):
    """Geometric means of the groups, by instructions (filled) and by time (hollow)."""
    groups = [g for g in groups if any(g["ratio"].values()) or any(g["time_ratio"].values())]
    if not groups:
        return None
    figure, ax = axes(len(groups))
    for y, group in enumerate(groups):
        for n, side in enumerate(OURS):
            at = y + (n - 0.5) * 0.2
            if group["ratio"][side]:
                ax.scatter([group["ratio"][side]], [at], s=44, color=COLOURS[side], label=f"{side}, instructions" if y == 0 else None)
            if group["time_ratio"][side]:
                ax.scatter([group["time_ratio"][side]], [at], s=44, facecolors="none", edgecolors=COLOURS[side],
                           label=f"{side}, time" if y == 0 else None)
    ax.axvline(1, color=GREY, linewidth=1)
    ax.set_xscale("log")
    ax.set_xlabel("of tuned Linux's (log; left of 1 ExOS needs less)")
    finish_rows(ax, [g["name"] for g in groups])
    figure.legend(loc="upper left", ncols=2, frameon=False)
    return svg(figure, "geometric means of the groups")
