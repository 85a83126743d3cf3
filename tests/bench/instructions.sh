#!/bin/sh
# The instructions that libcovsamp itself executes in bench-tiny, counted by callgrind, against the figure
# in instructions.expected: more than 5 % above it is a failure, more than 5 % below it asks for an update.
#     sh tests/bench/instructions.sh            last line "N passed, N failed, N skipped"
#     sh tests/bench/instructions.sh update     writes the figure
#     sh tests/bench/instructions.sh json       the figure of this machine and the one recorded, for report.py
# The BLAS, libm and the C library are not counted: they choose their code by processor.  Where compiler,
# architecture or the vectors that valgrind offers are others than those recorded it is skipped.
# COVSAMP_INSTRUCTIONS_BUILD: the build directory (made here; what it is built with counts).
set -u
cd "$(dirname "$0")/../.." || exit 1
build=${COVSAMP_INSTRUCTIONS_BUILD:-build-instructions}
expected=tests/bench/instructions.expected
compiler=${CC:-gcc}
skip() {
    echo "skipped: instructions: $1"
    echo "0 passed, 0 failed, 1 skipped"
    exit 0
}
fail() {
    echo "failed: instructions: $1"
    echo "0 passed, 1 failed"
    exit 1
}
command -v valgrind >/dev/null || skip "no valgrind"
command -v "${compiler##* }" >/dev/null || skip "no ${compiler##* }"

wide=no # valgrind has AVX2 where the processor does, and no AVX-512
grep -qw avx2 /proc/cpuinfo 2>/dev/null && wide=yes
key="${compiler##* } $($compiler -dumpfullversion 2>/dev/null || $compiler -dumpversion) $($compiler -dumpmachine) avx2=$wide"
recorded=$(sed -n 's/^compiler //p' "$expected" 2>/dev/null)
[ "${1:-}" = update ] || [ "${1:-}" = json ] || [ "$recorded" = "$key" ] || skip "recorded with $recorded, this is $key"

# The flags are meson's for its default build type and nothing from the environment.
unset CFLAGS CPPFLAGS LDFLAGS
if [ ! -f "$build/build.ninja" ]; then
    meson setup "$build" --buildtype=debugoptimized -Dshim=disabled -Dexamples=disabled -Dtests=enabled >"$build.log" 2>&1 ||
        { cat "$build.log"; fail "meson setup"; }
    rm -f "$build.log"
fi
ninja -C "$build" tests/bench/bench-tiny >/dev/null || fail "the build"

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
OPENBLAS_NUM_THREADS=1 valgrind -q --tool=callgrind --callgrind-out-file="$work/out" "$build/tests/bench/bench-tiny" \
    >"$work/sum" || fail "bench-tiny under callgrind"
python3 -B tests/bench/instructions.py "$work/out" libcovsamp.so 8 >"$work/report"
count=$(head -n 1 "$work/report")
sed -n '2,$s/^/  /p' "$work/report"
if [ "${1:-}" = update ]; then
    {
        echo "# Instructions of libcovsamp in bench-tiny: sh tests/bench/instructions.sh update"
        echo "compiler $key"
        echo "instructions $count"
    } >"$expected"
    echo "$count instructions written to $expected"
    exit 0
fi
want=$(sed -n 's/^instructions //p' "$expected")
if [ "${1:-}" = json ]; then
    [ "$recorded" = "$key" ] || fail "recorded with $recorded, this is $key"
    echo "{\"bench\": \"instructions\", \"instructions\": $count, \"recorded\": $want, \"compiler\": \"$key\"}"
    exit 0
fi
awk -v now="$count" -v was="$want" 'BEGIN { printf "%d instructions, recorded %d: %+.2f %%\n", now, was, 100 * (now / was - 1) }'
[ $((count * 100)) -le $((want * 105)) ] ||
    fail "more than 5 % above the figure recorded; if it has to be: sh tests/bench/instructions.sh update"
[ $((count * 100)) -ge $((want * 95)) ] ||
    echo "note: more than 5 % below the figure recorded: sh tests/bench/instructions.sh update keeps the gain"
echo "1 passed, 0 failed"
