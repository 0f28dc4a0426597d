"""python.py MODULE: runs Debian's test.MODULE in the guest; one line for each test that ends: @ok, @fail or @skip, and its name."""
import importlib
import os
import sys
import traceback
import unittest
from test import support


def say(word, name):
    sys.stdout.flush()
    os.write(1, f"\n@{word} {name}\n".encode())


def name_of(test):
    return test.id().replace("\n", " ")


class Result(unittest.TestResult):
    def addSuccess(self, test):
        say("ok", name_of(test))

    def addExpectedFailure(self, test, err):
        say("ok", name_of(test))

    def addSkip(self, test, reason):
        say("skip", name_of(test))

    def addUnexpectedSuccess(self, test):
        say("fail", name_of(test))

    def addFailure(self, test, err):
        traceback.print_exception(*err)
        say("fail", name_of(test))

    addError = addFailure

    def addSubTest(self, test, subtest, err):
        if err is not None:
            self.addFailure(test, err)


def main(name):
    support.use_resources = ()
    support.verbose = 0
    try:
        module = importlib.import_module("test." + name)
    except unittest.SkipTest:
        say("skip", name)
        return
    tests = unittest.defaultTestLoader.loadTestsFromModule(module)
    tests.run(Result())


main(sys.argv[1])
