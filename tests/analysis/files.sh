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

# Runs a command on every file, as many at a time as there are processors; what each says comes in one piece.  One
# that ends with an error has found one or has not looked.
each() {
    echo "$files" | tr ' ' '\n' | grep . |
        xargs -P "${JOBS:-$(nproc)}" -I '{}' sh -c '
            said=$("$@" 2>&1) || said="$said
$0: error: exit status $?"
            [ -z "$said" ] || printf "%s\n" "$said"' '{}' "$@" >>"$log"
}
