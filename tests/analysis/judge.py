#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""Holds an analyser's findings against those that were judged:  judge.py TOOL LOG KNOWN FILES

LOG has the tool's lines "file:line[:column]: severity: text [kind]".  KNOWN has lines "TOOL FILE KIND REASON",
each a finding that was looked at and is none.  FILES: how many were analysed.  A finding that is not
in KNOWN fails, and so does a line of KNOWN that nothing was found for.  Last line "N passed, N failed".
"""
import re
import sys

tool, log, known_path, files = sys.argv[1], sys.argv[2], sys.argv[3], int(sys.argv[4])
known = {}
for line in open(known_path, encoding="utf-8"):
    words = line.split(None, 3)
    if words and not line.startswith("#") and words[0] == tool:
        if len(words) < 4:
            sys.exit("%s: a line without a reason: %s" % (known_path, line))
        known[words[1], words[2]] = False

finding = re.compile(r"^(?:\./)?([\w./-]+):(\d+):(?:\d+:)? (?:warning|error|performance|portability): (.*)\[([^\]]+)\]$")
failed = set()
for line in open(log, encoding="utf-8", errors="replace"):
    match = finding.match(line.rstrip())
    if not match:
        if re.match(r"^\S+: (fatal )?error: ", line) or re.search(r": (fatal )?error: ", line):
            failed.add(line.rstrip()) # it did not even compile
        continue
    path, kind = match.group(1), match.group(4).split(",")[0]
    kind = re.sub(r"^.*\[(?=-W)", "", kind)
    if (path, kind) in known:
        known[path, kind] = True
    else:
        failed.add(line.rstrip())
for line in sorted(failed):
    print(line)
unused = [key for key, used in known.items() if not used]
for path, kind in unused:
    print("%s: nothing is found any more for: %s %s" % (known_path, path, kind))
print("%d files, %d findings judged to be none" % (files, len(known) - len(unused)))
print("%d passed, %d failed" % (max(files - len(failed), 0), len(failed) + len(unused)))
sys.exit(1 if failed or unused else 0)
