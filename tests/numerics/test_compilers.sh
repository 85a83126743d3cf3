#!/bin/sh
# The noise has the same bits with every compiler, optimisation and width of vectors (what the processor does not
# have counts as the next narrower one): test_noise, with its golden values, once each.  -O0 and the narrowest is
# Random123's own form.
#     test_compilers.sh SOURCE_ROOT
set -u
root=$1 passed=0 failed=0 skipped=0
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$root/tests" || exit 1
for compiler in gcc clang; do
    if ! command -v $compiler >/dev/null; then
        echo "skipped: no $compiler"
        skipped=$((skipped + 1))
        continue
    fi
    for level in '-O0 -DCOVSAMP__WIDEST=0' '-O3 -DCOVSAMP__WIDEST=0' '-O2 -DCOVSAMP__WIDEST=1' \
        '-O3 -fno-math-errno -DCOVSAMP__WIDEST=2' '-O0' '-O3 -fno-math-errno'; do
        # shellcheck disable=SC2086 # several arguments
        if $compiler -std=c11 $level -ffp-contract=off -DCOVSAMP_STATIC -I. -I../include -I../lib \
            numerics/test_noise.c ../lib/numeric/rng.c ../lib/numeric/vec.c -lm -o "$work/noise" &&
            "$work/noise" >"$work/out"; then
            passed=$((passed + 1))
        else
            echo "failed: $compiler $level"
            failed=$((failed + 1))
        fi
    done
done
echo "$passed passed, $failed failed$([ $skipped = 0 ] || echo ", $skipped skipped")"
[ $failed = 0 ]
