"""Parts of scripts/bench by themselves, with made-up figures. usage: parts.py NAME; it fails, and says where, when it is not as it should be."""
import json
import os
import subprocess
import sys
import tempfile

WORK = os.environ["TEST_WORK"]
os.environ["EXOS_BUILD"] = os.path.join(WORK, "build")
os.environ.setdefault("EXOS_DEPS", "")
sys.path.insert(0, os.path.join(os.environ["EXOS_ROOT"], "scripts/benching"))
import figures  # noqa: E402
import micro  # noqa: E402
import plan  # noqa: E402
import results  # noqa: E402
import transfers  # noqa: E402
from common import Failure  # noqa: E402


def means():
    s = figures.summary([4, 1, 2, 3, 5])
    assert (s["median"], s["spread"]) == (3, round(4 / 3, 5)), s
    assert figures.geometric_mean([0.5, 2, None]) == 1
    assert figures.ratio(s, figures.summary([6])) == 0.5
    pairs = figures.paired_ratio(figures.summary([1, 4, 9]), figures.summary([2, 2, 3]))
    assert pairs == {"median": 2, "low": 0.5, "high": 3}, pairs


def output():
    found, bad = micro.parse("getpid\t100\t500\t2000\ngetpid\t100\t700\t2000\nnonsense\nfork\tfailed\nstat\t10\t5\t5\nstat\tfailed\n")
    assert found == {"getpid": [(5, 20), (7, 20)]} and bad == {"fork": "failed", "stat": "failed"}, (found, bad)


def made_up_rows():
    """One row that Linux loses, one that it wins, one that failed on a side."""
    rows = []
    for key, ours, theirs in (("wins", 10, 100), ("loses", 300, 100), ("fails", None, 100)):
        row = results.new_row(key, "group", f"a row that {key}", "made up", {"linked": 200})
        results.collect(row, "linked", [ours], [ours])
        results.collect(row, "linux", [theirs], [theirs])
        rows.append(results.finish_row(row))
    return rows


def losses():
    rows = made_up_rows()
    assert [(x["row"], x["measure"], x["ratio"]) for x in results.losses(rows)] == [("loses", "instructions", 3), ("loses", "time", 3)]
    assert [x["row"] for x in results.failures(rows)] == ["a row that fails"]
    assert [r["over"] for r in rows] == [[], ["linked"], []]
    summary = results.group_summaries(rows)[0]
    assert summary["ratio"]["linked"] == round((0.1 * 3) ** 0.5, 5) and summary["rows"] == 3, summary


def transfer_repeats():
    row = transfers.ROWS[0]
    good, bad = ["timed", "0", "1", "2", "3"], ["timed", "1", "1", "2", "3"]
    assert transfers.by_row([(row, good), (row, bad)], [row[4] * 5, 1]) == {row[0]: [5, None]}


def steps():
    """Every step is made once; one that failed is made again by the next run, and the others are not."""
    calls = []

    def step(name, alone, value):
        def make():
            calls.append(name)
            if len([c for c in calls if c == name]) == 1 and value is None:
                raise Failure("not yet")
            return value or "at last"
        return plan.Step(name, make, 1, alone)

    os.makedirs(plan.STEPS)
    work = [step("alone", True, 1), step("beside 1", False, 2), step("beside 2", False, None), step("beside 3", False, 3)]
    assert plan.perform(work) == {"alone": 1, "beside 1": 2, "beside 2": None, "beside 3": 3}
    assert calls[-1] == "alone" and plan.failed(work) == [("beside 2", "not yet")], calls
    assert plan.perform(work)["beside 2"] == "at last" and len(calls) == 5 and not plan.failed(work), calls


def page():
    """The report's page from made-up rows: losses first, every figure in it, and nothing from elsewhere."""
    rows = made_up_rows()
    report = {"schema": results.SCHEMA, "made": "then", "options": {"quick": False, "groups": ["group"], "runs": 1}, "machine": {"processor": "p"},
              "versions": {"tree": "t", "peer": "6.12"}, "method": ["A <method>."], "commands": {"a": "command"},
              "groups": results.group_summaries(rows), "losses": results.losses(rows), "failures": results.failures(rows), "rows": rows}
    path = os.path.join(tempfile.mkdtemp(dir=WORK), "report.json")
    with open(path, "w", encoding="utf-8") as f:
        json.dump(report, f)
    done = subprocess.run([os.path.join(os.environ["EXOS_ROOT"], "scripts/bench"), "--report", path], env=dict(os.environ, EXOS_NO_BUILD="1"))
    assert done.returncode == 1, "a report with a failure is a status of 1"
    with open(path[:-4] + "html", encoding="utf-8") as f:
        html = f.read()
    with open(path[:-4] + "md", encoding="utf-8") as f:
        text = f.read()
    assert html.index("Where Linux is better") < html.index("What failed") < html.index("By group") < html.index("a row that wins")
    assert html.count("<svg") == 2 and "A &lt;method&gt;." in html and "a row that fails" in html
    assert 'src="' not in html and "<link" not in html and "<script" not in html and "@import" not in html
    assert text.index("Where Linux is better") < text.index("| a row that wins | 10 |"), text


{f.__name__: f for f in (means, output, losses, transfer_repeats, steps, page)}[sys.argv[1]]()
