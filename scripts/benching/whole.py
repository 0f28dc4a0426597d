"""The whole system: from the kernel's entry to the first command, memory in use, the least memory that will do, sizes of images."""
import glob
import os
import subprocess

import counting
import guest
from common import BUILD, DEPS, Failure

GROUP = "system"
SIDES = ("linked", "linux", "defaults")
LINUX_ENTRY = 0x100000          # of a bzImage's protected-mode part: Documentation/arch/x86/boot.rst
MACHINE_MIB = 256
LEAST_MIB, MOST_MIB, STEP_MIB = 8, 192, 2
TRY_S = 40
MARK = "bench.linux --time true"
SERVED = "served"
FETCH = f"for i in $(seq 50); do busybox wget -q -O /dev/null http://127.0.0.1/ && echo {SERVED} && break; sleep 0.02; done"


def serve(side):
    return "busybox httpd -h /srv/www & " if guest.is_linux(side) else "httpd & "


def entry(side):
    if guest.is_linux(side):
        return LINUX_ENTRY
    said = subprocess.run(["nm", os.path.join(BUILD, "aegis/aegis.elf")], capture_output=True, text=True, check=True).stdout
    return next(int(line.split()[0], 16) for line in said.splitlines() if line.endswith(" boot_pvh"))


def start(side, serving, counted):
    """From the kernel's first instruction to the mark, which is the first command or comes when a page is served: instructions, or nanoseconds."""
    more = [f"entry={entry(side):#x}"] + ([] if counted else ["count=off"])
    at = {}
    with counting.file() as marks:
        guest.boot(side, (serve(side) + FETCH + "; " if serving else "") + MARK, *counting.options(marks, *more))
        for number, ns, count in counting.read(marks):
            at.setdefault(number, count if counted else ns)
    if counting.ENTRY not in at or counting.BEGIN not in at:
        raise Failure(f"{side}: the kernel's entry or the first command was not seen")
    return at[counting.BEGIN] - at[counting.ENTRY]


def starts(side, serving, counted, runs):
    """Instructions or nanoseconds; every run is a boot of its own."""
    return [start(side, serving, counted) for _ in range(runs)]


def memory_kib(side):
    """What of the machine's memory is not free when the first command runs."""
    text = guest.boot(side, "cat /proc/meminfo")
    free = next(int(line.split()[1]) for line in text.splitlines() if line.startswith("MemFree:"))
    return MACHINE_MIB * 1024 - free


def works(side, mib, command, want):
    try:
        return want in guest.boot(side, command, "--mem", str(mib), limit=TRY_S)
    except Failure:
        return False


def least_mib(side, serving):
    """The least memory, in steps, in which the command does what it should."""
    command = serve(side) + FETCH if serving else "echo here"
    want = SERVED if serving else "here"
    low, high = LEAST_MIB, MOST_MIB
    if works(side, low, command, want):
        return low
    while high - low > STEP_MIB:
        middle = (low + high) // 2 // STEP_MIB * STEP_MIB
        if works(side, middle, command, want):
            high = middle
        else:
            low = middle
    return high


def image_bytes(side):
    """What the loader puts into memory: kernel, and library or initial RAM disk."""
    if guest.is_linux(side):
        parts = [max(glob.glob(os.path.join(where, name))) for where, name in ((DEPS, "linux/boot/vmlinuz-*"), (BUILD, "boot/linux-initrd-*"))]
    else:
        parts = [os.path.join(BUILD, "boot/stripped", n) for n in ("aegis.elf", "exos.img", "init")]
    return [os.path.getsize(p) for p in parts]


def amounts(side):
    sizes = image_bytes(side)
    return {"memory": memory_kib(side), "least": least_mib(side, False), "least_serving": least_mib(side, True),
            "kernel": sizes[0] / 1024, "images": sum(sizes) / 1024}


ROWS = [
    ("start", "kernel entry to the first command", "instructions; direct boot, the same disk", "instructions"),
    ("served", "kernel entry to the first page served", "httpd on ExOS, busybox httpd on Linux; fetched through the loopback", "instructions"),
    ("memory", "memory in use at the prompt", "of 256 MiB, what is not free", "KiB"),
    ("least", "least memory to the prompt", f"tried from {LEAST_MIB} MiB in steps of {STEP_MIB}", "MiB"),
    ("least_serving", "least memory that serves a page", "httpd on ExOS, busybox httpd on Linux; fetched through the loopback", "MiB"),
    ("kernel", "kernel image", "as loaded; Linux's is compressed", "KiB"),
    ("images", "kernel and what it needs to start", "library and init on ExOS, initial RAM disk on Linux", "KiB"),
]
