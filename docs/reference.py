#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""The public headers as doxygen reads them: reference.py HEADER prints one; reference.py --check HEADER... checks.

Comments behind fields and enumerators become theirs, comments before them too, and every function gets the line on threads
that the header's preamble has for all.  The check: every function has a comment, and what it says of errors.
"""
import re
import sys

FUNCTION = re.compile(r"/\*\*((?:(?!\*/).)*)\*/\s*(COVSAMP_(?:TORCH_)?API\b([^;{]*);)", re.S)


def threads(name, arguments):
    if name.endswith("_cancel"):
        return "any thread or signal handler, as long as the handle exists."
    if re.match(r"(void)?$", arguments.strip()) or not re.search(r"covsamp_\w+ \*\*?\s*\w", arguments):
        return "any."
    return "one at a time for each handle; different handles side by side."


def functions(text):
    """(comment, declaration, name, what it returns, arguments) of every function that has a comment."""
    for match in FUNCTION.finditer(text):
        declaration = " ".join(match.group(3).split())
        parts = re.match(r"(.*?[\s*])(covsamp_\w+)\s*\((.*)\)$", declaration)
        yield match.group(1), match.group(2), parts.group(2), parts.group(1).strip(), parts.group(3)


def apart(line):
    """`double a, b; /**< c */` as two fields with the comment each, or a hint at it where it goes on below."""
    match = re.match(r"    ((?:const )?\w+ )(\*?\w+(?:, \*?\w+)+);\s*(/\*\*<.*)?$", line)
    if not match:
        return line
    kind, names, comment = match.group(1), match.group(2).split(", "), match.group(3) or ""
    if not comment:  # it stands before the line
        comments = [""] + ["/**< With %s: see there. */" % names[0].lstrip("*")] * (len(names) - 1)
    elif comment.endswith("*/"):
        comments = [comment] * len(names)
    else:
        comments = ["/**< With %s: see there. */" % names[-1].lstrip("*")] * (len(names) - 1) + [comment]
    return "    " + " ".join("%s%s; %s" % (kind, name, c) for name, c in zip(names, comments))


def body(match):
    """A struct or enum: its comments become doxygen's; a field without one is what its name says."""
    lines, inside = [], False
    for line in match.group(0).split("\n"):
        before = inside or bool(lines and re.match(r"\s*/\*\*[^<]|.*\*/$", lines[-1]) and not re.search(r";.*\*/$", lines[-1]))
        inside = line.count("/*") > line.count("*/") if not inside else "*/" not in line
        line = re.sub(r"(;|,|[0-9])(\s*)/\*(?!\*)\s*", r"\1\2/**< ", line)
        line = re.sub(r"^(\s*)/\*(?![*<])\s*", r"\1/** ", line)
        if re.match(r"    [\w*].*;\s*$", line) and not before:
            line += " /**< What the name says. */"
        lines.append(apart(line))
    return "\n".join(lines)


def filtered(text):
    text = re.sub(r"^(?:typedef struct covsamp_\w+ \{|enum \{).*?^\}.*?;", body, text, flags=re.S | re.M)
    text = re.sub(r"^(typedef struct (covsamp_\w+) \2;)$", r"\1 /**< A handle: its struct is the library's own. */", text, flags=re.M)
    text = re.sub(r"^(#define COVSAMP_VERSION_[A-Z]+ \d+)$", r"\1 /**< Part of the version. */", text, flags=re.M)
    text = re.sub(r"^(#define COVSAMP_VERSION_NUMBER)", r"/** The version as one number, to compare. */\n\1", text, flags=re.M)
    text = re.sub(r"^(#define COVSAMP_(?:TORCH_)?API\b)", r"/** Marks what is exported. */\n\1", text, flags=re.M)
    text = re.sub(r"^/\* (covsamp(?:/torch)?\.h) - ", r"/** @file \1\n * ", text, count=1, flags=re.M)

    def with_threads(match):
        parts = re.match(r".*?(covsamp_\w+)\s*\((.*)\)$", " ".join(match.group(3).split()))
        return "/**%s\n * @par Threads\n * %s */\n%s" % (match.group(1).rstrip(), threads(*parts.groups()), match.group(2))
    return FUNCTION.sub(with_threads, text)


def check(paths):
    passed = failed = 0
    for path in paths:
        text = open(path, encoding="utf-8").read()
        groups = re.findall(r"/\* (For the functions [^*]*(?:\*(?!/)[^*]*)*)\*/", text)
        found = list(functions(text))
        every = re.findall(r"\n\s*COVSAMP_(?:TORCH_)?API\b[^;{(]*?(covsamp_\w+)\s*\(", text)
        for name in every:
            if name not in [f[2] for f in found]:
                failed += 1
                print("failed: %s has no comment" % name, file=sys.stderr)
        for comment, _, name, returns, arguments in found:
            can_fail = returns == "COVSAMP_API covsamp_status" or returns.endswith("covsamp_status") or (
                returns == "int32_t" and not name.endswith(("_answer", "_engine", "_shape")))
            said = re.search(r"Errors|E_[A-Z]+|[Aa]s covsamp_|[Aa]s above|The same|COVSAMP_DONE", comment)
            grouped = any(g and "schedule" in name for g in groups)
            if can_fail and not said and not grouped:
                failed += 1
                print("failed: %s says nothing of errors" % name, file=sys.stderr)
            else:
                passed += 1
    print("%d passed, %d failed" % (passed, failed))
    return 1 if failed or passed < 50 else 0


if __name__ == "__main__":
    if sys.argv[1] == "--check":
        sys.exit(check(sys.argv[2:]))
    print(filtered(open(sys.argv[1], encoding="utf-8").read()), end="")
