#!/bin/sh
# The program in README.md is examples/readme.c, which is compiled and run as a test, to the letter.
#     test_readme.sh SOURCE_ROOT
set -eu
if awk '/^```c$/ { on = 1; next } /^```$/ { on = 0 } on' "$1/README.md" | diff - "$1/examples/readme.c"; then
    echo "1 passed, 0 failed"
else
    echo "0 passed, 1 failed"
    exit 1
fi
