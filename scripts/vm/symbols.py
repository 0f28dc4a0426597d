"""Which symbol an address is in: program, library and kernel have their own parts of the address space."""
import bisect
import subprocess

REGIONS = ("program", "exos", "kernel")


def region(address):
    return 2 if address >> 47 else 1 if address >> 39 == 250 else 0


def read(path):
    """Sorted (address, name) of the code in an image, or in a copy of /proc/kallsyms."""
    if path.endswith("kallsyms"):
        with open(path) as f:
            lines = f.read().splitlines()
    else:
        lines = subprocess.run(["nm", "-n", path], capture_output=True, text=True, check=True).stdout.splitlines()
    rows = [line.split() for line in lines]
    return sorted((int(r[0], 16), r[2]) for r in rows if len(r) >= 3 and r[1] in "tTwW")


class Symbols:
    """Images: the program, exos.img (or none: -), and the kernel."""

    def __init__(self, images):
        self.images = images
        self.tables = [[] if path == "-" else read(path) for path in images]
        self.known = {}

    def find(self, address):
        """(region, name)"""
        if address not in self.known:
            which = region(address)
            at = bisect.bisect_right(self.tables[which], (address, "\x7f")) - 1
            self.known[address] = (which, self.tables[which][at][1] if at >= 0 else "?")
        return self.known[address]
