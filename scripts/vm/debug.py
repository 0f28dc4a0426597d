"""What gdb is told for a run with --gdb: where the symbols are, and scripts/vm/aegis.gdb."""
import os

from common import say


def is_elf(path):
    with open(path, "rb") as f:
        return f.read(4) == b"\x7fELF"


def symbols_of(o):
    """Of the kernel, the image, and the first program that --add brings."""
    files = [os.path.join(o.build, "aegis/aegis.elf"), os.path.join(o.build, "exos/exos.img")]
    added = [os.path.abspath(spec.rpartition(":")[0]) for spec in o.add]
    return files + [p for p in added if is_elf(p)][:1]


def write_gdbinit(o):
    """build/run/gdbinit: gdb -x it, and the guest stands before its first instruction."""
    kernel, *others = symbols_of(o)
    path = os.path.join(o.build, "run", "gdbinit")
    lines = ["set confirm off", "set pagination off", f"set $aegis_programs = \"{o.build}/userland/bin\"", f"file {kernel}"]
    lines += [f"add-symbol-file {other}" for other in others]
    lines += [f"source {os.path.join(o.root, 'scripts/vm/aegis.gdb')}", f"target remote 127.0.0.1:{o.gdb_port}"]
    with open(path, "w", encoding="utf-8") as f:
        f.write("\n".join(lines) + "\n")
    say(f"waiting for: gdb -x {path}")
