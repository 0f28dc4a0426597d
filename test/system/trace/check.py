"""check.py FILE: a trace in the Trace Event Format that a viewer can draw. Says what is wrong with it."""
import json
import sys

with open(sys.argv[1]) as f:
    trace = json.load(f)
events = trace["traceEvents"]
wrong = [e for e in events if not {"name", "ph", "pid", "tid", "ts"} <= e.keys()]
wrong += [e for e in events if e["ph"] == "i" and (e.get("s") != "t" or "cpu" not in e["args"])]
wrong += [e for e in events if e["ph"] == "X" and e["dur"] < 0]
end = {}
for e in (e for e in events if e["ph"] == "X"):     # one env at a time has a processor
    if e["ts"] < end.get(e["tid"], 0) - 0.002:
        wrong.append(e)
    end[e["tid"]] = e["ts"] + e["dur"]
instants = [e["ts"] for e in events if e["ph"] == "i"]
if instants != sorted(instants):
    wrong.append("not in the order of time")
if not end or len(instants) < 10:
    wrong.append("too little")
print("\n".join(map(str, wrong[:10])))
sys.exit(bool(wrong))
