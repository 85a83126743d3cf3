#!/bin/sh
# SPDX-License-Identifier: BSD-3-Clause
# A toolchain that is missing is a skip with its name: every language is run where its commands are hidden.
#     test_skips.sh RUN_SH WITH_MODULE_SH EXAMPLES WORK
set -eu
run=$1 with_module=$2 examples=$3 work=$4
rm -rf "$work"
mkdir -p "$work/bin"
for tool in sh cat cmp cp cut dirname basename diff grep mkdir uniq; do
    ln -s "$(command -v $tool)" "$work/bin"
done
passed=0 failed=0

# expect LINE COMMAND...: exits with 77 and says so in its last line
expect() {
    line=$1 status=0
    shift
    "$@" >"$work/out" 2>&1 || status=$?
    if [ $status = 77 ] && [ "$(tail -n 1 "$work/out")" = "$line" ]; then
        passed=$((passed + 1))
    else
        failed=$((failed + 1))
        echo "failed: status $status, wanted: $line" >&2
        cat "$work/out" >&2
    fi
}
language() {
    PATH=$work/bin sh "$run" "$1" "$examples" "$work" none none "$work/$1" none
}

expect "skipped: node (node is not installed)" language node
expect "skipped: lua (luajit is not installed)" language lua
expect "skipped: rust (rustc is not installed)" language rust
expect "skipped: fortran (gfortran is not installed)" language fortran
expect "skipped: ada (gnatmake is not installed)" language ada
printf '#!/bin/sh\nexit 0\n' >"$work/bin/node"
chmod +x "$work/bin/node"
expect "skipped: node (npm is not installed)" language node
printf '#!/bin/sh\necho "network unreachable"\nexit 1\n' >"$work/bin/npm"
chmod +x "$work/bin/npm"
expect "skipped: node (npm does not reach its registry, koffi cannot be installed)" language node
expect "skipped: program.py (false has no numpy)" sh "$with_module" numpy false program.py
echo "$passed passed, $failed failed"
[ $failed = 0 ]
