"""One QEMU run: interactive on this terminal, or one command with its output and its status.

In a command run the guest's COM1 carries the program's bytes and nothing else after a marker
line (firmware may have written before it); COM2 carries the guest's log and, when the command
has ended, the line `exos: status N`. The guest then ends QEMU through isa-debug-exit.
"""
import ctypes
import os
import re
import select
import signal
import subprocess
import sys
import termios
import time

from common import Failure, say

MARKER = b"\x01exos-exec-begin\x01\n"
STATUS = re.compile(rb"^exos: status (\d+)\r?$", re.M)
GUEST_ENDED_WELL = 33       # isa-debug-exit with 0x10
PANIC_END = b"\n*** end"    # the last line of the kernel's epitaph
CALL = b" exos: strace: "   # begins a line about a Linux call
LOG_PERIOD_S = 0.2
LOG_TAIL_LINES = 25
SAID_LINES = 5              # of what came before the command began
TIMED_OUT, GUEST_FAILED = 124, 125


def die_with_parent():
    """In the child: QEMU must not outlive this script, however that ends."""
    pr_set_pdeathsig = 1
    ctypes.CDLL(None).prctl(pr_set_pdeathsig, signal.SIGKILL)


def start(command, work, **streams):
    errors = open(os.path.join(work, "qemu.err"), "wb")
    return subprocess.Popen(command, stderr=errors, preexec_fn=die_with_parent, **streams)


def open_log(o, work):
    """The guest's log is a file of this run, and build/run/last.log at the same time."""
    log = os.path.join(work, "log")
    last = os.path.join(o.build, "run", "last.log")
    open(log, "wb").close()
    os.link(log, log + ".last")
    os.replace(log + ".last", last)
    return log


def read_file(path):
    with open(path, "rb") as f:
        return f.read()


def explain_qemu(work):
    """QEMU's own complaints, with what to do about the common one."""
    text = read_file(os.path.join(work, "qemu.err")).decode(errors="replace").strip()
    if 'Failed to get "write" lock' in text:
        return "the disk is in use by another run: end that, or use --scratch"
    return text


def show_tail(log):
    lines = read_file(log).decode(errors="replace").replace("\r", "").splitlines()
    say("the end of the guest's log:" if lines else "the guest's log is empty")
    for line in lines[-LOG_TAIL_LINES:]:
        print("  | " + line, file=sys.stderr)
    sys.stderr.flush()


def interactive(o, command, work):
    log = open_log(o, work)
    for spec in o.forward:
        port, guest = spec.split(":")[-2:]
        say(f"port {guest} of the guest is http://127.0.0.1:{port}/" if guest == "80"
            else f"port {guest} of the guest is port {port} here")
    say("^A x ends QEMU; the kernel's log goes to build/run/last.log")
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    terminal = termios.tcgetattr(sys.stdin) if sys.stdin and sys.stdin.isatty() else None
    process = start(command + ["-serial", "mon:stdio", "-serial", f"file:{log}"], work)
    try:
        status = process.wait(o.timeout)
    except subprocess.TimeoutExpired:
        say(f"time is up after {o.timeout:g} seconds")
        return TIMED_OUT
    finally:
        if process.poll() is None:
            process.kill()
            process.wait()
        if terminal:
            termios.tcsetattr(sys.stdin, termios.TCSADRAIN, terminal)
    if status not in (0, GUEST_ENDED_WELL):
        say(explain_qemu(work) or f"QEMU ended with status {status}")
        show_tail(log)
        return GUEST_FAILED
    return 0


class Pump:
    """Moves bytes between this process and the guest's COM1; drops what precedes the marker."""

    def __init__(self, process):
        self.process = process
        self.begun = False
        self.held = b""
        self.input = None if sys.stdin is None or sys.stdin.isatty() else sys.stdin.fileno()

    def output(self, data):
        if not self.begun:
            self.held += data
            before, marker, data = self.held.partition(MARKER)
            if not marker:
                return
            self.begun = True
            self.held = before
        sys.stdout.buffer.write(data)
        sys.stdout.buffer.flush()

    def pass_input(self):
        data = os.read(self.input, 4096)
        if not data:
            self.input = None
            return
        try:
            self.process.stdin.write(data)
            self.process.stdin.flush()
        except BrokenPipeError:
            self.input = None

    def step(self, seconds):
        """Waits at most so long for something to move; false when the guest's side is closed."""
        sources = [self.process.stdout]
        if self.begun and self.input is not None:
            sources.append(self.input)
        ready, _, _ = select.select(sources, [], [], seconds)
        if self.input in ready:
            self.pass_input()
        if self.process.stdout in ready:
            data = os.read(self.process.stdout.fileno(), 65536)
            if not data:
                return False
            self.output(data)
        return True


class LogFollower:
    """Reads the growing guest log: sees a panic in it, and copies it, or the calls in it, to stderr if that is wanted."""

    def __init__(self, path, wanted, calls):
        self.file = open(path, "rb")
        self.wanted, self.calls = wanted, calls
        self.recent = self.line = b""
        self.panicked = False

    def follow(self):
        data = self.file.read()
        self.recent = self.recent[-len(PANIC_END):] + data
        self.panicked |= PANIC_END in self.recent
        if self.wanted:
            sys.stderr.buffer.write(data)
        elif self.calls:
            lines = (self.line + data).split(b"\n")
            self.line = lines.pop()
            for line in lines:
                _, found, call = line.partition(CALL)
                if found:
                    sys.stderr.buffer.write(call.rstrip(b"\r") + b"\n")
        sys.stderr.buffer.flush()


def pump_until_end(o, process, follower):
    """Moves bytes until the guest ends, dies or uses up its time; returns (ended, pump)."""
    pump = Pump(process)
    deadline = time.monotonic() + o.timeout if o.timeout else float("inf")
    while time.monotonic() < deadline:
        open_still = pump.step(max(0.0, min(LOG_PERIOD_S, deadline - time.monotonic())))
        follower.follow()
        if follower.panicked and not o.gdb:
            process.kill()      # a kernel that has panicked stands still
        if not open_still or process.poll() is not None:
            process.wait()
            follower.follow()
            return True, pump
    return False, pump


def verdict(process, log, work, pump):
    """The command's status, if the guest reported one and ended as it should."""
    found = STATUS.findall(read_file(log))
    if found and process.returncode == GUEST_ENDED_WELL:
        return int(found[-1]) & 255
    complaint = explain_qemu(work)
    if complaint:
        say(complaint)
    if PANIC_END in read_file(log):
        say("the kernel panicked")
    elif not found:
        say(f"the guest ended (QEMU status {process.returncode}) without reporting the command's status")
    else:
        say(f"the guest reported status {int(found[-1])} but QEMU ended with {process.returncode}, "
            f"not {GUEST_ENDED_WELL}")
    if pump.held.strip() and not pump.begun:
        for line in pump.held.decode(errors="replace").split("\n")[-SAID_LINES:]:
            if line.strip():
                say("the guest said: " + line.strip())
    show_tail(log)
    return GUEST_FAILED


def execute(o, command, work):
    log = open_log(o, work)
    process = start(command + ["-chardev", "stdio,id=com1,signal=off", "-serial", "chardev:com1",
                               "-serial", f"file:{log}"],
                    work, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    try:
        ended, pump = pump_until_end(o, process, LogFollower(log, o.verbose, o.strace))
        if ended:
            return verdict(process, log, work, pump)
    except BrokenPipeError:
        raise Failure("standard output was closed") from None
    finally:
        if process.poll() is None:
            process.kill()
            process.wait()
    say(f"time is up after {o.timeout:g} seconds: {o.command}")
    show_tail(log)
    return TIMED_OUT
