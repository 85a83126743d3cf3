#!/bin/sh
# SPDX-License-Identifier: BSD-3-Clause
# The API reference is made without a warning, and every function has its lines in it: doxygen.sh TOP PYTHON
set -eu
top=$1 python=$2
command -v doxygen >/dev/null || {
    echo "skipped: doxygen (not installed)"
    exit 77
}
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
sed "s|@version@|test|; s|@top@|$top|; s|@python@|$python|; s|@out@|$scratch|" "$top/docs/Doxyfile.in" >"$scratch/Doxyfile"
PYTHONDONTWRITEBYTECODE=1 doxygen "$scratch/Doxyfile"
passed=0 failed=0
for header in covsamp torch; do
    wanted=$(grep -cE '^\s*COVSAMP_(TORCH_)?API\b.*covsamp_\w+ *\(' "$top/include/covsamp/$header.h")
    for line in Ownership Threads; do
        found=$(grep -o "<dt>$line</dt>" "$scratch/html/${header}_8h.html" | wc -l)
        if [ "$wanted" -gt 30 ] && [ "$found" = "$wanted" ]; then
            passed=$((passed + 1))
        else
            failed=$((failed + 1))
            echo "failed: $header.h has $wanted functions, and $found have the line $line" >&2
        fi
    done
done
echo "$passed passed, $failed failed"
[ $failed = 0 ]
