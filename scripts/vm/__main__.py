"""The body of scripts/run: options in, one QEMU run, an exit status out."""
import argparse
import fcntl
import hashlib
import os
import re
import shlex
import shutil
import signal
import subprocess
import sys
import tempfile

import debug
import disk
import qemu
import session
from common import Failure, say

COMMAND_BYTES = 960     # the kernel keeps a command line of 1024, with its other words


class Parser(argparse.ArgumentParser):
    def error(self, message):
        raise Failure(f"{message} (see scripts/run --help)")


def parse(argv):
    p = Parser(prog="scripts/run", allow_abbrev=False, add_help=False)
    p.add_argument("--exec", dest="command")
    p.add_argument("--strace", action="store_true")
    p.add_argument("--services", action="store_true")
    p.add_argument("--add", action="append", default=[])
    p.add_argument("--disk")
    p.add_argument("--readonly", action="store_true")
    p.add_argument("--packages")
    p.add_argument("--scratch", action="store_true")
    p.add_argument("--mem", type=int, default=256)
    p.add_argument("--smp", type=int, default=1)
    p.add_argument("--machine", choices=["q35", "pc"], default="q35")
    p.add_argument("--uefi", action="store_true")
    p.add_argument("--direct", action="store_true")
    p.add_argument("--iso", dest="direct", action="store_false")
    p.add_argument("--linux", action="store_true")
    p.add_argument("--linux-defaults", dest="tuned", action="store_false")
    p.add_argument("--kvm", dest="accel", action="store_const", const="kvm")
    p.add_argument("--tcg", dest="accel", action="store_const", const="tcg")
    p.add_argument("--icount", action="store_true")
    p.add_argument("--net", default="user")
    p.add_argument("--forward", action="append")
    p.add_argument("--pcap")
    p.add_argument("--boot", default="")
    p.add_argument("--gdb", action="store_true")
    p.add_argument("--gdb-port", type=int, default=1234)
    p.add_argument("--timeout", type=float)
    p.add_argument("--verbose", action="store_true")
    p.add_argument("--qemu", default="")
    p.add_argument("--build")
    o = p.parse_args(argv)
    o.qemu = shlex.split(o.qemu)
    o.linux |= not o.tuned
    o.root = os.environ["EXOS_ROOT"]
    o.deps = os.environ["EXOS_DEPS"]
    o.make = not (o.build or os.environ.get("EXOS_NO_BUILD"))
    o.build = os.path.abspath(o.build or os.environ["EXOS_BUILD"])
    if o.forward is None:
        o.forward = ["8080:80"] if o.command is None and o.net == "user" else []
    return o


def check(o):
    """What can be refused before anything is built is refused then."""
    if o.command is not None and not o.command.strip():
        raise Failure("--exec needs a command")
    if o.boot and re.search(r"(^|\s)exec=|\n", o.boot):
        raise Failure("--boot: words in one line, and no exec=, which --exec gives")
    if o.command and len((o.boot + o.command).encode()) > COMMAND_BYTES:
        raise Failure(f"--exec: the command is longer than {COMMAND_BYTES} bytes; put it into a script: --add FILE:/root/run")
    if o.mem < 8:
        raise Failure("--mem: at least 8 MiB")
    if o.smp < 1:
        raise Failure("--smp: at least 1")
    if o.uefi and (o.direct or o.linux):
        raise Failure("--uefi boots the ISO: it does not go with --direct or --linux")
    if o.strace and o.linux:
        raise Failure("--strace is ExOS's: it does not go with --linux")
    if o.icount and o.accel == "kvm":
        raise Failure("--icount needs TCG: it does not go with --kvm")
    if o.packages is not None and o.disk:
        raise Failure("--packages makes a root disk of its own: it does not go with --disk")
    if o.disk == "none" and (o.add or o.linux):
        raise Failure("--disk none does not go with --add or --linux: they need a disk")
    if not o.make and not os.path.isdir(o.build):
        raise Failure(f"--build {o.build}: there is no such directory")
    if o.disk == "small":
        o.disk = os.path.join(o.build, "small.img")
    elif o.disk and o.disk != "none":
        disk.check(o, o.disk)
    for spec in o.add:
        disk.split_spec(spec)
    qemu.network(o)


def make(o):
    """Builds what is out of date. The guest's input is not for these."""
    steps = [["scripts/setup", "--linux"]] if o.linux else []
    for script, *options in steps + [["scripts/build"]]:
        done = subprocess.run([os.path.join(o.root, script), *options], stdin=subprocess.DEVNULL)
        if done.returncode:
            raise Failure(f"{script} failed, so nothing was booted")


def packaged_disk(o):
    """The root disk with these Debian packages: made once, whoever wants it, and again when our own programs have changed."""
    names = sorted(set(o.packages.split()))
    key = hashlib.sha256(" ".join(names).encode()).hexdigest()[:16]
    path = os.path.join(o.build, "roots", key + ".img")
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path + ".lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        return make_packaged_disk(o, names, path)


def make_packaged_disk(o, names, path):
    ours = os.path.join(o.build, "boot", "root.stamp")
    if os.path.exists(path) and os.path.getmtime(path) >= os.path.getmtime(ours):
        return path
    if os.path.exists(path):
        os.replace(path, path + ".old")
        say(f"making the disk again; the one before, with what guests wrote to it, is {path}.old")
    done = subprocess.run([os.path.join(o.root, "scripts", "mkroot"), "--packages", " ".join(names), "-o", path],
                          stdin=subprocess.DEVNULL)
    if done.returncode:
        raise Failure("scripts/mkroot failed, so nothing was booted")
    return path


def main(argv):
    work = None
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))
    try:
        o = parse(argv)
        check(o)
        if o.make:
            make(o)
        if o.packages is not None:
            o.disk = packaged_disk(o)
        if not shutil.which("qemu-system-x86_64"):
            raise Failure("qemu-system-x86_64 is missing: run scripts/setup")
        runs = os.path.join(o.build, "run")
        os.makedirs(runs, exist_ok=True)
        work = tempfile.mkdtemp(prefix="vm.", dir=runs)
        root = disk.prepare(o, work)
        command = qemu.command_line(o, root, work)
        if o.gdb:
            debug.write_gdbinit(o)
        if o.command is None:
            return session.interactive(o, command, work)
        return session.execute(o, command, work)
    except Failure as e:
        say(str(e))
        return 125
    except KeyboardInterrupt:
        return 130
    finally:
        if work:
            shutil.rmtree(work, ignore_errors=True)


sys.exit(main(sys.argv[1:]))
