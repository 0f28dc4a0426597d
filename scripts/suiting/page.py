"""docs/suites.md out of the results."""
import os

import boots
import units

SUITES = ("busybox", "perl", "python")
TITLES = {
    "busybox": "busybox 1.35.0, its testsuite", "perl": "perl 5.36.0, `t/op` and `t/io`",
    "python": "python 3.11, of `test`: " + ", ".join(u.replace("test_", "") for u in units.PYTHON),
}
HEAD = """# Suites

The test suites that Debian's programs bring, run with Debian's unmodified binaries on ExOS and on Linux 6.12 in the same virtual machine.
`scripts/suites` runs them and writes this page. A test that passes on Linux and does not pass, or does not come about, on ExOS is
listed below the table, and then what fails on both; `it ends by itself` is said of a file that a signal or its time limit ended. Everything
runs as root, without the network, each file within ten minutes. ExOS was that of VERSIONS.

| suite | files compared | tests | Linux: passed | failed | skipped | ExOS: passed | failed | skipped | pass on Linux alone |
|---|---:|---:|---:|---:|---:|---:|---:|---:|---:|
"""


def results(build, suite, unit):
    """{system: {key: (word, name)}}, or None unless both systems have run it."""
    both = {}
    for system in ("linux", "exos"):
        kept = boots.load(build, suite, system, unit)
        if kept is None:
            return None
        both[system] = units.read(suite, kept[1], kept[0])
    return both


def lost_on_exos(both):
    return [name for key, (word, name) in both["linux"].items() if word == "ok" and both["exos"].get(key, ("",))[0] != "ok"]


def fails_on_both(both):
    return [name for key, (word, name) in both["linux"].items() if word == "fail" and both["exos"].get(key, ("fail",))[0] == "fail"]


def versions(build):
    """The commits that ExOS's results are of."""
    kept = (boots.load(build, s, "exos", u) for s in SUITES for u in units.units(build, s))
    return ", ".join(sorted({k[2] or "-" for k in kept if k}))


def listed(title, found):
    return [title] + [f"- **{unit}**: " + "; ".join(f"`{n}`" for n in names) for unit, names in sorted(found.items()) if names]


def count(all_results, system, word):
    return sum(1 for r in all_results for w, _ in r[system].values() if w == word)


def rows(build):
    for suite in SUITES:
        have = {u: r for u in units.units(build, suite) if (r := results(build, suite, u))}
        if have:
            yield suite, have


def write(root, build):
    table, lists = [], []
    for suite, have in rows(build):
        every = have.values()
        lost = {u: lost_on_exos(r) for u, r in have.items()}
        numbers = [count(every, s, w) for s in ("linux", "exos") for w in ("ok", "fail", "skip")]
        total = sum(len(set(r["linux"]) | set(r["exos"])) for r in every)
        table.append(f"| {suite} | {len(have)} of {len(units.units(build, suite))} | {total} | " + " | ".join(map(str, numbers)) + f" | {sum(map(len, lost.values()))} |")
        lists.append(f"\n## {suite}\n\n{TITLES[suite]}.\n")
        for title, found in (("On Linux alone pass:\n", lost), ("\nOn both fail:\n", {u: fails_on_both(r) for u, r in have.items()})):
            if any(found.values()):
                lists += listed(title, found)
    with open(os.path.join(root, "docs", "suites.md"), "w", encoding="utf-8") as f:
        f.write(HEAD.replace("VERSIONS", versions(build)) + "\n".join(table) + "\n" + "\n".join(lists) + "\n")
    print("\n".join(table))
