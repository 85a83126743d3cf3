#!/bin/sh
# SPDX-License-Identifier: BSD-3-Clause
# clang-tidy over the library and the program: the static analyser's checks and bugprone-*, but those
# that this code breaks on purpose: names with two underscores are the internal ones, functions take
# several numbers in a row, sizes are int64_t, and snprintf() is as safe as its Annex K sibling that
# no C library here has.  Last line "N passed, N failed".
set -u
. "$(dirname "$0")/files.sh"
checks='-*,clang-analyzer-*,bugprone-*,-bugprone-easily-swappable-parameters,-bugprone-reserved-identifier'
checks=$checks,-bugprone-narrowing-conversions,-bugprone-implicit-widening-of-multiplication-result
checks=$checks,-clang-analyzer-security.insecureAPI.DeprecatedOrUnsafeBufferHandling
# A sixth of the analyser's usual budget for a function: beyond it takes five times as long.
budget="--extra-arg=-Xclang --extra-arg=-analyzer-config --extra-arg=-Xclang --extra-arg=max-nodes=40000"
# shellcheck disable=SC2086 # lists of words
each ${CLANG_TIDY:-clang-tidy} --quiet --checks="$checks" $budget '{}' -- $flags -O1 '-DPROGRAM_VERSION="0"'
sed -i "s|^$top/||" "$log"
python3 tests/analysis/judge.py clang-tidy "$log" $known "$count"
