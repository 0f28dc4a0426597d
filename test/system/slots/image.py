#!/usr/bin/python3
"""image.py: disks with a slot table, seen from outside the kernel.

usage: image.py make FILE            a 16 MiB disk: partition 1 for slots, partition 2 for their table
       image.py show FILE            the records of the table that holds
       image.py cuts FILE LOG        FILE as it was before, LOG of QEMU's blklogwrites: the power fails
                                     after every write, and unflushed writes survive in part
       image.py secret FILE          exit status 0 if the pattern that guests write is on the disk

The format is read from aegis/dev/slot_table.h by hand, on purpose: this is a second opinion.
"""
import random
import struct
import sys
import uuid
import zlib

BLOCK = 512
BLOCKS = 32768
TABLE_TYPE = uuid.UUID("ae615107-5107-4b10-9d2e-41656769730a")
DATA_TYPE = uuid.UUID("0fc63daf-8483-4772-8e79-3d69d8477de4")
DATA = (2048, 16384)        # first block, blocks
TABLE = (20480, 128)
HALF = 32                   # blocks of one copy
RECORDS = 255
CHOICES = 4                 # of surviving writes, for each cut
SECRET = b"\xa5" * BLOCK


def gpt(entries_block, mine, other, entries):
    head = struct.pack("<8sIIIIQQQQ16sQIII", b"EFI PART", 0x10000, 92, 0, 0, mine, other, 34,
                       BLOCKS - 34, uuid.UUID(int=1).bytes_le, entries_block, 128, 128,
                       zlib.crc32(entries))
    return head[:16] + struct.pack("<I", zlib.crc32(head)) + head[20:]


def make(path):
    entries = b"".join(struct.pack("<16s16sQQQ72s", kind.bytes_le, uuid.UUID(int=9 + first).bytes_le,
                                   first, first + count - 1, 0, b"")
                       for kind, (first, count) in ((DATA_TYPE, DATA), (TABLE_TYPE, TABLE)))
    entries = entries.ljust(128 * 128, b"\0")
    with open(path, "wb") as f:
        f.truncate(BLOCKS * BLOCK)
        for mine, other, at in ((1, BLOCKS - 1, 2), (BLOCKS - 1, 1, BLOCKS - 33)):
            f.seek(at * BLOCK)
            f.write(entries)
            f.seek(mine * BLOCK)
            f.write(gpt(at, mine, other, entries))


def copy_read(data):
    """(sequence, records) of one copy, or None."""
    magic, version, crc, sequence, home, count = struct.unpack_from("<8sIIQQI", data)
    if magic != b"slttable" or version != 1 or home != TABLE[0] or count > RECORDS:
        return None
    summed = data[:12] + bytes(4) + data[16:64 + 64 * count]
    if zlib.crc32(summed) != crc:
        return None
    records = []
    for n in range(count):
        hi, lo, first, blocks, parent, generation, flags = struct.unpack_from("<QQQQIII", data, 64 + 64 * n)
        if blocks:
            records.append((n + 1, first, blocks, f"{hi:016x}{lo:016x}", parent, generation, flags))
    return sequence, tuple(records)


def table_read(disk):
    """What holds: (sequence, records); (0, ()) before anything was written."""
    halves = [bytes(disk[(TABLE[0] + h * HALF) * BLOCK:(TABLE[0] + (h + 1) * HALF) * BLOCK]) for h in (0, 1)]
    valid = [c for c in map(copy_read, halves) if c]
    if valid:
        return max(valid)
    if any(h[:BLOCK].strip(b"\0") for h in halves):
        raise AssertionError("neither copy of the table is valid")
    return 0, ()


def log_read(path):
    """The entries: (block, data), or None for a flush."""
    with open(path, "rb") as f:
        log = f.read()
    magic, version, count, sector = struct.unpack_from("<QQQI", log)
    if magic != 0x6a736677736872 or version != 1 or sector != BLOCK:
        raise AssertionError("not a log of 512-byte sectors")
    at, entries = BLOCK, []
    for _ in range(count):
        block, blocks, flags, _ = struct.unpack_from("<QQQQ", log, at)
        at += BLOCK
        if flags & 4:
            continue        # a discard: a hint
        if flags & 1:
            entries.append(None)
        for i in range(blocks):
            entries.append((block + i, log[at + i * BLOCK:at + (i + 1) * BLOCK]))
        at += blocks * BLOCK
    return entries


def in_reach(disk, records):
    """A block with a secret that the partition's owner can read, or None."""
    at = DATA[0]
    for first, blocks in sorted((r[1], r[2]) for r in records) + [(DATA[0] + DATA[1], 0)]:
        found = disk.find(SECRET, at * BLOCK, first * BLOCK) if first > at else -1
        if found >= 0:
            return found // BLOCK
        at = max(at, first + blocks)
    return None


def judge(disk, known, firm):
    sequence, records = table_read(disk)
    if sequence < firm:
        raise AssertionError(f"change {firm} was flushed, but {sequence} came up")
    if known.setdefault(sequence, records) != records:
        raise AssertionError(f"change {sequence} comes up in two ways")
    leak = in_reach(disk, records)
    if leak is not None:
        raise AssertionError(f"with change {sequence} block {leak} shows a secret to the partition's owner")


def cuts(before, log):
    with open(before, "rb") as f:
        disk = bytearray(f.read())
    rng = random.Random(1)
    known, firm, pending, done = {}, 0, [], 0
    for entry in log_read(log) + [None]:
        if entry is None:
            for block, data in pending:
                disk[block * BLOCK:(block + 1) * BLOCK] = data
            pending = []
            firm = table_read(disk)[0]
            continue
        pending.append(entry)
        for choice in range(CHOICES):
            kept = [p for p in pending if choice == 1 or (choice > 1 and rng.random() < 0.5)]
            saved = [(b, bytes(disk[b * BLOCK:(b + 1) * BLOCK])) for b, _ in kept]
            for block, data in kept:
                disk[block * BLOCK:(block + 1) * BLOCK] = data
            judge(disk, known, firm)
            for block, data in reversed(saved):
                disk[block * BLOCK:(block + 1) * BLOCK] = data
            done += 1
    print(f"{done} cuts, {len(known) - 1} changes, {firm} written")
    if firm < 20:
        raise AssertionError("the workload hardly changed anything")


def main(argv):
    try:
        if argv[1:2] == ["make"] and len(argv) == 3:
            make(argv[2])
        elif argv[1:2] == ["show"] and len(argv) == 3:
            with open(argv[2], "rb") as f:
                for record in table_read(f.read())[1]:
                    print(*record)
        elif argv[1:2] == ["cuts"] and len(argv) == 4:
            cuts(argv[2], argv[3])
        elif argv[1:2] == ["secret"] and len(argv) == 3:
            with open(argv[2], "rb") as f:
                return 0 if SECRET in f.read() else 1
        else:
            print(__doc__.strip())
            return 2
    except AssertionError as e:
        print(f"image.py: {e}")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv))
