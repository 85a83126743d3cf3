#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""The export list: header == map file == shared library, every symbol under a version node, the
soname as promised, nothing needed that should not be, and nothing without the prefix in an archive.

check_symbols.py [--prefix covsamp_] [--archive lib.a] header map library.so
"""
import argparse
import re
import subprocess
import sys

passed = failed = 0


def check(ok, what):
    global passed, failed
    if ok:
        passed += 1
    else:
        failed += 1
        print("failed:", what, file=sys.stderr)


def same(a, b, name_a, name_b):
    """Two sets of names are equal; one check for each name in either."""
    for name in sorted(a | b):
        check(name in a, "%s is in the %s but not in the %s" % (name, name_b, name_a))
        check(name in b, "%s is in the %s but not in the %s" % (name, name_a, name_b))


def run(*command):
    return subprocess.run(command, stdout=subprocess.PIPE, check=True, text=True,
                          env={"LC_ALL": "C", "PATH": "/usr/bin:/bin:/usr/local/bin"}).stdout


def declared(path, macro, prefix):
    """Functions that the header declares with the export macro."""
    text = re.sub(r"/\*.*?\*/", " ", open(path, encoding="utf-8").read(), flags=re.S)
    text = re.sub(r"^\s*#.*(?:\\\n.*)*$", "", text, flags=re.M)
    names = []
    for declaration in re.findall(r"\b%s\b([^;{]*);" % macro, text):
        names += re.findall(r"\b(%s\w*)\s*\(" % prefix, declaration)[:1]
    every = set(re.findall(r"\b(%s\w*)\s*\(" % prefix, text))
    check(len(names) == len(set(names)), "a function is declared twice")
    check(every == set(names), "declared without %s: %s" % (macro, sorted(every - set(names))))
    return set(names)


def mapped(path, prefix):
    """{symbol: node} of a version script; everything else must be local."""
    text = re.sub(r"/\*.*?\*/|#.*", " ", open(path, encoding="utf-8").read(), flags=re.S)
    symbols = {}
    nodes = re.findall(r"(\w[\w.]*)\s*\{(.*?)\}\s*([\w.]*)\s*;", text, flags=re.S)
    check(len(nodes) > 0, "the map has no version node")
    for node, body, _ in nodes:
        part = re.search(r"global:(.*?)(?:local:|$)", body, flags=re.S)
        for name in re.findall(r"([^\s;]+)\s*;", part.group(1) if part else ""):
            check(re.fullmatch(prefix + r"\w+", name), "%s in the map is no plain name" % name)
            check(name not in symbols, "%s is in the map twice" % name)
            symbols[name] = node
    check(re.search(r"local:\s*\*\s*;", text), "the map does not end with local: *")
    return symbols


def exported(path, nodes):
    """{symbol: node} of the shared library; node symbols themselves left out."""
    symbols = {}
    for line in run("nm", "-D", "--defined-only", path).splitlines():
        _, kind, name = line.split()
        name, _, node = name.partition("@")
        if kind == "A" and name in nodes:
            continue
        check(kind == "T", "%s is exported, but as %s and not as a function" % (name, kind))
        symbols[name] = node.lstrip("@")
    return symbols


def check_dynamic(path, soname):
    """Soname and needed libraries; what may be needed is said by what may not."""
    text = run("readelf", "-d", path)
    got = re.findall(r"\(SONAME\).*\[(.*)\]", text)
    check(got == [soname], "soname is %s, must be %s" % (got, soname))
    needed = re.findall(r"\(NEEDED\).*\[(.*)\]", text)
    check(len(needed) > 0, "nothing is needed, not even libc")
    if soname == "libcovsamp.so.0":
        for library in needed:
            check(not re.match(r"lib(stdc\+\+|torch|c10|gcc_s|gomp|pthread)", library),
                  "%s is needed" % library)
    else:
        check(any(n.startswith("libcovsamp.so") or n.startswith("libtorch") for n in needed),
              "needs neither libcovsamp nor libtorch")
    check("TEXTREL" not in text, "has text relocations")


def check_archive(path):
    """Visibility does nothing inside a .a: every global symbol has the prefix."""
    names = set()
    for line in run("nm", "-g", "--defined-only", path).splitlines():
        part = line.split()
        if len(part) == 3:
            names.add(part[2])
            check(re.match(r"covsamp__?\w", part[2]), "%s has no prefix in %s" % (part[2], path))
    check(len(names) > 10, "%s defines hardly anything" % path)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--prefix", default="covsamp_")
    parser.add_argument("--archive")
    parser.add_argument("header")
    parser.add_argument("map")
    parser.add_argument("library")
    a = parser.parse_args()
    torch = a.prefix.startswith("covsamp_torch")
    in_header = declared(a.header, "COVSAMP_TORCH_API" if torch else "COVSAMP_API", a.prefix)
    in_map = mapped(a.map, a.prefix)
    in_library = exported(a.library, set(in_map.values()))
    check(len(in_header) > 5, "the header declares hardly anything")
    same(in_header, set(in_map), "header", "map")
    same(in_header, set(in_library), "header", "library")
    for name, node in sorted(in_library.items()):
        check(node != "" and node == in_map.get(name), "%s has the version \"%s\"" % (name, node))
    check_dynamic(a.library, "libcovsamp-torch.so.0" if torch else "libcovsamp.so.0")
    if a.archive:
        check_archive(a.archive)
    print("%d passed, %d failed" % (passed, failed))
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
