"""Is every error of every call asserted by a host test? The list is the manual's, which is checked against the kernel's code.

usage: every_error.py DIRECTORY     where the tests left what they asserted (test/fake/aegis/asserted.h)

The output looks like cmocka's: one point a call.
"""
import os
import subprocess
import sys

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))


def asserted(directory):
    found = set()
    for name in os.listdir(directory):
        with open(os.path.join(directory, name), encoding="ascii") as f:
            found |= {tuple(line.split()) for line in f}
    return found


def wanted():
    listed = subprocess.run([os.path.join(ROOT, "scripts/manual"), "--errors"], stdout=subprocess.PIPE, text=True, check=True)
    calls = {}
    for call, error in (line.split() for line in listed.stdout.splitlines()):
        calls.setdefault(call, []).append(error)
    return calls


def main(directory):
    found = asserted(directory)
    bad = []
    for call, errors in wanted().items():
        missing = [e for e in errors if (call, e) not in found]
        if missing:
            bad.append(call)
            print(f"no host test asserts that {call} gives: {', '.join(missing)}")
        print(f"[  FAILED  ] {call}" if missing else f"[       OK ] {call}: {len(errors)} errors")
    if bad:
        print(f"{len(bad)} calls; a test asserts a result by assert_int_equal around the call (run all of aegis/ first)")
    return 1 if bad else 0


sys.exit(main(sys.argv[1]))
