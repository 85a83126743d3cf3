# SPDX-License-Identifier: BSD-3-Clause
# For the analysers, to be read by them: what they look at, and how it is compiled.
top=$(cd "$(dirname "$0")/../.." && pwd)
cd "$top" || exit 1
log=$(mktemp)
trap 'rm -f "$log"' EXIT
known=tests/analysis/known.txt
core=$(find lib -name '*.c' | sort)
program=$(find examples -maxdepth 1 -name '*.c'; find examples/covsamp -name '*.c' | sort)
files="$core $program"
count=$(echo "$files" | wc -w)
flags="-std=c11 -Iinclude -Ilib -Iexamples/covsamp"
