"""What one operation costs, by symbol and by call path: the differences of two runs over the operations between them."""
import argparse
import subprocess

import callpath
from symbols import REGIONS, Symbols


def histogram(path):
    with open(path) as f:
        return {int(a, 16): int(n) for a, n in (line.split() for line in f)}


def by_symbol(counts, symbols):
    """{(region, symbol): {address: instructions per operation}}"""
    rows = {}
    for address, n in counts.items():
        rows.setdefault(symbols.find(address), {})[address] = n
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


def show_symbols(o, symbols):
    before, after = histogram(o.few), histogram(o.many)
    counts = {a: (n - before.get(a, 0)) / o.operations for a, n in after.items()}
    rows = by_symbol({a: n for a, n in counts.items() if n >= 0.05}, symbols)
    print(f"{sum(sum(p.values()) for p in rows.values()):8.1f} instructions per operation, its measuring included")
    for (which, name), parts in sorted(rows.items(), key=lambda r: -sum(r[1].values())):
        print(f"{sum(parts.values()):8.1f}  {REGIONS[which]:8} {name}")
        if o.lines and not symbols.images[which].endswith("kallsyms"):
            listing(symbols.images[which], parts)


def show_paths(o, symbols):
    paths = callpath.difference(callpath.read(o.few + ".paths", symbols), callpath.read(o.many + ".paths", symbols), o.operations)
    whole = callpath.tree(paths)
    print(f"\n{whole.total:8.1f} instructions per operation, by call path")
    callpath.show(whole, whole.total)
    callpath.flame(whole, o.title, o.flame)


def main():
    p = argparse.ArgumentParser()
    p.add_argument("--lines", action="store_true")
    p.add_argument("--title", required=True)
    p.add_argument("--flame", required=True)
    p.add_argument("--operations", type=int, required=True)
    p.add_argument("few")
    p.add_argument("many")
    p.add_argument("images", nargs=3)
    o = p.parse_args()
    symbols = Symbols(o.images)
    show_symbols(o, symbols)
    show_paths(o, symbols)


main()
