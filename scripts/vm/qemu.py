"""The QEMU command line: the same board, processor, memory and devices for ExOS and for Linux."""
import glob
import os
import socket
import subprocess

from common import Failure

# With ERMS, Linux clears pages by `rep stosb`, which counts as 4096 instructions; both sides go without.
TCG_CPU = "max,-erms"

# The peer is tuned against us: what Debian hardens by default is off. (Random addresses of programs would also make TCG translate
# all of their code again for each process.)
LINUX_TUNING = ("mitigations=off init_on_alloc=0 randomize_kstack_offset=off hardened_usercopy=off "
                "lsm= audit=0 nokaslr norandmaps transparent_hugepage=madvise")

# Either way: its self-tests of ciphers would run beside whatever is measured.
LINUX_ALWAYS = "cryptomgr.notests"

OVMF = "/usr/share/OVMF/OVMF_CODE_4M.fd"
OVMF_VARS = "/usr/share/OVMF/OVMF_VARS_4M.fd"


def kvm_usable():
    """Only a CPU with its own virtualisation will do: elsewhere /dev/kvm may exist and yet fail."""
    with open("/proc/cpuinfo") as f:
        flags = next((line.split() for line in f if line.startswith("flags")), [])
    return ("vmx" in flags or "svm" in flags) and os.access("/dev/kvm", os.R_OK | os.W_OK)


def processor(o):
    accel = o.accel or ("kvm" if kvm_usable() and not o.icount else "tcg")
    if accel == "kvm":
        if not kvm_usable():
            raise Failure("--kvm: this machine's CPU has no vmx or svm, or /dev/kvm cannot be opened")
        args = ["-accel", "kvm", "-cpu", "host"]
    else:
        args = ["-accel", "tcg", "-cpu", TCG_CPU]
    if o.icount:
        args += ["-icount", "shift=0,sleep=off", "-seed", "1",
                 "-rtc", "base=2025-01-01T00:00:00,clock=vm"]
    return args + ["-smp", str(o.smp), "-m", f"{o.mem}M"]


def parse_forward(spec):
    """[tcp:|udp:][ADDRESS:]HOST:GUEST -> (protocol, address, host port, guest port)"""
    parts = spec.split(":")
    protocol = parts.pop(0) if parts[0] in ("tcp", "udp") else "tcp"
    address = parts.pop(0) if len(parts) == 3 else "127.0.0.1"
    if len(parts) != 2 or not all(p.isdigit() and 0 < int(p) < 65536 for p in parts):
        raise Failure(f"--forward {spec}: write HOSTPORT:GUESTPORT")
    return protocol, address, int(parts[0]), int(parts[1])


def check_free(protocol, address, port, guest):
    kind = socket.SOCK_STREAM if protocol == "tcp" else socket.SOCK_DGRAM
    with socket.socket(socket.AF_INET, kind) as s:
        s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            s.bind((address, port))
        except OSError as e:
            raise Failure(f"port {port} of {address} cannot be used ({e.strerror}): "
                          f"end what uses it, or choose another: --forward {port + 1}:{guest}") from None


def network(o):
    if o.net == "none":
        if o.forward:
            raise Failure("--forward needs --net user")
        return []
    if o.net == "user":
        netdev = "user,id=net0"
        for spec in o.forward:
            protocol, address, port, guest = parse_forward(spec)
            check_free(protocol, address, port, guest)
            netdev += f",hostfwd={protocol}:{address}:{port}-:{guest}"
    elif o.net.startswith("tap:") and o.net != "tap:":
        netdev = f"tap,id=net0,ifname={o.net[4:]},script=no,downscript=no"
    else:
        raise Failure(f"--net {o.net}: user, none or tap:INTERFACE")
    args = ["-netdev", netdev,
            "-device", "virtio-net-pci,netdev=net0,disable-legacy=on,romfile=,mac=52:54:00:12:34:56"]
    if o.pcap:
        args += ["-object", f"filter-dump,id=dump0,netdev=net0,file={option(o.pcap)}"]
    return args


def option(path):
    """As QEMU wants a file's name among other words that commas separate."""
    return path.replace(",", ",,")


def storage(o, disk):
    if not disk:
        return []
    return ["-drive", f"file={option(disk)},if=none,id=disk0,format=raw,cache=writeback" + (",readonly=on" if o.readonly else ""),
            "-device", "virtio-blk-pci,drive=disk0,disable-legacy=on"]


def guest_words(o):
    """What the guest finds appended to its command line; exec= is last and runs to the end."""
    words = o.boot.split() + (["services"] if o.services else []) + (["strace"] if o.strace else []) + ([f"exec={o.command}"] if o.command is not None else [])
    return " ".join(words)


def linux_kernel(o):
    images = sorted(glob.glob(os.path.join(o.deps, "linux/boot/vmlinuz-*")))
    if not images:
        raise Failure("Debian's kernel is missing: run scripts/setup --linux")
    initrd = os.path.join(o.build, "boot", os.path.basename(images[-1]).replace("vmlinuz", "linux-initrd"))
    maker = os.path.join(o.root, "boot", "mkinitrd")
    inputs = [maker, os.path.join(o.root, "boot/linux-init"), os.path.join(o.root, "boot/linux-exit.c"),
              images[-1]]
    if not os.path.exists(initrd) or any(os.path.getmtime(i) > os.path.getmtime(initrd) for i in inputs):
        done = subprocess.run([maker, initrd, o.deps], capture_output=True, text=True)
        if done.returncode:
            raise Failure("cannot make the initrd for Linux: " + done.stderr.strip())
    return ["-kernel", images[-1], "-initrd", initrd, "-append",
            f"console=ttyS1 quiet panic=-1 net.ifnames=0 {LINUX_ALWAYS} {LINUX_TUNING if o.tuned else ''}"]


def require(path):
    if not os.path.exists(path):
        raise Failure(f"{path} is missing: run scripts/build")
    return path


def boot(o, disk, work):
    """The firmware and loader part: Linux, our kernel directly, or the ISO by BIOS or EFI."""
    if o.linux:
        return linux_kernel(o)
    if o.direct:
        modules = "modules-disk.bin" if disk else "modules.bin"
        return ["-kernel", require(os.path.join(o.build, "boot/stripped/aegis.elf")),
                "-initrd", require(os.path.join(o.build, "boot", modules))]
    args = ["-cdrom", require(os.path.join(o.build, "aegis.iso")), "-boot", "d"]
    if o.uefi:
        variables = os.path.join(work, "efivars.fd")
        with open(require_ovmf(OVMF_VARS), "rb") as f, open(variables, "wb") as out:
            out.write(f.read())
        args += ["-drive", f"if=pflash,format=raw,readonly=on,file={require_ovmf(OVMF)}",
                 "-drive", f"if=pflash,format=raw,file={option(variables)}"]
    return args


def require_ovmf(path):
    if not os.path.exists(path):
        raise Failure(f"--uefi: {path} is missing (package ovmf): run scripts/setup")
    return path


def command_line(o, disk, work):
    """All of it but the serial ports, which the kind of session decides."""
    words = os.path.join(work, "cmdline")
    with open(words, "w") as f:
        f.write(guest_words(o))
    args = ["qemu-system-x86_64", "-name", "aegis", "-machine", o.machine, "-nodefaults",
            "-vga", "std", "-display", "none", "-no-reboot",
            "-device", "isa-debug-exit,iobase=0xf4,iosize=4",
            "-fw_cfg", f"name=opt/exos/cmdline,file={option(words)}"]
    args += processor(o) + boot(o, disk, work) + storage(o, disk) + network(o)
    if o.gdb:
        args += ["-gdb", f"tcp:127.0.0.1:{o.gdb_port}", "-S"]
    return args + o.qemu
