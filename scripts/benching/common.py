"""What all parts of scripts/bench share: where things are, how to fail and how to speak."""
import os
import sys

ROOT = os.environ["EXOS_ROOT"]
BUILD = os.environ["EXOS_BUILD"]
DEPS = os.environ["EXOS_DEPS"]
OUT = os.path.join(BUILD, "bench")

# The columns of the report, in its order.
SIDES = {"linked": "ExOS, linked", "unmodified": "ExOS, unmodified", "linux": "Linux, tuned", "defaults": "Linux, defaults"}


class Failure(Exception):
    """Something the user can mend; the text says how."""


def say(text):
    print(f"bench: {text}", file=sys.stderr, flush=True)


def progress(text):
    """One moving line on a terminal, a line of its own elsewhere."""
    if sys.stderr.isatty():
        print(f"\r{text[:100]}\033[K", end="", file=sys.stderr, flush=True)
    else:
        say(text)


def end_progress():
    if sys.stderr.isatty():
        print("\r\033[K", end="", file=sys.stderr, flush=True)
