#!/bin/sh
# SPDX-License-Identifier: BSD-3-Clause
# Compiles and runs a program of examples/ffi as a user would, against the shared library; exits with 77 where the
# language is not installed.  No compiler may fuse a multiplication and an addition: each says here how it is told.
#     run.sh LANGUAGE EXAMPLES LIBRARY_FOLDER GOLDEN LAYOUT WORK
set -eu
language=$1 examples=$2 libraries=$3 golden=$4 layout=$5 work=$6
LD_LIBRARY_PATH=$libraries${LD_LIBRARY_PATH:+:$LD_LIBRARY_PATH}
PYTHONDONTWRITEBYTECODE=1
export LD_LIBRARY_PATH PYTHONDONTWRITEBYTECODE

# Skips by name what is not installed: a command.
need() {
    command -v "$1" >/dev/null 2>&1 && return
    echo "skipped: $language ($1 is not installed)"
    exit 77
}

# koffi, by the lock file, into the build folder; once.
install_koffi() {
    cp "$examples/package.json" "$examples/package-lock.json" "$examples/covsamp.js" "$examples/affine.js" "$work"
    cmp -s "$work/package-lock.json" "$work/installed.json" && return
    if ! (cd "$work" && npm ci --ignore-scripts --no-audit --no-fund --fetch-retries=1 --fetch-timeout=30000) \
        >"$work/npm.log" 2>&1; then
        if ! (cd "$work" && npm ping --fetch-retries=0 --fetch-timeout=10000) >/dev/null 2>&1; then
            echo "skipped: node (npm does not reach its registry, koffi cannot be installed)"
            exit 77
        fi
        cat "$work/npm.log" >&2
        exit 1
    fi
    cp "$work/package-lock.json" "$work/installed.json"
}

mkdir -p "$work"
case $language in
node) # ECMAScript rounds after every operation
    need node
    need npm
    install_koffi
    exec node "$work/affine.js" "$golden" "$layout"
    ;;
lua) # the compiler fuses on arm64 only, where affine.lua turns it off
    need luajit
    exec luajit "$examples/affine.lua" "$golden" "$layout"
    ;;
rust) # never fuses unless asked by mul_add
    need rustc
    rustc --edition 2018 -O "$examples/affine.rs" -L "$libraries" -o "$work/affine"
    ;;
fortran)
    need gfortran
    gfortran -std=f2018 -Wall -Werror -O2 -ffp-contract=off -J "$work" "$examples/covsamp.f90" "$examples/affine.f90" \
        -L "$libraries" -lcovsamp -o "$work/affine"
    ;;
ada)
    need gnatmake
    (cd "$work" && gnatmake -q -O2 -ffp-contract=off -gnat2012 -gnatwa -gnatwe "-I$examples" affine -largs \
        "-L$libraries" -lcovsamp)
    ;;
esac
exec "$work/affine" "$golden" "$layout"
