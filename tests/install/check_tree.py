# SPDX-License-Identifier: BSD-3-Clause
"""What packagers rely on, checked in the tree and its build without building a package.

    check_tree.py SOURCE_ROOT libcovsamp.so [libcovsamp-torch.so]

The version is the header's everywhere; Debian's symbols files list what the libraries export; libcovsamp needs the BLAS,
LAPACKE and libc alone, and of the first two only names that the reference implementation has.
"""
import glob
import os
import re
import subprocess
import sys

counts = {"passed": 0, "failed": 0, "skipped": 0}


def check(what, good, detail=""):
    counts["passed" if good else "failed"] += 1
    print("ok: " + what if good else "FAILED: %s: %s" % (what, detail))


def skip(what):
    counts["skipped"] += 1
    print("skipped: " + what)


def read(*path):
    with open(os.path.join(*path), encoding="utf-8") as file:
        return file.read()


def run(*command):
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


def versions(root):
    header = read(root, "include/covsamp/covsamp.h")
    version = ".".join(re.search(r"define COVSAMP_VERSION_%s (\d+)" % part, header)[1]
                       for part in ("MAJOR", "MINOR", "PATCH"))
    places = {"meson.build": r"version: '([\d.]+)'", "CHANGELOG.md": r"## ([\d.]+)",
              "debian/changelog": r"covsamp \(([\d.]+)-", "rpm/covsamp.spec": r"Version: +([\d.]+)"}
    for place, pattern in places.items():
        if not os.path.exists(os.path.join(root, place)):
            skip("version in %s: not in this tree" % place)
            continue
        found = re.search(pattern, read(root, place))
        check("version in " + place, found and found[1] == version,
              "%s, the header says %s" % (found and found[1], version))


def exported(library):
    lines = run("nm", "-D", "--defined-only", library).splitlines()
    return {line.split()[2].replace("@@", "@") for line in lines if " A " not in line}


def symbols(root, package, library):
    place = os.path.join(root, "debian", package + ".symbols")
    if not os.path.exists(place):
        skip("%s.symbols: not in this tree" % package)
        return
    listed = set(re.findall(r"^ (covsamp_\S+@COVSAMP\S+) ", read(place), re.M))
    wrong = listed ^ exported(library)
    check("%s.symbols lists what is exported (%d names)" % (package, len(listed)), not wrong,
          "differs in %s; docs/releasing.md has the command that adds them" % ", ".join(sorted(wrong)))


def needed(library):
    names = re.findall(r"NEEDED.*\[(.*)\]", run("readelf", "-d", library))
    allowed = r"lib(blas|cblas|openblas|lapacke|m|c|pthread)\.so\.\d+|ld-linux.*"
    strange = [n for n in names if not re.fullmatch(allowed, n)]
    check("libcovsamp needs BLAS, LAPACKE and libc", names and not strange, " ".join(strange))


def reference_names(library):
    """OpenBLAS has cblas_ names that the reference has not: with one of those the library would link with it alone."""
    used = set(re.findall(r" U ((?:cblas|LAPACKE)_\w+)", run("nm", "-D", library)))
    reference = [p for folder in ("/usr/lib/*/blas", "/usr/lib64", "/usr/lib/*") for p in
                 glob.glob(folder + "/lib*blas.so.3") if not re.search("openblas", os.path.realpath(p))]
    lapacke = glob.glob("/usr/lib/*/liblapacke.so.3") + glob.glob("/usr/lib64/liblapacke.so.3")
    if not reference or not lapacke:
        skip("names of the reference BLAS: it is not here")
        return
    known = set()
    for place in (reference[0], lapacke[0]):
        known |= {line.split()[2].split("@")[0] for line in run("nm", "-D", "--defined-only", place).splitlines()}
    check("of BLAS and LAPACKE the reference's names only (%d)" % len(used), used and used <= known,
          " ".join(sorted(used - known)))


def main():
    root, core = sys.argv[1:3]
    versions(root)
    symbols(root, "libcovsamp0", core)
    needed(core)
    reference_names(core)
    if len(sys.argv) > 3:
        symbols(root, "libcovsamp-torch0", sys.argv[3])
    line = "%(passed)d passed, %(failed)d failed" % counts
    print(line + (", %(skipped)d skipped" % counts if counts["skipped"] else ""))
    return counts["failed"] != 0


sys.exit(main())
