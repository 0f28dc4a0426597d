"""What an operation costs when as many processes as there are CPUs make it at once: `bench --workers` on 1, 2 and 4 CPUs."""
import counting
import guest
from common import Failure

CPUS = (1, 2, 4)
SIDES = {"linked": "ExOS", "linux": "Linux"}
# argument of bench --workers, what, operations of each worker
ROWS = (("compute", "1000 steps of computing", 2000), ("getppid", "a call that needs no turn", 20000), ("umask", "a call that needs the turn", 20000),
        ("fault", "a page fault, memory of its own", 5120), ("pipe", "a byte through a pipe of its own", 10000),
        ("pread", "4 KiB of a file that all read", 10000))
# Counted time has virtual CPUs in turns on one thread: the counters of several threads would lose instructions.
COUNTED = "--icount"


def measured(side, cpus):
    """{row: instructions per operation}"""
    program = "bench" if side == "linked" else "bench.linux"
    command = "; ".join(f"{program} --workers {name} {cpus} {n}" for name, _, n in ROWS)
    with counting.file() as marks:
        text = guest.run(side, command, "--smp", str(cpus), COUNTED, *counting.options(marks))
        spans = counting.spans(marks)
    lines = [line.split("\t") for line in text.splitlines() if line.startswith("timed\t")]
    if len(lines) != len(ROWS) or len(spans) != len(ROWS) or any(line[1] != "0" for line in lines):
        raise Failure(f"{side} on {cpus} CPUs: {text}")
    return {row[0]: span / int(line[2]) for row, line, span in zip(ROWS, lines, spans)}


def show():
    """The table of docs/bench.md, on standard output."""
    counting.plugin()
    values = {(side, cpus): measured(side, cpus) for side in SIDES for cpus in CPUS}
    print("| instructions per operation |" + "".join(f" {name}, {n} CPU{'s' * (n > 1)} |" for name in SIDES.values() for n in CPUS))
    print("|---|" + "---:|" * len(values))
    for name, what, _ in ROWS:
        print(f"| {what} (`{name}`) |" + "".join(f" {round(values[side, n][name]):,} |".replace(",", " ") for side in SIDES for n in CPUS))
    return 0
