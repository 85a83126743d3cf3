#!/bin/sh
# SPDX-License-Identifier: BSD-3-Clause
# The C programs of the suites unit and api under valgrind, over the reference BLAS: no error, and nothing that
# was allocated is lost.  In the build folder of tests/run.sh.  What the programs' own checks say does not count: valgrind
# gives a long double 64 bits, and many compare with one.  Last line "N passed, N failed".
set -u
cd "$(dirname "$0")/../.." || exit 1
. tests/analysis/reference-blas.sh
build=${COVSAMP_BUILD:-build}
[ -f "$build/build.ninja" ] || meson setup "$build" >/dev/null || exit 1
# Scripts among the tests run compilers and interpreters, which are not ours to look at.
programs=$(meson introspect --tests "$build" | python3 -c '
import json, os, sys
folder = os.path.abspath(sys.argv[1]) + os.sep
for test in json.load(sys.stdin):
    suites = {suite.split(":")[-1] for suite in test["suite"]}
    if suites & {"unit", "api"} and os.path.abspath(test["cmd"][0]).startswith(folder) and "torch" not in test["name"]:
        print(" ".join(test["cmd"]))' "$build")
# shellcheck disable=SC2046 # a list of words
ninja -C "$build" $(echo "$programs" | cut -d ' ' -f 1 | sed "s|^.*/$build/||") >"$build/valgrind.log" 2>&1 ||
    { cat "$build/valgrind.log" && exit 1; }
cd tests || exit 1
results=$(mktemp)
trap 'rm -f "$results"' EXIT
# shellcheck disable=SC2016 # the inner shell's variables
echo "$programs" | xargs -d '\n' -P "${JOBS:-$(nproc)}" -I '{}' sh -c '
    said=$(valgrind --quiet --error-exitcode=99 --leak-check=full --errors-for-leak-kinds=definite,indirect,possible {} 2>&1)
    if [ $? -lt 99 ]; then echo "ok: {}"; else printf "failed: {}\n%s\n" "$said"; fi' | tee "$results"
passed=$(grep -c '^ok: ' "$results") failed=$(grep -c '^failed: ' "$results")
echo "$passed passed, $failed failed"
[ "$failed" = 0 ] && [ "$passed" -gt 0 ]
