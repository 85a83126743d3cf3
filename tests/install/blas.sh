#!/bin/sh
# SPDX-License-Identifier: BSD-3-Clause
# The BLAS is the packager's choice: by option when it is built, and by the loader when it runs.  Suites unit, api and
# numerics under OpenBLAS and under the reference BLAS.
#     blas.sh SOURCE_ROOT WORK
set -u
root=$(cd "$1" && pwd) work=$2
# shellcheck source=tests/install/checks.sh
. "$root/tests/install/checks.sh"
libs=$(dirname "$(find /usr/lib -name liblapacke.so.3 | head -n 1)")
mkdir -p "$work"

# All of the tests for the generic one; of the others the unit tests, which show that their names link and work.
for blas in blas openblas blas-netlib; do
    b=$work/b-$blas
    [ -f "$b/build.ninja" ] || check "-Dblas=$blas configures" meson setup "$b" "$root" -Dblas=$blas -Dshim=disabled \
        -Dexamples=disabled || continue
    targets=
    [ $blas = blas ] || targets=$(meson introspect --tests "$b" | python3 -c 'import json, os, sys
folder = os.path.realpath(sys.argv[1]) + os.sep
print(*(os.path.relpath(t["cmd"][0], folder) for t in json.load(sys.stdin)
        if t["suite"][0].split(":")[1] == "unit" and os.path.realpath(t["cmd"][0]).startswith(folder)))' "$b")
    # shellcheck disable=SC2086 # a list of words
    check "-Dblas=$blas builds" ninja -C "$b" $targets || continue
    check "-Dblas=$blas: covsamp.pc names it" grep -q "^Requires.private: lapacke, $blas\$" "$b/meson-private/covsamp.pc"
    [ $blas = blas ] || check "-Dblas=$blas runs" meson test -C "$b" --no-rebuild --suite unit
done
for folder in "$libs/blas:$libs/lapack" "$libs/openblas-pthread"; do
    name=reference
    [ "$folder" = "${folder#*openblas}" ] || name=OpenBLAS
    if [ ! -e "${folder%%:*}/libblas.so.3" ]; then
        skip "$name: no ${folder%%:*}/libblas.so.3"
        continue
    fi
    b=$work/b-blas
    check "$name is what the loader takes" sh -c 'LD_LIBRARY_PATH=$1 ldd "$0" | grep "libblas.so.3 => ${1%%:*}/"' \
        "$b/tests/test_linalg" "$folder"
    env LD_LIBRARY_PATH="$folder" COVSAMP_BUILD="$b" sh "$root/tests/run.sh" --no-install \
        --suite unit --suite api --suite numerics --timeout-multiplier 5 >"$work/blas.log" 2>&1
    sum=$(tail -n 1 "$work/blas.log")
    echo "$name: $sum"
    check "suites unit, api, numerics with $name" sh -c 'echo "$0" | grep -E "^[1-9][0-9]* passed, 0 failed"' "$sum" ||
        grep -E 'FAIL|TIMEOUT|failed' "$work/blas.log" | head -n 20
done
finish
