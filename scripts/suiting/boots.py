"""Runs units of a suite in a guest, and again in another where a guest did not survive one."""
import os
import re
import subprocess

BOOT_LIMIT_S = 7200
AT_ONCE = 60            # units of one boot
BEGIN = re.compile(r"@@ begin (\S+)$")
END = r"@@ end %s (\d+)$"
LOST = 999              # the status of a unit during which the machine was lost
HERE = os.path.dirname(os.path.abspath(__file__))


def command(root, build, suite, system, names, packages):
    options = ["--direct", "--scratch", "--mem", "768", "--packages", packages, "--timeout", str(BOOT_LIMIT_S)]
    options += ["--add", f"{HERE}/guest.sh:/root/guest.sh", "--add", f"{HERE}/python.py:/root/python.py"]
    tar = os.path.join(build, "suites", suite + ".tar")
    if os.path.exists(tar):
        options += ["--add", f"{tar}:/root/suite.tar"]
    if system == "linux":
        options.append("--linux")
    listed = " ".join(names)
    return [os.path.join(root, "scripts", "run"), "--build", build, *options, "--exec", f"bash /root/guest.sh {suite} {listed}"]


def version(root):
    """The commit that is checked out, with -dirty where files differ from it; - where there is no git."""
    described = subprocess.run(["git", "-C", root, "describe", "--always", "--dirty"], capture_output=True, text=True, check=False)
    return described.stdout.strip() or "-"


def keep(build, suite, system, unit, output, status, of):
    path = result_file(build, suite, system, unit)
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path + ".new", "w", encoding="utf-8") as f:
        f.write(f"{status} {of}\n{output}")
    os.replace(path + ".new", path)


def result_file(build, suite, system, unit):
    return os.path.join(build, "suites", system, suite, unit.replace("/", "-"))


def load(build, suite, system, unit):
    """(status, output, the version it was of), or None where there is no result yet."""
    try:
        with open(result_file(build, suite, system, unit), encoding="utf-8") as f:
            first, _, output = f.read().partition("\n")
            status, _, of = first.partition(" ")
            return int(status), output, of
    except FileNotFoundError:
        return None


def read_units(lines):
    """(unit, output, status) of each unit that begins, as they end; LOST for one that does not."""
    unit, output = None, []
    for line in lines:
        line = line.decode(errors="replace").replace("\r\n", "\n")
        begin = BEGIN.match(line)
        end = unit and re.match(END % re.escape(unit), line)
        if end:
            yield unit, "".join(output), int(end[1])
        if begin or end:
            unit, output = begin and begin[1], []
        else:
            output.append(line)
    if unit:
        yield unit, "".join(output), LOST


def run(root, build, suite, system, names, packages, say):
    pending, of = list(names), version(root)
    while pending:
        began = 0
        say(f"{suite} on {system}: {len(pending)} units to go")
        log = os.path.join(build, "suites", f"{system}.log")
        with open(log, "wb") as err, subprocess.Popen(command(root, build, suite, system, pending[:AT_ONCE], packages),
                                                      stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=err) as guest:
            for unit, output, status in read_units(guest.stdout):
                keep(build, suite, system, unit, output, status, of)
                pending.remove(unit)
                began += 1
                if status == LOST:
                    say(f"the guest was lost in {unit} (see {log})")
        if began == 0:
            raise SystemExit(f"suites: no unit began on {system} (see {log})")
