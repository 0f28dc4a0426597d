"""Where and with what a report was made."""
import glob
import os
import platform
import subprocess
import time

from common import DEPS, ROOT


def said(*command):
    """The first line that a command prints; '' if there is no such command."""
    try:
        done = subprocess.run(command, capture_output=True, text=True, cwd=ROOT)
    except FileNotFoundError:
        return ""
    return (done.stdout.splitlines() or [""])[0].strip()


def processor():
    with open("/proc/cpuinfo") as f:
        return next((line.split(":", 1)[1].strip() for line in f if line.startswith("model name")), platform.machine())


def memory_mib():
    with open("/proc/meminfo") as f:
        return int(f.readline().split()[1]) // 1024


def description():
    return {"processor": processor(), "processors": os.cpu_count(), "memory_mib": memory_mib(), "kernel": platform.release(),
            "load": [round(v, 2) for v in os.getloadavg()]}


def versions():
    kernels = sorted(glob.glob(os.path.join(DEPS, "linux/boot/vmlinuz-*")))
    return {"tree": said("git", "describe", "--always", "--dirty"),
            "peer": os.path.basename(kernels[-1])[8:] if kernels else "none",
            "qemu": said("qemu-system-x86_64", "--version"), "compiler": said("gcc", "--version"),
            "python": platform.python_version(), "host": said("sh", "-c", ". /etc/os-release; echo $PRETTY_NAME"),
            "matplotlib": said("dpkg-query", "-W", "-f", "${Version}", "python3-matplotlib")}


def now():
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
