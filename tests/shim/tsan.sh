#!/bin/sh
# SPDX-License-Identifier: BSD-3-Clause
# The core's and the shim's own code under ThreadSanitizer, two threads at once; exit 77: not here.
#     sh tests/shim/tsan.sh SOURCE BUILD MODULES MODEL     BUILD: a folder for a build of its own
# By clang: gcc also instruments what chooses between versions of a function at load time, and that
# runs before the sanitizer does.  libtorch is not instrumented: what its compiled code does to memory
# is not looked at, what the templates of its headers do in ours is.
set -eu
source=$1 build=$2 modules=$3 model=$4
export TSAN_OPTIONS="ignore_noninstrumented_modules=1 exitcode=66"
export OMP_NUM_THREADS=1 OPENBLAS_NUM_THREADS=1 # libgomp's own synchronisation is unknown to it
unset LD_PRELOAD MESON_TESTTHREADS || :

skip() {
    echo "tsan: skipped, $1"
    exit 77
}

# Whether it is here, and sees a race.
mkdir -p "$build"
command -v clang >/dev/null && command -v clang++ >/dev/null || skip "there is no clang"
command -v meson >/dev/null || skip "there is no meson"
clang -fsanitize=thread -g -pthread "$source/tests/analysis/race.c" -o "$build/race" 2>"$build/race.log" ||
    skip "clang has no ThreadSanitizer (libclang-rt-14-dev)"
status=0
"$build/race" 2>>"$build/race.log" || status=$?
[ $status = 66 ] || skip "ThreadSanitizer does not work here: a race was not reported (exit status $status)"

[ -f "$build/build.ninja" ] || CC=clang CXX=clang++ meson setup "$build" "$source" -Db_sanitize=thread \
    -Db_lundef=false -Dbuildtype=debugoptimized -Doptimization=1 -Dexamples=disabled -Ddocs=disabled \
    -Dshim=enabled >"$build/setup.log" 2>&1 || { cat "$build/setup.log" && exit 1; }
ninja -C "$build" tests/shim/shim_test_threads tests/bench/bench-threads >"$build/ninja.log" 2>&1 ||
    { cat "$build/ninja.log" && exit 1; }
"$build/tests/shim/shim_test_threads" "$modules"
"$build/tests/bench/bench-threads" "$model" 2 1 linearised dual
echo "no race was reported"
