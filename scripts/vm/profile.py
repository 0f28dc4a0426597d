"""What one operation costs, by symbol: the difference of two histograms over the samples between them."""
import bisect
import subprocess
import sys


def symbols(path):
    """Sorted (address, name) of an image's code."""
    out = subprocess.run(["nm", "-n", path], capture_output=True, text=True, check=True).stdout
    rows = [line.split() for line in out.splitlines()]
    return [(int(r[0], 16), r[2]) for r in rows if len(r) == 3 and r[1] in "tTwW"]


def histogram(path):
    with open(path) as f:
        return {int(a, 16): int(n) for a, n in (line.split() for line in f)}


def region(address):
    return 2 if address >> 47 else 1 if address >> 39 == 250 else 0


def by_symbol(counts, images):
    """{(image, symbol): {address: instructions per operation}}"""
    tables = [symbols(path) for path in images]
    rows = {}
    for address, n in counts.items():
        which = region(address)
        at = bisect.bisect_right(tables[which], (address, "\x7f")) - 1
        name = tables[which][at][1] if at >= 0 else "?"
        rows.setdefault((which, name), {})[address] = n
    return rows


def listing(image, addresses):
    """The executed instructions of one symbol, with their counts."""
    out = subprocess.run(["objdump", "-d", "--no-show-raw-insn", f"--start-address={min(addresses)}",
                          f"--stop-address={max(addresses) + 16}", image],
                         capture_output=True, text=True, check=True).stdout
    for line in out.splitlines():
        head = line.split(":")[0].strip()
        try:
            n = addresses.get(int(head, 16))
        except ValueError:
            continue
        if n:
            print(f"        {n:8.1f} {line.strip()}")


def main(few, many, operations, detail, *images):
    before, after = histogram(few), histogram(many)
    operations = int(operations)
    counts = {a: (n - before.get(a, 0)) / operations for a, n in after.items()}
    counts = {a: n for a, n in counts.items() if n >= 0.05}
    rows = by_symbol(counts, images)
    print(f"{sum(counts.values()):8.1f} instructions per operation, its measuring included")
    for (which, name), parts in sorted(rows.items(), key=lambda r: -sum(r[1].values())):
        print(f"{sum(parts.values()):8.1f}  {('program', 'exos', 'aegis')[which]:8} {name}")
        if detail == "1":
            listing(images[which], parts)


main(*sys.argv[1:])
