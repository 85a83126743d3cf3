#!/bin/sh
# SPDX-License-Identifier: BSD-3-Clause
# The ABI of a library against its baseline, by libabigail; docs/abi.md says what to do when it differs.
#     abi.sh check  LIBRARY BASELINE HEADERS      any difference fails
#     abi.sh update LIBRARY BASELINE HEADERS      writes the baseline anew, unless something was taken away or changed
#     abi.sh break  LIBRARY BASELINE HEADERS      writes it in any case: together with a new soname
set -eu
mode=$1 library=$2 baseline=$3 headers=$4
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT

skip() {
    echo "skipped: abidiff ($1)"
    exit 77
}
command -v abidw >/dev/null && command -v abidiff >/dev/null || skip "abigail-tools is not installed"
readelf -S "$library" | grep -q '\.debug_info' || skip "$library has no debug information"

# Of the public headers alone, and without paths or lines, so that a baseline changes when the ABI does.
abidw --headers-dir "$headers" --drop-private-types --exported-interfaces-only --no-corpus-path --no-comp-dir-path \
    --no-show-locs --type-id-style hash --out-file "$scratch/new.abi" "$library"
architecture() {
    sed -n "s/.*architecture='\([^']*\)'.*/\1/p" "$1" | head -n 1
}

if [ "$mode" != check ]; then
    status=0
    [ ! -f "$baseline" ] || abidiff "$baseline" "$scratch/new.abi" || status=$?
    if [ "$mode" = update ] && [ $((status & 8)) != 0 ]; then
        echo "abi.sh: not compatible with $baseline; a new soname needs abi.sh break" >&2
        exit 1
    fi
    cp "$scratch/new.abi" "$baseline"
    exit 0
fi

[ "$(architecture "$baseline")" = "$(architecture "$scratch/new.abi")" ] ||
    skip "the baseline is for $(architecture "$baseline")"
passed=0 failed=0
result() { # what is wrong, unless the second is 0
    if [ "$2" = 0 ]; then
        passed=$((passed + 1))
    else
        failed=$((failed + 1))
        echo "failed: $1" >&2
    fi
}
status=0
abidiff "$baseline" "$scratch/new.abi" || status=$?
result "abidiff exits with $status: see docs/abi.md" "$status"

# Would it have seen a function renamed, or a struct grown?
function=$(sed -n "s/.*<elf-symbol name='\(covsamp_[a-z_]*_free\)'.*/\1/p" "$scratch/new.abi" | head -n 1)
sed "s/$function/${function}d/g" "$scratch/new.abi" >"$scratch/renamed.abi"
abidiff "$scratch/new.abi" "$scratch/renamed.abi" >"$scratch/out" && blind=1 || blind=0
result "abidiff does not see that $function was renamed" $blind
struct=$(sed -n "s/.*class-decl name='\(covsamp_[a-z_]*\)' size-in-bits.*/\1/p" "$scratch/new.abi" | head -n 1)
sed "s/\(class-decl name='$struct' size-in-bits='\)/\11/" "$scratch/new.abi" >"$scratch/grown.abi"
abidiff "$scratch/new.abi" "$scratch/grown.abi" >"$scratch/out" && blind=1 || blind=0
result "abidiff does not see that $struct has grown" $blind
echo "$passed passed, $failed failed"
[ $failed = 0 ]
