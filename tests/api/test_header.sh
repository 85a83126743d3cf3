#!/bin/sh
# SPDX-License-Identifier: BSD-3-Clause
# Each public header alone, in every C and C++ standard, by every compiler that is here, without
# a warning.
# Usage: test_header.sh [source-root]
set -u
root=${1:-$(dirname "$0")/../..}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
passed=0 failed=0 skipped=0
flags="-fsyntax-only -I$root/include -Wall -Wextra -Wpadded -pedantic-errors -Werror"

# try COMPILER LANGUAGE STANDARD HEADER
try() {
    # Twice, for the guard.
    {
        printf '#include <covsamp/%s>\n#include <covsamp/%s>\n' "$4" "$4"
        printf 'int use(void);\nint use(void) { return COVSAMP_OK; }\n'
    } >"$work/try.$2"
    if "$1" -std="$3" $flags "$work/try.$2" >"$work/log" 2>&1; then
        passed=$((passed + 1))
    else
        failed=$((failed + 1))
        echo "$1 -std=$3 <covsamp/$4>:" >&2
        head -5 "$work/log" >&2
    fi
}

for compiler in gcc clang; do
    command -v $compiler >/dev/null || {
        echo "skipped: $compiler is not here"
        skipped=$((skipped + 1))
        continue
    }
    for header in covsamp.h torch.h; do
        for standard in c99 c11 c17 c2x gnu11; do
            try $compiler c $standard $header
        done
    done
done
for compiler in g++ clang++; do
    command -v $compiler >/dev/null || {
        echo "skipped: $compiler is not here"
        skipped=$((skipped + 1))
        continue
    }
    for header in covsamp.h torch.h; do
        for standard in c++11 c++14 c++17 c++20; do
            try $compiler cpp $standard $header
        done
    done
done
if [ $skipped -gt 0 ]; then
    echo "$passed passed, $failed failed, $skipped skipped"
else
    echo "$passed passed, $failed failed"
fi
[ $failed -eq 0 ]
