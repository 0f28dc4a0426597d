"""Instructions counted from outside by scripts/vm/count.c: between the marks that `bench --time` and `bench --io` execute, or live."""
import contextlib
import functools
import os
import struct
import subprocess
import tempfile

from common import OUT, ROOT, Failure

BEGIN, END, ENTRY = "0001", "0002", "ffff"


@functools.cache
def plugin():
    """The path of the built plugin, which a plan asks for before its steps run side by side."""
    source, built = os.path.join(ROOT, "scripts/vm/count.c"), os.path.join(OUT, "count.so")
    if not os.path.exists(built) or os.path.getmtime(built) < os.path.getmtime(source):
        os.makedirs(OUT, exist_ok=True)
        subprocess.run(["gcc", "-O2", "-Wall", "-Wextra", "-shared", "-fPIC", "-o", built, source], check=True)
    return built


def options(marks, *more):
    return ["--qemu", "-plugin " + ",".join([f"file={plugin()}", f"out={marks}", *more])]


@contextlib.contextmanager
def file():
    """A name for marks or live counters, of this run alone."""
    handle, path = tempfile.mkstemp(prefix="counted.", dir=OUT)
    os.close(handle)
    try:
        yield path
    finally:
        os.unlink(path)


def live(path):
    """All instructions so far, of a machine that runs with live=PATH."""
    with open(path, "rb") as f:
        return sum(struct.unpack("3Q", f.read(24)))


def read(marks):
    """[(number, nanoseconds, instructions so far)]"""
    with open(marks) as f:
        rows = [line.split() for line in f]
    return [(r[1], int(r[2]), sum(int(v) for v in r[3:])) for r in rows]


def spans(marks):
    """Instructions between each begin and its end."""
    out, begun = [], None
    for number, _, count in read(marks):
        if number == BEGIN:
            begun = count
        elif number == END and begun is not None:
            out.append(count - begun)
            begun = None
    if begun is not None:
        raise Failure("a mark has no end: the program between did not come back")
    return out
