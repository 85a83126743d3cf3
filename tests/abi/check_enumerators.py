#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""Every enumerator of the public headers has the value that enumerators.expected has on record.

check_enumerators.py expected header...      compares
check_enumerators.py --print header...       prints the record, to be appended to
abidiff does not see enumerators: they travel as int32_t.
"""
import re
import sys


def enumerators(path):
    """[(name, value)] in the order of the header; every one has its number written out."""
    text = re.sub(r"/\*.*?\*/", " ", open(path, encoding="utf-8").read(), flags=re.S)
    found = []
    for body in re.findall(r"\benum\s*\{(.*?)\}", text, flags=re.S):
        for entry in filter(None, (part.strip() for part in body.split(","))):
            match = re.fullmatch(r"(COVSAMP_\w+)\s*=\s*(-?\d+)", entry)
            if not match:
                sys.exit("%s: the enumerator \"%s\" has no number of its own" % (path, entry))
            found.append((match.group(1), int(match.group(2))))
    return found


def main():
    record, headers = sys.argv[1], sys.argv[2:]
    here = [pair for header in headers for pair in enumerators(header)]
    if record == "--print":
        print("\n".join("%s %d" % pair for pair in here))
        return 0
    expected = {}
    for line in open(record, encoding="utf-8"):
        if not line.startswith("#"):
            name, value = line.split()
            expected[name] = int(value)
    passed = failed = 0
    for name in sorted(set(expected) | set(dict(here))):
        got = dict(here).get(name)
        if got == expected.get(name):
            passed += 1
            continue
        failed += 1
        what = "is not on record: append it" if name not in expected else "is %s, must stay %d" % (got, expected[name])
        print("failed: %s %s" % (name, what), file=sys.stderr)
    if len(here) != len(dict(here)):
        failed += 1
        print("failed: an enumerator is declared twice", file=sys.stderr)
    print("%d passed, %d failed" % (passed, failed))
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
