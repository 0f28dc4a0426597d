"""Unit tests: ctest runs the cmocka programs, their own output gives the counts."""
import json
import os
import re
import subprocess
import xml.etree.ElementTree as xml

from result import Result

OK = re.compile(r"^\[       OK \] ", re.M)
FAILED = re.compile(r"^\[  FAILED  \] (\S+)$", re.M)
NOTE_LINES = 40


def names(build):
    done = subprocess.run(["ctest", "--test-dir", build, "--show-only=json-v1"],
                          capture_output=True, text=True, check=True)
    return [t["name"] for t in json.loads(done.stdout).get("tests", [])]


def run(build, selected):
    report = os.path.join(build, "unit.xml")
    pattern = "^(" + "|".join(re.escape(n) for n in selected) + ")$"
    subprocess.run(["ctest", "--test-dir", build, "-R", pattern, "--output-junit", report,
                    "--test-output-size-passed", "1000000", "--test-output-size-failed", "1000000"],
                   stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    for case in xml.parse(report).getroot().iter("testcase"):
        yield judge(case).show()


def judge(case):
    """cmocka names each failed test twice, in place and in its summary."""
    text = case.findtext("system-out") or ""
    failed = set(FAILED.findall(text))
    r = Result(case.get("name"), len(OK.findall(text)), len(failed), float(case.get("time") or 0))
    if case.get("status") != "run" and not failed:
        r.failed = 1
        r.notes.append("the program did not end well")
    if r.passed + r.failed == 0:
        r.failed = 1
        r.notes.append("it ran no test")
    if r.failed:
        r.notes += text.splitlines()[-NOTE_LINES:]
    return r
