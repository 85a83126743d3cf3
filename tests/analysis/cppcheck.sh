#!/bin/sh
# SPDX-License-Identifier: BSD-3-Clause
# cppcheck over the library, the program and the shim; last line "N passed, N failed".
set -u
. "$(dirname "$0")/files.sh"
# shellcheck disable=SC2086 # a list of words
format='{file}:{line}: {severity}: {message} [{id}]'
cppcheck --quiet --enable=warning,performance,portability --std=c11 --language=c -Iinclude -Ilib \
    --template="$format" $files >>"$log" 2>&1
cppcheck --quiet --enable=warning,performance,portability --std=c++17 --language=c++ -Iinclude \
    --template="$format" shim >>"$log" 2>&1
python3 tests/analysis/judge.py cppcheck "$log" $known "$((count + $(find shim -name '*.cpp' | wc -l)))"
