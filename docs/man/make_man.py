# SPDX-License-Identifier: BSD-3-Clause
"""A manual page of the program from what its --help prints, so that the two cannot differ.

    make_man.py PROGRAM COMMAND|covsamp VERSION [FILE.man] >FILE.1

FILE.man: sections to add, in the man macros.  No date: the page must not depend on when it was built.
"""
import re
import subprocess
import sys

FLAG = re.compile(r"  (?:-\w, |    )--[a-z]")
ITEM_COLUMN = 33  # args_help in examples/covsamp/args.c: "  %-30s %s"


def roff(text):
    text = text.replace("\\", "\\e").replace("-", "\\-")
    return "\\&" + text if text[:1] in (".", "'") else text


def split_item(line):
    """What stands left and right in a line of a list."""
    parts = re.split(r"\s{2,}", line.strip(), maxsplit=1)
    if len(parts) == 2 and not parts[0].endswith(","):
        return parts
    return line[2:ITEM_COLUMN - 1].strip(), line[ITEM_COLUMN - 1:].strip()


def marked(left):
    """-o, --output FILE with flags in bold and the value in italics."""
    words = re.sub(r"(--[\w-]+|-\w)(?=,|$| )", r"\\fB\1\\fR", left)
    words = re.sub(r"(\\fB--[\w-]+\\fR) (.+)$", r"\1 \\fI\2\\fR", words)
    return re.sub(r"(?<!\\)-", r"\\-", words)


def blocks(lines):
    """(kind, lines): prose, a list of flags, or a headed list of other items."""
    kind, block = None, []
    for line in lines + [""]:
        if not line.strip():
            if block:
                yield kind, block
            kind, block = None, []
            continue
        if kind is None:
            kind = "flags" if FLAG.match(line) else "list" if re.match(r"[\w -]+:$", line) else \
                "items" if line.startswith("  ") else "prose"
        block.append(line)
    if block:
        yield kind, block


def items(lines):
    out = []
    for line in lines:
        if re.match(r"  {6,}\S", line) and not FLAG.match(line):  # more about the item above
            out += [".br", roff(line.strip())]
            continue
        left, right = split_item(line)
        out += [".TP", marked(left) if FLAG.match(line) else "\\fB" + roff(left) + "\\fR", roff(right)]
    return out


def page(command, summary, help_text, version, commands):
    name = "covsamp" if command == "covsamp" else "covsamp-" + command
    lines = help_text.splitlines()
    usage = lines[0].removeprefix("usage: ")
    out = ['.TH %s 1 "" "covsamp %s" "User Commands"' % (roff(name.upper()), version),
           ".SH NAME", roff(name) + " \\- " + roff(summary), ".SH SYNOPSIS", "\\fB" + roff(usage) + "\\fR"]
    section = ""

    def enter(title):
        nonlocal section
        if title != section:
            out.append(".SH " + title)
            section = title
        elif out[-1] != ".PP":
            out.append(".PP")

    for kind, block in blocks(lines[1:]):
        if kind == "flags":
            enter("OPTIONS")
            out += items(block)
        elif kind == "list":
            enter(block[0].rstrip(":").upper())
            out += items(block[1:])
        elif kind == "items":
            enter("COMMANDS")
            out += items(block)
        else:
            exits = [i for i, line in enumerate(block) if line.startswith("Exit codes:")]
            prose = block[:exits[0]] if exits else block
            if prose:
                enter("DESCRIPTION" if section in ("", "DESCRIPTION") else "NOTES")
                out += [roff(line) for line in prose]
            if exits:
                enter("EXIT STATUS")
                out += [roff(" ".join(block[exits[0]:]).removeprefix("Exit codes: "))]
    others = ["covsamp"] + ["covsamp-" + c for c in commands]
    others.remove(name)
    see = [".SH SEE ALSO"] + [".BR %s (1)%s" % (roff(o), "," if o != others[-1] else "") for o in others]
    return out, see


def main():
    program, command, version = sys.argv[1:4]

    def help_of(*words):
        return subprocess.run([program, *words, "--help"], check=True, capture_output=True, text=True).stdout

    overview = help_of()
    summaries = dict(re.findall(r"^  ([a-z-]+) +(.+)$", overview, re.M))
    if command == "covsamp":
        summary, text = "diffusion sampling with the full posterior covariance", overview
    else:
        summary, text = summaries[command], help_of(command)
    out, see = page(command, summary, text, version, list(summaries))
    if len(sys.argv) > 4:
        out += open(sys.argv[4], encoding="utf-8").read().rstrip("\n").split("\n")
    print("\n".join(out + see))


main()
