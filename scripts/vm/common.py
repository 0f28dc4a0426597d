"""What all parts of scripts/run share: how to fail and how to speak."""
import sys


class Failure(Exception):
    """Something the user can mend; the text says how."""


def say(text):
    print(f"run: {text}", file=sys.stderr, flush=True)
