#!/bin/sh
# SPDX-License-Identifier: BSD-3-Clause
# The core's programs with threads under ThreadSanitizer, by clang, over the reference BLAS.  Last line "N passed,
# N failed".  The shim's: tests/shim/tsan.sh.
set -u
cd "$(dirname "$0")/../.." || exit 1
. tests/analysis/reference-blas.sh
folder=build-tsan
programs="tests/api_test_interleave tests/api_test_cancel tests/api_test_threads examples/threads examples/cancel_progress
 tests/reliability/soak"
[ -f "$folder/build.ninja" ] || CC="${CC:-clang}" meson setup "$folder" -Dshim=disabled -Db_sanitize=thread \
    -Db_lundef=false -Doptimization=1 >"$folder.log" 2>&1 || { cat "$folder.log" && exit 1; }
# shellcheck disable=SC2086 # a list of words
ninja -C "$folder" $programs >"$folder.log" 2>&1 || { cat "$folder.log" && exit 1; }
rm -f "$folder.log"
# A race that must be seen.
passed=0 failed=0 status=0
# shellcheck disable=SC2086 # a list of words
${CC:-clang} -fsanitize=thread -g -pthread tests/analysis/race.c -o "$folder/race" &&
    TSAN_OPTIONS=exitcode=66 "$folder/race" >/dev/null 2>&1 || status=$?
if [ $status = 66 ]; then
    passed=1
else
    failed=1
    echo "failed: ThreadSanitizer does not see a race (exit status $status)"
fi
for program in $programs; do
    arguments=
    [ "$program" != tests/reliability/soak ] || arguments=100 # lives
    # shellcheck disable=SC2086 # none or a number
    if TSAN_OPTIONS=exitcode=66 "$folder/$program" $arguments; then
        passed=$((passed + 1))
    else
        failed=$((failed + 1))
        echo "failed: $program"
    fi
done
echo "$passed passed, $failed failed"
[ $failed = 0 ]
