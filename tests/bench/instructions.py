# SPDX-License-Identifier: BSD-3-Clause
"""Instructions that callgrind counted inside one object file, all its functions and nothing they call:
instructions.py FILE OBJECT      prints the sum
instructions.py FILE OBJECT N    prints the N most expensive functions too, one a line: share, name"""
import re
import sys


def counts(path, wanted):
    """{function: instructions} of objects whose name contains `wanted`."""
    names, found = {}, {}
    inside = skip = False
    function = None
    with open(path) as lines:
        for line in lines:
            spec = re.match(r"(c?ob|c?fn|c?fi|c?fl|fe)=(?:\((\d+)\))?(?: ?(.*))?$", line.rstrip("\n"))
            if spec:
                kind, number, name = spec.groups()
                table = {"ob": "ob", "cob": "ob", "fn": "fn", "cfn": "fn"}.get(kind)
                if table is None:
                    continue
                if name:
                    names[table, number] = name
                if kind == "ob":
                    inside = wanted in names["ob", number]
                elif kind == "fn":
                    function = names["fn", number]
            elif line.startswith("calls="):
                skip = True  # the next line is what was called cost, not this function
            elif re.match(r"[+\-*\d]", line):
                if not skip and inside:
                    found[function] = found.get(function, 0) + int(line.split()[-1])
                skip = False
    return found


def main(path, wanted, most="0"):
    found = counts(path, wanted)
    total = sum(found.values())
    print(total)
    for name, count in sorted(found.items(), key=lambda item: -item[1])[:int(most)]:
        print(f"{count / total:.3f} {name}")


if __name__ == "__main__":
    main(*sys.argv[1:])
