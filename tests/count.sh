#!/bin/sh
# Adds up what the test programs said ("N passed, N failed", or ", N skipped") from meson's JSON log;
# a program that says nothing counts as one check.  Names what was skipped, then prints the sum.
set -eu
python3 - "$1" <<'END'
import json
import re
import sys

total = {"passed": 0, "failed": 0, "skipped": 0}
try:
    log = open(sys.argv[1], encoding="utf-8").readlines()
except OSError:
    log = []
if not log:
    sys.exit("no test ran")
for line in log:
    test = json.loads(line)
    said = re.findall(r"(\d+) passed, (\d+) failed(?:, (\d+) skipped)?", test.get("stdout") or "")
    good = test["result"] in ("OK", "EXPECTEDFAIL")
    if test["result"] == "SKIP":
        total["skipped"] += 1
        print("skipped:", test["name"])
    elif said:
        passed, failed, skipped = (int(n or 0) for n in said[-1])
        total["passed"] += passed
        total["failed"] += max(failed, 0 if good else 1)
        total["skipped"] += skipped
        if skipped:
            print("skipped: %d in %s" % (skipped, test["name"]))
    else:
        total["passed" if good else "failed"] += 1
line = "%(passed)d passed, %(failed)d failed" % total
print(line + (", %(skipped)d skipped" % total if total["skipped"] else ""))
END
