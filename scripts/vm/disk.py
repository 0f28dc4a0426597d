"""The root disk of a run: the user's own, or a private copy with host files put into it.

Files are put in with debugfs, so neither root nor a mount is needed.
"""
import os
import re
import stat
import subprocess

from common import Failure, say

LINKS_MAX = 64          # path components and links on the way to a file
TOOLS = dict(os.environ, PATH=os.environ.get("PATH", "") + ":/usr/sbin:/sbin", LC_ALL="C")


def prepare(o, work):
    """The path of the disk image to attach, or None for no disk."""
    if o.disk == "none":
        return None
    path = o.disk or os.path.join(o.build, "disk.img")
    check(o, path)
    if not looks_like_root(path):
        say(f"{path} holds neither an ext file system nor a partition table: the guest may start from its own root")
    if not o.add and not o.scratch:
        if not o.readonly and not writable(path):
            say(f"{path} may not be written: the guest gets it read-only (--scratch: a private copy instead)")
            o.readonly = True
        return path
    copy = os.path.join(work, "disk.img")
    done = subprocess.run(["cp", "--sparse=always", "--reflink=auto", path, copy],
                          capture_output=True, text=True)
    if done.returncode:
        raise Failure(f"cannot make a private copy of the disk: {done.stderr.strip()}")
    os.chmod(copy, 0o600)
    for spec in o.add:
        add_file(copy, *split_spec(spec))
    return copy


def check(o, path):
    """Refuses what cannot be a root disk, or cannot be opened as this run would open it."""
    if not os.path.exists(path):
        hint = "give an existing raw image" if o.disk else "run scripts/build"
        raise Failure(f"no disk {path}: {hint}")
    kind = os.stat(path).st_mode
    if not stat.S_ISREG(kind) and not stat.S_ISBLK(kind):
        raise Failure(f"{path} is neither a file nor a block device: give a raw image")
    if not os.access(path, os.R_OK):
        raise Failure(f"cannot read {path}: change its mode, or give another with --disk")


def writable(path):
    """Also for root, who may write what nobody is meant to."""
    return os.access(path, os.W_OK) and os.stat(path).st_mode & 0o222


def looks_like_root(path):
    """By the magic numbers of an ext superblock (on the whole disk) and of a GPT header."""
    with open(path, "rb") as f:
        head = f.read(2048)
    return head[1080:1082] == b"\x53\xef" or head[512:520] == b"EFI PART"


def split_spec(spec):
    host, colon, guest = spec.rpartition(":")
    if not colon or not guest.startswith("/") or guest.endswith("/"):
        raise Failure(f"--add {spec}: write HOSTFILE:/PATH/IN/THE/GUEST")
    if not os.path.isfile(host):
        raise Failure(f"--add {spec}: {host} is not a file on this host")
    if not os.access(host, os.R_OK):
        raise Failure(f"--add {spec}: cannot read {host}: change its mode")
    if any(c in spec for c in '"\n'):
        raise Failure(f"--add {spec}: quotes and line ends cannot be in the names")
    return os.path.abspath(host), os.path.normpath(guest)


def debugfs(image, *commands, write=True):
    """Runs debugfs commands; returns (stdout, complaints)."""
    args = ["debugfs"] + (["-w"] if write else []) + ["-f", "-", image]
    try:
        done = subprocess.run(args, input="\n".join(commands) + "\n", env=TOOLS,
                              capture_output=True, text=True)
    except FileNotFoundError:
        raise Failure("debugfs is missing: run scripts/setup") from None
    complaints = [line for line in done.stderr.splitlines() if not line.startswith("debugfs 1.")]
    return done.stdout, complaints


def exists(image, path):
    out, complaints = debugfs(image, f'stat "{path}"', write=False)
    return "Inode:" in out and not complaints


def follow(image, directory):
    """The directory with its symbolic links resolved, as far as it exists."""
    done, rest = "", directory.strip("/").split("/")
    for _ in range(LINKS_MAX):
        if not rest:
            return done or "/"
        path = os.path.normpath(f"{done}/{rest.pop(0)}")
        out, _ = debugfs(image, f'stat "{path}"', write=False)
        target = re.search(r'^Fast link dest: "(.*)"$', out, re.M)
        if target:
            parts = [p for p in target.group(1).split("/") if p]
            rest = parts + rest
            done = "" if target.group(1).startswith("/") else done
        else:
            done = path
    raise Failure(f"{directory}: too many symbolic links on the disk")


def add_file(image, host, guest):
    """Copies the host file to the guest path, with its mode; missing directories are made."""
    directory, name = os.path.split(guest)
    directory = follow(image, directory)
    guest = os.path.join(directory, name)
    made = ""
    commands = []
    for part in directory.strip("/").split("/") if directory != "/" else []:
        made += "/" + part
        if not exists(image, made):
            commands += [f'mkdir "{made}"', f'sif "{made}" mode 040755']
    if exists(image, guest):
        commands.append(f'rm "{guest}"')
    info = os.stat(host)
    mode = 0o100000 | (info.st_mode & 0o7777)
    commands += [f'cd "{directory}"', f'write "{host}" "{name}"', f'sif "{name}" mode 0{mode:o}',
                 f'sif "{name}" uid 0', f'sif "{name}" gid 0',
                 f'sif "{name}" mtime @{int(info.st_mtime)}']
    _, complaints = debugfs(image, *commands)
    if complaints:
        raise Failure(f"cannot put {host} at {guest}: " + "; ".join(complaints))
