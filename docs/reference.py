#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""The public headers as doxygen reads them: reference.py HEADER prints one; reference.py --check HEADER... checks.

Comments behind fields and enumerators become theirs, comments before them too; a section's introduction becomes that of a
group; every function gets the line that its group has ("For the functions covsamp_..._...: ..."), and a line on errors where
there are none, on ownership and on threads, by the rules of covsamp.h's preamble.

The check: every function has a comment, and with its group and the functions that it refers to ("As covsamp_...()") this says
  errors     which ones; E_NULL among them where a pointer is passed, E_STRUCT_SIZE where a struct is, E_NOMEM for what is made
  shapes     of every array: NAME[...], NAME: [...], NAME + ..., or *NAME for a single number
  ownership  how long what is returned or pointed at lives; that what is made has a _free of its own
and what it refers to exists.
"""
import re
import sys

FUNCTION = re.compile(r"/\*\*((?:(?!\*/).)*)\*/\s*(COVSAMP_(?:TORCH_)?API\b([^;{]*);)", re.S)
GROUP = re.compile(r"/\* For the functions (covsamp_\w+)\.\.\.: ((?:(?!\*/).)*)\*/", re.S)
SECTION = re.compile(r"^/\* (?:====|----) (.*?)\s*(?:=+|-+)( \*/$|\n(?:(?!\*/).)*\*/)", re.S | re.M)
NUMBERS = re.compile(r"(?:const )?(?:void|double|int32_t|int64_t|uint8_t|size_t) \*$")


class Function:
    """A declaration taken apart: name, what it returns, [(type, argument)], and its comment as one line."""

    def __init__(self, comment, declaration):
        parts = re.match(r"(.*?[\s*])(covsamp_\w+)\s*\((.*)\)$", " ".join(declaration.split()))
        self.returns, self.name = parts.group(1).strip(), parts.group(2)
        self.arguments = [re.match(r"(.*?)(\w+)$", a.strip()).groups() for a in parts.group(3).split(",") if a.strip() != "void"]
        self.comment = " ".join(re.sub(r"\n \*", "\n", comment).split())

    def family(self):
        """covsamp_sampler_ of covsamp_sampler_ask: what a short name stands behind."""
        return re.match(r"covsamp_(?:torch_(?:classifier_|decoder_)?|posterior_modes_|[a-z]+_)", self.name).group()

    def can_fail(self):
        return self.returns == "covsamp_status" or (
            self.returns == "int32_t" and not re.search(r"(sampler|calibration|nelbo|modes)_answer$|_engine$|_shape$", self.name))

    def made(self):
        """The type of the handle that it makes, or None."""
        types = [t.split()[0] for t, a in self.arguments if t.endswith("**") and a == "out"]
        return types[0] if types else None

    def lends(self):
        """What comes back and stays the library's: the names of arguments, or "returned"."""
        return ["*" + a for t, a in self.arguments if t.startswith("const") and t.endswith("**")] + (
            ["What is returned"] if self.returns.endswith("*") else [])

    def errors(self):
        return "" if self.can_fail() else "none."

    def ownership(self):
        if self.name.endswith("_free"):
            return "the handle is gone afterwards, and what it lent with it."
        if self.made():
            kept = "only the hooks are kept" if any(a == "mem" for _, a in self.arguments) else "nothing is kept"
            return "*out is the caller's, to be freed by %s_free(); of what was passed %s." % (self.made(), kept)
        if self.lends():
            return "%s is the library's, and lives as long as said above." % self.lends()[0]
        if any(t == "covsamp_model *" for t, _ in self.arguments):
            return "the struct is the caller's; it points at the handle, which must outlive its use."
        if any(t.endswith("*") for t, _ in self.arguments):
            return "all that is passed stays the caller's; what is not copied is not looked at after the call."
        return "nothing is handed over."

    def threads(self):
        if self.name.endswith("_cancel"):
            return "any thread or signal handler, as long as the handle exists."
        if not any(re.match(r"(const )?covsamp_\w+ \*", t) for t, _ in self.arguments):
            return "any."
        return "one at a time for each handle; different handles side by side."


def group_of(groups, function):
    return " ".join(text for prefix, text in groups if function.name.startswith(prefix))


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


def prose(comment):
    """Lines that are indented stay as they are; one by itself within text begins a paragraph."""
    def indented(match):
        if match.group(0).count("\n") == 1 and re.match(r" \*  ?\S", comment[match.end():]):
            return " *\n" + match.group(0)
        return " * @verbatim\n" + re.sub(r"^ \*", "", match.group(0), flags=re.M) + "@endverbatim\n"
    return re.sub(r"(?:^ \* {5,}\S.*(?:\n|\Z))+", indented, comment, flags=re.M)


def sections(text):
    """A section's heading and introduction become a group's, which ends where the next begins."""
    found = []

    def opened(match):
        introduction = prose(re.sub(r"\s*\*/$", "\n", match.group(2)).lstrip("\n"))
        found.append("/** @} */\n" if found else "")
        return "%s/** @name %s\n%s * @{ */" % (found[-1], match.group(1), introduction)
    text = SECTION.sub(opened, text)
    end = text.rindex("#ifdef __cplusplus")
    return text[:end] + ("/** @} */\n" if found else "") + text[end:]


def filtered(text):
    groups = GROUP.findall(text)
    text = re.sub(r"^(?:typedef struct covsamp_\w+ \{|enum \{).*?^\}.*?;", body, text, flags=re.S | re.M)
    text = re.sub(r"^(typedef struct (covsamp_\w+) \2;)$", r"\1 /**< A handle: its struct is the library's own. */", text, flags=re.M)
    text = re.sub(r"^(#define COVSAMP_VERSION_[A-Z]+ \d+)$", r"\1 /**< Part of the version. */", text, flags=re.M)
    text = re.sub(r"^(#define COVSAMP_VERSION_NUMBER)", r"/** The version as one number, to compare. */\n\1", text, flags=re.M)
    text = re.sub(r"^(#define COVSAMP_(?:TORCH_)?API\b)", r"/** Marks what is exported. */\n\1", text, flags=re.M)
    text = re.sub(r"^/\* (covsamp(?:/torch)?\.h) - ((?:(?!\*/).)*)",
                  lambda match: "/** @file %s\n * %s" % (match.group(1), prose(match.group(2))), text, count=1, flags=re.M | re.S)

    def with_lines(match):
        function, lines = Function(match.group(1), match.group(3)), match.group(1).rstrip()
        group = group_of(groups, function)
        lines += "\n * @par With its relatives\n * " + group if group else ""
        for title, line in ("Errors", function.errors()), ("Ownership", function.ownership()), ("Threads", function.threads()):
            lines += "\n * @par %s\n * %s" % (title, line) if line else ""
        return "/**%s */\n%s" % (lines, match.group(2))
    return sections(FUNCTION.sub(with_lines, text))


class Check:
    def __init__(self, texts):
        self.passed = self.failed = 0
        self.groups = [g for text in texts for g in GROUP.findall(text)]
        self.functions = [Function(c, d) for text in texts for c, _, d in FUNCTION.findall(text)]
        self.by_name = {f.name: f for f in self.functions}
        self.declared = [n for text in texts for n in re.findall(r"\n\s*COVSAMP_(?:TORCH_)?API\b[^;{(]*?(covsamp_\w+)\s*\(", text)]
        self.codes = {n for text in texts for n in re.findall(r"\bCOVSAMP_(?:TORCH_)?(E_[A-Z_]+)\b", text)}
        self.sized = {n for text in texts for n in re.findall(r"typedef struct (covsamp_\w+) \{\s*size_t size;", text)}

    def that(self, ok, what):
        self.passed, self.failed = self.passed + bool(ok), self.failed + (not ok)
        if not ok:
            print("failed:", what, file=sys.stderr)

    def referred(self, function):
        """Functions whose comments belong to it: "as covsamp_..._ask()", "as set_state()", "the same", "as above"."""
        names = re.findall(r"\b[Aa]s (?:for |by |after )?(\w+)\(\)", function.comment)
        names += [n for pair in re.findall(r"\b[Aa]s (\w+)\(\) and (\w+)\(\)", function.comment) for n in pair]
        found = []
        for name in names:
            full = name if name.startswith("covsamp_") else function.family() + name
            self.that(full in self.by_name, "%s refers to %s(), which does not exist" % (function.name, full))
            found += [self.by_name[full]] if full in self.by_name else []
        if re.search(r"^The same\b|\b[Aa]s above\b", function.comment):
            found.append(self.functions[self.functions.index(function) - 1])
        return found

    def whole(self, function, seen=()):
        """All that is said of it."""
        if function.name in seen:
            return ""
        return " ".join([function.comment, group_of(self.groups, function)] +
                        [self.whole(f, seen + (function.name,)) for f in self.referred(function)])

    def errors(self, f, said):
        if not f.can_fail():
            return
        codes, types = set(re.findall(r"\bE_[A-Z_]+\b", said)), [t for t, _ in f.arguments]
        wanted = {"E_NULL"} if any(t.endswith("*") for t in types) else {"E_RANGE"}
        if any(t.removeprefix("const ").removesuffix(" *") in self.sized - {"covsamp_request"} for t in types):
            wanted.add("E_STRUCT_SIZE")
        if f.made():
            wanted.add("E_NOMEM")
        self.that(wanted <= codes, "%s says nothing of %s" % (f.name, ", ".join(sorted(wanted - codes))))
        self.that(codes <= self.codes, "%s: no such error: %s" % (f.name, codes - self.codes))

    def shapes(self, f, said):
        for kind, name in f.arguments:
            if name == "message":
                self.that("COVSAMP_MESSAGE_BYTES" in said, "%s does not say how long message is" % f.name)
            elif NUMBERS.match(kind) and not (f.name.endswith("_answer") and kind == "void *"):  # a handle there
                self.that(re.search(r"\b%s(?:\[|:? \[| \+ )|\*%s\b" % (name, name), said),
                          "%s does not say the shape of %s" % (f.name, name))

    def ownership(self, f, said):
        if f.made():
            self.that(f.made() + "_free" in self.by_name, "%s makes a %s, which has no _free" % (f.name, f.made()))
        if f.lends():
            self.that(re.search(r"[Ss]tatic|[Vv]alid (until|while)|[Oo]wned by", said), "%s does not say how long %s lives" % (
                f.name, f.lends()[0]))

    def all(self):
        for name in self.declared:
            self.that(name in self.by_name, "%s has no comment" % name)
        for prefix, _ in self.groups:
            self.that(any(f.name.startswith(prefix) for f in self.functions), "no function begins with %s" % prefix)
        for function in self.functions:
            said = self.whole(function)
            self.errors(function, said)
            self.shapes(function, said)
            self.ownership(function, said)
        self.that(len(self.functions) > 100 and self.sized and self.groups, "hardly anything was found")
        return self

    def done(self):
        print("%d passed, %d failed" % (self.passed, self.failed))
        return 1 if self.failed else 0


if __name__ == "__main__":
    if sys.argv[1] == "--check":
        sys.exit(Check([open(path, encoding="utf-8").read() for path in sys.argv[2:]]).all().done())
    print(filtered(open(sys.argv[1], encoding="utf-8").read()), end="")
