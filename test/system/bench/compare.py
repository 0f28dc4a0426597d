"""Feeds two made-up reports to the comparison of scripts/bench: usage: compare.py FACTOR. What changed is printed; status 1 if it got worse."""
import copy
import os
import sys

os.environ.setdefault("EXOS_DEPS", "")
sys.path.insert(0, os.path.join(os.environ["EXOS_ROOT"], "scripts/benching"))
import compare  # noqa: E402
from figures import summary  # noqa: E402

RUNS = [100.0, 101.0, 100.5, 100.2, 100.1]
NOISY = [1000.0, 1900.0, 1100.0, 1200.0, 1300.0]
old = {"made": "then", "versions": {"tree": "a"},
       "rows": [{"id": "row", "name": "a row", "figures": {"linked": summary(RUNS)}, "time_ns": {"linked": summary(NOISY)}}]}
new = copy.deepcopy(old)
factor = float(sys.argv[1])
new["rows"][0]["figures"]["linked"] = summary([v * factor for v in RUNS])
new["rows"][0]["time_ns"]["linked"] = summary([v * factor for v in NOISY])
sys.exit(1 if compare.show(old, new) else 0)
