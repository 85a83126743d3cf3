#!/bin/sh
# SPDX-License-Identifier: BSD-3-Clause
# Compiles and runs a program of examples/ffi as a user would, against the shared library; exits with 77 where the
# language is not installed.  No compiler may fuse a multiplication and an addition: each says here how it is told.
#     run.sh LANGUAGE EXAMPLES LIBRARY_FOLDER GOLDEN LAYOUT WORK AFFINE_IN_C
set -eu
language=$1 examples=$2 libraries=$3 golden=$4 layout=$5 work=$6 affine_in_c=$7
here=$(cd "$(dirname "$0")" && pwd)
LD_LIBRARY_PATH=$libraries${LD_LIBRARY_PATH:+:$LD_LIBRARY_PATH}
export LD_LIBRARY_PATH

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

# For languages that cannot list the fields of a struct: a program that prints them as layout.c does.  Every field of
# the structs that it has lies where C has it, and none is missing.
compare_layouts() {
    "$@" >"$work/layouts.txt"
    cut -d ' ' -f 1 "$work/layouts.txt" | uniq | while read -r struct; do
        grep "^$struct " "$layout"
    done | diff - "$work/layouts.txt"
}

# A job begun in C is finished by the program, bit for bit, and the other way round.
half_jobs() {
    line=$(grep '^affine_f64 ' "$golden")
    "$affine_in_c" begin "$work/from-c"
    "$@" finish "$work/from-c" >"$work/finished.txt"
    grep -qxF "$line" "$work/finished.txt"
    "$@" begin "$work/own"
    cmp "$work/from-c" "$work/own"
    "$affine_in_c" finish "$work/own" >"$work/finished.txt"
    grep -qxF "$line" "$work/finished.txt"
}

mkdir -p "$work"
case $language in
node) # ECMAScript rounds after every operation
    need node
    need npm
    install_koffi
    set -- node "$work/affine.js"
    ;;
lua) # the compiler fuses on arm64 only, where affine.lua turns it off
    need luajit
    set -- luajit "$examples/affine.lua"
    ;;
rust) # never fuses unless asked by mul_add
    need rustc
    rustc --edition 2018 -O "$examples/affine.rs" -L "$libraries" -o "$work/affine"
    set -- "$work/affine"
    ;;
fortran)
    need gfortran
    for program in "$examples/affine" "$here/layouts"; do
        gfortran -std=f2018 -Wall -Werror -O2 -ffp-contract=off -J "$work" "$examples/covsamp.f90" "$program.f90" \
            -L "$libraries" -lcovsamp -o "$work/$(basename "$program")"
    done
    compare_layouts "$work/layouts"
    set -- "$work/affine"
    ;;
ada)
    need gnatmake
    for program in "$examples/affine" "$here/layouts"; do
        (cd "$work" && gnatmake -q -O2 -ffp-contract=off -gnat2012 -gnatwa -gnatwe "-I$examples" "$program.adb" -largs \
            "-L$libraries" -lcovsamp)
    done
    compare_layouts "$work/layouts"
    set -- "$work/affine"
    ;;
esac
half_jobs "$@"
exec "$@" "$golden" "$layout"
