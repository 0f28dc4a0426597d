"""report.html: one page that needs nothing else: style and pictures are in it."""
import html
import os

import plots
import wording
from common import SIDES
from results import OURS
from wording import count, figure, fraction, nanoseconds, percent, row_names

HERE = os.path.dirname(os.path.abspath(__file__))


def e(text):
    return html.escape(str(text))


def bar(value):
    """A ratio as a bar that is full at 1: what is beyond is a loss."""
    if value is None:
        return '<span class="none">–</span>'
    return f'<span class="bar {"loss" if value > 1 else "win"}"><i style="width:{max(1, min(100, value * 100)):.0f}%"></i><b>{fraction(value)}</b></span>'


def spread_html(summary):
    return f" ±{percent(summary['spread'] / 2)}" if summary["spread"] >= 0.001 else ""


def figure_cell(row, side):
    """What one system needed: instructions, and the time below."""
    counted, timed = row["figures"].get(side), row["time_ns"].get(side)
    label = f'<td data-label="{e(SIDES[side])}"'
    if not counted and not timed:
        word = row["bad"].get(side)
        return f'{label} class="empty">{e(word) if word else "–"}</td>'
    out = ""
    if counted:
        over = ' class="over" title="over its budget"' if side in row["over"] else ""
        out = f"<span{over}>{figure(row, counted['median'])}</span><small>{spread_html(counted)}</small>"
    if timed:
        out += f"<small><b>{nanoseconds(timed['median'])}</b>{spread_html(timed)}</small>"
    return f"{label}><div>{out}</div></td>"


def ratio_cell(row):
    """A line a side: share of the instructions, share of the time."""
    lines = ""
    for side in OURS:
        counted, timed = row["ratio"].get(side), row["time_ratio"].get(side)
        if counted is not None or timed:
            span = f' title="{fraction(timed["low"])} to {fraction(timed["high"])}"' if timed else ""
            lines += f'<span class="who">{e(side)}</span>{bar(counted)}<span{span}>{bar(timed and timed["median"])}</span>'
    if not lines:
        return '<td data-label="of Linux" class="empty">–</td>'
    return f'<td data-label="of Linux"><div class="ratios"><span></span><small>{e(row["unit"])}</small><small>time</small>{lines}</div></td>'


def row_html(row):
    budget = " / ".join(count(v) for v in row["budget"].values())
    return (f'<tr><th scope="row">{e(row["name"])}<small>{e(row["what"])}</small></th>' +
            "".join(figure_cell(row, s) for s in SIDES) + f'<td data-label="at most">{budget or "–"}</td>' + ratio_cell(row) + "</tr>")


def own_row_html(row):
    """A row that Linux has no counterpart for."""
    budget = " / ".join(count(v) for v in row["budget"].values())
    value = row["figures"].get("linked")
    over = ' class="over"' if row["over"] else ""
    shown = f'<span{over}>{count(value["median"])}</span>' if value else e(row["bad"].get("linked", "–"))
    return f'<tr><th scope="row">{e(row["name"])}</th><td data-label="instructions">{shown}</td><td data-label="at most">{budget or "–"}</td></tr>'


def group_html(group, rows):
    mine = [r for r in rows if r["group"] == group["name"]]
    compared = any("linux" in r["figures"] or "linux" in r["time_ns"] or r["bad"] for r in mine)
    means = ", ".join(f'{SIDES[s]} {fraction(group[m][s])}{word}' for m, word in (("ratio", ""), ("time_ratio", " of the time"))
                      for s in OURS if group[m][s] is not None)
    out = f'<section><h2 id="{e(group["name"])}">{e(group["name"][0].upper() + group["name"][1:])}</h2>'
    out += f"<p>Geometric mean of Linux's: {e(means)}.</p>" if means else ""
    if compared:
        heads = ["operation"] + list(SIDES.values()) + ["at most", "of Linux"]
        body = "".join(row_html(r) for r in mine)
    else:
        heads, body = ["operation", "instructions", "at most"], "".join(own_row_html(r) for r in mine)
    out += '<table><thead><tr>' + "".join(f"<th>{e(h)}</th>" for h in heads) + f"</tr></thead><tbody>{body}</tbody></table>"
    picture = plots.distributions(group["name"], mine)
    if picture:
        out += f"<details open><summary>Every run's time</summary><figure>{picture}</figure></details>"
    return out + "</section>"


def losses_html(report):
    names = row_names(report)
    if not report["losses"]:
        return "<p>In no row of this report does Linux need less than ExOS, by instructions or by time.</p>"
    items = "".join(f'<li><span>{e(names[x["row"]])}<small>{e(SIDES[x["side"]])}, {e(x["measure"])}</small></span>{bar(x["ratio"])}</li>'
                    for x in report["losses"])
    return f'<ul class="losses">{items}</ul>'


def over_html(report):
    over = [r for r in report["rows"] if r["over"]]
    if not over:
        return "<p>Every row with a budget keeps it.</p>"
    items = "".join(f'<li>{e(r["name"])}: ' + ", ".join(
        f'{e(SIDES[s])} {count(r["figures"][s]["median"])} of {count(r["budget"][s])}' for s in r["over"]) + "</li>" for r in over)
    return f"<details><summary>{len(over)} of {sum(1 for r in report['rows'] if r['budget'])} rows are over the budget we set ourselves</summary><ul>{items}</ul></details>"


def failures_html(report):
    if not report["failures"]:
        return ""
    items = "".join(f'<li>{e(x["row"])}, {e(SIDES.get(x["side"], x["side"]))}: {e(x["what"])}</li>' for x in report["failures"])
    return f'<section><h2>What failed</h2><ul class="failed">{items}</ul></section>'


def facts_html(report):
    facts = {**report["machine"], **report["versions"]}
    list_html = "".join(f"<dt>{e(k.replace('_', ' '))}</dt><dd>{e(v)}</dd>" for k, v in facts.items())
    lines = "".join(f"<dt>{e(k)}</dt><dd><code>{e(v)}</code></dd>" for k, v in report["commands"].items())
    return ("<section><h2>How it was measured</h2>" + "".join(f"<p>{e(p)}</p>" for p in report["method"]) +
            f"<h3>Machine and versions</h3><dl>{list_html}</dl><h3>Command lines</h3><dl>{lines}</dl></section>")


def write(report, path):
    with open(os.path.join(HERE, "page.css"), encoding="utf-8") as f:
        style = f.read()
    overview = plots.overview(report["groups"])
    body = (f'<header><h1>ExOS against Linux</h1><p>{e(report["made"])}, tree {e(report["versions"]["tree"])}, Linux {e(report["versions"]["peer"])}, '
            f'{e(wording.extent(report["options"]))}. The same programs in the same virtual machine. '
            "Figures are guest instructions per operation unless a unit stands by them; below them are times; ± is half the spread of "
            "the runs. Bars are ExOS's share of tuned Linux's, so a short one is good.</p></header>"
            f'<section><h2>Where Linux is better</h2>{losses_html(report)}{over_html(report)}</section>{failures_html(report)}')
    if overview:
        body += f"<section><h2>By group</h2><figure>{overview}</figure></section>"
    body += "".join(group_html(g, report["rows"]) for g in report["groups"]) + facts_html(report)
    with open(path, "w", encoding="utf-8") as f:
        f.write('<!doctype html>\n<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">'
                f"<title>ExOS against Linux</title><style>{style}</style></head><body>{body}</body></html>\n")
