# SPDX-License-Identifier: BSD-3-Clause
"""Checks that count, and the closing line that tests/count.sh reads."""
import sys

passed = failed = skipped = 0


def check(ok, what, detail=""):
    global passed, failed
    passed, failed = passed + bool(ok), failed + (not ok)
    if not ok:
        print("failed: %s %s" % (what, detail), file=sys.stderr, flush=True)
    return bool(ok)


def skip(what):
    global skipped
    skipped += 1
    print("skipped: " + what)


def done():
    """Prints the closing line; the exit status."""
    print("%d passed, %d failed%s" % (passed, failed, ", %d skipped" % skipped if skipped else ""))
    return 1 if failed else 0
