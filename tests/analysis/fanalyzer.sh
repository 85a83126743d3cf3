#!/bin/sh
# SPDX-License-Identifier: BSD-3-Clause
# gcc -fanalyzer over the library and the program; last line "N passed, N failed".
set -u
. "$(dirname "$0")/files.sh"
# shellcheck disable=SC2086 # a list of words
each ${CC:-gcc} $flags -O1 -fanalyzer -fdiagnostics-plain-output '-DPROGRAM_VERSION="0"' -c -o /dev/null '{}'
python3 tests/analysis/judge.py fanalyzer "$log" $known "$count"
