#!/usr/bin/python3
"""mkmodules.py: pack boot modules into one file, for loaders that pass a single one.

usage: mkmodules.py OUTPUT NAME=FILE...

The format is a newc cpio archive in which every file's data starts on a page boundary of the
archive: the name field is padded with zero bytes until it does. A reader that knows only newc
needs no special case; one that wants whole pages can use them in place.
"""
import sys

PAGE = 4096
HEADER = 110


def align(n, to):
    return (n + to - 1) // to * to


def entry(offset, name, mode, size):
    """The header and padded name of a file whose header starts at offset."""
    name = name.encode() + b"\0"
    if size:
        name = name.ljust(align(offset + HEADER + len(name), PAGE) - offset - HEADER, b"\0")
    fields = [0, mode, 0, 0, 1, 0, size, 0, 0, 0, 0, len(name), 0]
    head = b"070701" + b"".join(b"%08X" % f for f in fields) + name
    return head.ljust(align(len(head), 4), b"\0")


def main(argv):
    if len(argv) < 3 or argv[1] == "--help":
        print(__doc__.strip())
        return 0 if len(argv) > 1 else 2
    with open(argv[1], "wb") as out:
        for spec in argv[2:]:
            name, _, path = spec.partition("=")
            with open(path, "rb") as f:
                data = f.read()
            out.write(entry(out.tell(), name, 0o100644, len(data)))
            out.write(data.ljust(align(len(data), 4), b"\0"))
        out.write(entry(out.tell(), "TRAILER!!!", 0, 0))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv))
