"""The disk as a power cut leaves it, state after state.

usage: cuts.py BEFORE LOG JOURNAL WORK STATES SEED

BEFORE is the disk before the work, LOG what QEMU's blklogwrites recorded of it (the format of Linux' dm-log-writes), JOURNAL what
work.c said. A state is a prefix of the log in which each write since the last flush is there or not. In each of them nothing may hold
another file's data, what was synced has to be there as it was, before and after e2fsck, and e2fsck has to be able to repair it all.
Prints what was counted; the exit status is 0 if all of it holds.
"""
import os
import random
import re
import shutil
import struct
import subprocess
import sys

SECTOR = 512
LOG_MAGIC, LOG_HEAD, LOG_ENTRY = 0x6A736677736872, struct.Struct("<QQQI"), struct.Struct("<QQQQ")
FLUSH, FUA, DISCARD = 1, 2, 4
MAGIC = b"exos cut"
DIRECTORY = "/root/cut"
FILES = 20
TOOLS = dict(os.environ, PATH=os.environ["PATH"] + ":/usr/sbin:/sbin", LC_ALL="C")


def read_log(path):
    """[(sector, data or None for zeroes, bytes, flags)], in order."""
    with open(path, "rb") as f:
        log = f.read()
    magic, _, count, size = LOG_HEAD.unpack_from(log)
    assert magic == LOG_MAGIC, "this is no log of writes"
    entries, at = [], size
    for _ in range(count):
        sector, sectors, flags, length = LOG_ENTRY.unpack_from(log, at)
        at += size
        data = None if flags & DISCARD else log[at:at + sectors * SECTOR]
        at += len(data or b"")
        entries.append((sector, data, sectors * SECTOR, flags))
    return entries


class Step:
    def __init__(self, number, what, file=None, length=0, synced=False):
        self.number, self.what, self.file, self.length, self.synced = number, what, file, length, synced


def read_journal(path):
    steps = []
    for line in open(path):
        m = re.fullmatch(r"(\d+) (wrote|removed|moved|synced)(?: (\d+))?(?: (\d+))?( synced)?\n", line)
        if m:
            steps.append(Step(int(m[1]), m[2], int(m[3]) if m[3] else None, int(m[4] or 0), m[5] is not None))
    return steps


def content(step):
    """What work.c wrote in it."""
    out = bytearray()
    for _ in range(0, step.length, SECTOR):
        head = MAGIC + struct.pack("<II", step.file, step.number)
        out += head + bytes([step.number % 251 + 1]) * (SECTOR - len(head))
    return bytes(out[:step.length])


def tags(data):
    for at in range(0, len(data or b""), SECTOR):
        if data[at:at + 8] == MAGIC:
            yield struct.unpack_from("<I", data, at + 12)[0]


class History:
    """When what happened: steps are told by what they wrote."""

    def __init__(self, entries, steps):
        self.entries, self.steps = entries, steps
        self.first, self.newest = {}, [0]
        for i, (_, data, _, _) in enumerate(entries):
            newest = self.newest[-1]
            for tag in tags(data):
                self.first.setdefault(tag, i)
                newest = max(newest, tag)
            self.newest.append(newest)

    def span(self, cut):
        """The steps before the first are over; those after the second have not begun."""
        late = [s.number for s in self.steps if s.what == "wrote" and s.synced and self.first.get(s.number, cut) >= cut]
        return self.newest[cut], min(late, default=sys.maxsize)

    def durable(self, file, cut):
        """(the step whose content the file must have, or None; may it be under the other name)"""
        over, last = self.span(cut)
        held, moved, pending = None, False, None
        for s in self.steps:
            if s.number > last:
                break
            certain = s.number < over
            if s.what == "synced" and certain and pending:
                held, moved = pending, pending_moved
            if s.file != file:
                continue
            if s.what == "moved":
                moved = pending_moved = True
                continue
            held, moved, pending, pending_moved = None, False, None, False
            if s.what == "wrote" and certain:
                pending = s
                if s.synced:
                    held = s
        return held, moved


def names(file):
    return f"file{file:02}", f"other{file:02}"


def read_files(image, where):
    """What is under each name: by debugfs, which believes what the disk says."""
    shutil.rmtree(where, ignore_errors=True)
    os.mkdir(where)
    commands = "".join(f"dump {DIRECTORY}/{n} {where}/{n}\n" for f in range(FILES) for n in names(f))
    subprocess.run(["debugfs", "-f", "-", image], input=commands, text=True, env=TOOLS, capture_output=True, check=True)
    found = {}
    for n in os.listdir(where):
        with open(os.path.join(where, n), "rb") as f:
            found[n] = f.read()
    return found


def judge_files(found, history, cut):
    """What is wrong, and how many synced files were looked at."""
    wrong, looked = [], 0
    for file in range(FILES):
        for name in names(file):
            data = found.get(name, b"")
            for at in range(0, len(data), SECTOR):
                if data[at:at + 8] == MAGIC and struct.unpack_from("<I", data, at + 8)[0] != file:
                    wrong.append(f"{name} holds another file's data at {at}")
        step, moved = history.durable(file, cut)
        if step is None:
            continue
        looked += 1
        name, other = names(file)
        want = content(step)
        if found.get(name) != want and not (moved and found.get(other) == want):
            wrong.append(f"{name}: step {step.number} was synced and is not there")
    return wrong, looked


class Disk:
    """The disk with all that has been flushed, and states of it."""

    def __init__(self, before, work):
        self.flushed = os.path.join(work, "flushed.img")
        self.state = os.path.join(work, "state.img")
        self.done = 0
        subprocess.run(["cp", "--sparse=always", before, self.flushed], check=True)

    def write(self, path, entries):
        with open(path, "r+b") as f:
            for sector, data, size, _ in entries:
                f.seek(sector * SECTOR)
                f.write(data if data is not None else bytes(size))

    def make(self, entries, cut, choose):
        last = max((i + 1 for i in range(cut) if entries[i][3] & FLUSH), default=0)
        if last > self.done:
            self.write(self.flushed, entries[self.done:last])
            self.done = last
        subprocess.run(["cp", "--sparse=always", self.flushed, self.state], check=True)
        self.write(self.state, [e for e in entries[last:cut] if e[3] & FUA or choose(2)])


def repaired(image):
    done = subprocess.run(["e2fsck", "-fy", image], env=TOOLS, capture_output=True, text=True)
    return None if done.returncode <= 1 else f"e2fsck ends with {done.returncode}: {done.stdout[-600:]}"


def main(before, log, journal, work, states, seed):
    random.seed(int(seed))
    entries, steps = read_log(log), read_journal(journal)
    history, disk = History(entries, steps), Disk(before, work)
    cuts = sorted(random.randrange(1, len(entries) + 1) for _ in range(int(states)))
    looked = bad = 0
    for cut in cuts:
        disk.make(entries, cut, random.randrange)
        wrong, n = judge_files(read_files(disk.state, work + "/files"), history, cut)
        looked += n
        broken = repaired(disk.state)
        wrong += [broken] if broken else judge_files(read_files(disk.state, work + "/files"), history, cut)[0]
        bad += bool(wrong)
        for w in wrong:
            print(f"cut after write {cut}: {w}")
    flushes = sum(bool(e[3] & FLUSH) for e in entries)
    print(f"{len(cuts)} states of {len(entries)} writes and {flushes} flushes, {len(steps)} steps; {looked} synced files looked at; {bad} states bad")
    return 0 if cuts and looked and not bad else 1


sys.exit(main(*sys.argv[1:]))
