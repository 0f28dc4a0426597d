"""Disk and network with a peer on the host. One boot makes one run of each row of the disk, so what is read is cold, and several of the wire's."""
import functools
import os

import counting
import guest
from common import OUT
from peer import Peer

GROUPS = ("disk", "wire")
SIDES = ("linked", "unmodified", "linux", "defaults")
REPEATS = {"disk": 1, "wire": 3}    # in a boot
HOST = "10.0.2.2"               # how a guest sees this machine
DISK_KIB, RANDOM, WIRE_KIB, ECHOES = 16384, 500, 8192, 1000
COLD = os.path.join(OUT, "cold")

# id, group, name, what, operations, arguments of bench --io
ROWS = [
    ("read", "disk", "sequential read, cold, per KiB", "16 MiB in pieces of 64 KiB", DISK_KIB, f"read /root/cold-1 {DISK_KIB}"),
    ("random_read", "disk", "random read, cold, 4 KiB", "pread in a file of 16 MiB", RANDOM, f"random-read /root/cold-2 {RANDOM}"),
    ("write", "disk", "sequential write and fsync, per KiB", "16 MiB in pieces of 64 KiB, one fsync", DISK_KIB, f"write /root/new {DISK_KIB}"),
    ("random_write", "disk", "random write and fsync, 4 KiB", "pwrite and fsync, each time", RANDOM, f"random-write /root/new {RANDOM}"),
    ("send", "wire", "TCP to the host, per KiB", "8 MiB in pieces of 64 KiB, until all has arrived", WIRE_KIB, "send {host} {tcp} " + str(WIRE_KIB)),
    ("receive", "wire", "TCP from the host, per KiB", "8 MiB", WIRE_KIB, "receive {host} {tcp} " + str(WIRE_KIB)),
    ("echo", "wire", "UDP round trip to the host", "64 bytes, one at a time", ECHOES, "echo {host} {udp} " + str(ECHOES)),
]


@functools.cache
def cold_file():
    """Bytes that are no zeros: two copies go onto each run's private disk."""
    if not os.path.exists(COLD):
        os.makedirs(OUT, exist_ok=True)
        with open(COLD + ".new", "wb") as f:
            f.write(bytes(range(1, 256)) * (DISK_KIB * 1024 // 255 + 1))
            f.truncate(DISK_KIB * 1024)
        os.replace(COLD + ".new", COLD)
    return ["--add", f"{COLD}:/root/cold-1", "--add", f"{COLD}:/root/cold-2"]


def run(side, groups, *options):
    """[(row, the words that bench --io printed)], repeats next to each other"""
    program = "bench" if side == "linked" else "bench.linux"
    rows = [r for r in ROWS if r[1] in groups for _ in range(REPEATS[r[1]])]
    with Peer() as peer:
        words = {"host": HOST, "tcp": peer.tcp, "udp": peer.udp}
        command = "; ".join(f"{program} --io {r[5].format(**words)}" for r in rows)
        text = guest.run(side, command, *cold_file(), *options)
    lines = [line.split("\t") for line in text.splitlines() if line.startswith("timed\t")]
    return list(zip(rows, lines)) if len(lines) == len(rows) else []


def by_row(lines, values):
    """{row: [of each repeat, per operation]}; None where it failed"""
    found = {}
    for (row, line), value in zip(lines, values):
        found.setdefault(row[0], []).append(value / row[4] if line[1] == "0" else None)
    return found


def times(side, groups):
    lines = run(side, groups)
    return by_row(lines, [int(line[4]) for _, line in lines])


def instructions(side, groups):
    with counting.file() as marks:
        lines = run(side, groups, *counting.options(marks))
        return by_row(lines, counting.spans(marks))
