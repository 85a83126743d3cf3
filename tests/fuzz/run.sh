#!/bin/sh
# SPDX-License-Identifier: BSD-3-Clause
# Every fuzz target for a while, by clang's libFuzzer under ASan and UBSan, in a build folder of its own.
#     sh tests/fuzz/run.sh [--long] [--seconds N] [--build FOLDER] [TARGET...]
# N seconds a target: 10, with --long 600; the environment's COVSAMP_FUZZ_SECONDS is the same.  TARGET: npy,
# save, ...; all of them where none is named.  What is found lies in FOLDER/tests/fuzz/: TARGET.corpus has
# inputs that reach something new, TARGET.crash-... is an input that broke a promise.  Last line "N passed, N failed".
set -u
top=$(cd "$(dirname "$0")/../.." && pwd)
cd "$top" || exit 1
seconds=${COVSAMP_FUZZ_SECONDS:-10} build=build-fuzz targets=
while [ $# -gt 0 ]; do
    case $1 in
    --long) seconds=600 ;;
    --seconds) seconds=$2 && shift ;;
    --build) build=$2 && shift ;;
    -*) echo "run.sh: no option $1" >&2 && exit 2 ;;
    *) targets="$targets $1" ;;
    esac
    shift
done
[ -n "$targets" ] || targets=$(grep -E '^fuzz_(program_)?targets = ' tests/fuzz/meson.build |
    grep -o "fuzz_[a-z_]*'" | sed "s/^fuzz_//; s/'//")

case ${CC:-} in *clang*) ;; *) CC=clang ;; esac # whatever the rest is built with
[ -f "$build/build.ninja" ] ||
    CC=$CC meson setup "$build" -Dfuzz=true -Dshim=disabled >"$build.log" 2>&1 ||
    { cat "$build.log" && exit 1; }
programs=
for t in $targets; do programs="$programs tests/fuzz/fuzz_$t"; done
# shellcheck disable=SC2086 # a list of words
ninja -C "$build" $programs >"$build.log" 2>&1 || { cat "$build.log" && exit 1; }
rm -f "$build.log"

passed=0 failed=0
cd "$build/tests/fuzz" || exit 1
for t in $targets; do
    mkdir -p "$t.corpus"
    set -- "$t.corpus"
    for seeds in "$top/tests/fuzz/corpus/$t" "$top/tests/fuzz/crashes/$t"; do
        [ ! -d "$seeds" ] || set -- "$@" "$seeds"
    done
    if "./fuzz_$t" -max_total_time="$seconds" -timeout=20 -max_len=4096 -verbosity=0 -print_final_stats=1 \
        -close_fd_mask=1 -artifact_prefix="$t." "$@" >"$t.log" 2>&1; then
        passed=$((passed + 1)) state=ok
    else
        failed=$((failed + 1)) state=FAILED
        cat "$t.log"
    fi
    runs=$(sed -n 's/^stat::number_of_executed_units: *//p' "$t.log")
    printf '%-14s %9s executions in %s s, %s\n' "$t" "${runs:-?}" "$seconds" "$state"
done
echo "$passed passed, $failed failed"
[ $failed = 0 ]
