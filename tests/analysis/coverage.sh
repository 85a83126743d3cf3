#!/bin/sh
# SPDX-License-Identifier: BSD-3-Clause
# Which lines and branches of lib/ the suites unit, api and numerics reach, by gcov and gcovr: at least
# 95 % of the lines and 85 % of the branches.  build-coverage/coverage.txt has every file and the lines that
# are missed.  Last line "N passed, N failed", the two floors besides the suites' checks.
set -u
cd "$(dirname "$0")/../.." || exit 1
folder=build-coverage
# Threads count at once: without atomic counters a branch may be taken -1 times, which gcovr gives up on.
[ -f "$folder/build.ninja" ] || CC="${CC:-gcc}" meson setup "$folder" -Dshim=disabled -Db_coverage=true \
    -Doptimization=0 -Dc_args=-fprofile-update=atomic || exit 1
tests=$(mktemp)
trap 'rm -f "$tests"' EXIT
COVSAMP_BUILD=$folder sh tests/run.sh --no-install --suite unit --suite api --suite numerics -t 4 >"$tests" 2>&1
cat "$tests"
sum=$(tail -n 1 "$tests")
passed=$(echo "$sum" | sed -n 's/^\([0-9]*\) passed.*/\1/p') failed=$(echo "$sum" | sed -n 's/.* \([0-9]*\) failed.*/\1/p')
gcovr --root . --filter lib/ --txt "$folder/coverage.txt" --print-summary --fail-under-line 95 "$folder" &&
    passed=$((passed + 1)) || failed=$((failed + 1))
gcovr --root . --filter lib/ --branches --txt "$folder/branches.txt" --fail-under-branch 85 "$folder" &&
    passed=$((passed + 1)) || failed=$((failed + 1))
echo "${passed:-0} passed, ${failed:-1} failed"
[ "${failed:-1}" = 0 ]
