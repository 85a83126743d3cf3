#!/bin/sh
# Runs the benchmarks and writes their tables into docs/performance.md: half an hour or so on an idle
# machine, and nothing worth keeping on a busy one.
#     sh tests/bench/run.sh [--rounds N] [--quick] [--into FILE]
# --quick: the trained network at batch 8 alone; --into: another file with the two marker lines
set -eu
cd "$(dirname "$0")/../.."
build=${COVSAMP_BUILD:-build}
rounds=7
quick=
into=docs/performance.md
while [ $# -gt 0 ]; do
    case $1 in
    --rounds) rounds=$2 && shift ;;
    --quick) quick=1 ;;
    --into) into=$2 && shift ;;
    *) sed -n '2,5p' "$0" >&2 && exit 2 ;;
    esac
    shift
done
[ -f "$build/build.ninja" ] || meson setup "$build"
ninja -C "$build" tests/bench/bench-jvp tests/bench/bench-lgs tests/bench/bench-bf16 \
    tests/bench/bench-memory-of tests/bench/bench-threads tests/bench/bench-many
large=$build/tests/bench/unet.pt
[ -f "$large" ] || /usr/bin/python3 -B tests/bench/make_unet.py "$large"
results=$build/tests/bench/results.txt
: >"$results"

measure() { # a command
    echo "# $*" | tee -a "$results"
    "$@" >>"$results"
    tail -n 6 "$results"
}

both() { # a network, a batch, threads
    export OMP_NUM_THREADS="$3" OPENBLAS_NUM_THREADS="$3"
    measure "$build/tests/bench/bench-jvp" "$1" --batch "$2" --threads "$3" --rounds "$rounds" \
        --engines linearised,dual,double_backward,transposed
    measure /usr/bin/python3 -B tests/bench/bench-peer "$build" "$1" --batch "$2" --threads "$3" --rounds "$rounds" \
        --engines linearised,dual,transposed
}

trained=examples/models/fashion-unet.pt
# First what wants the machine for itself, while it is idle; then what does not mind.
measure env OMP_NUM_THREADS=1 OPENBLAS_NUM_THREADS=1 \
    "$build/tests/bench/bench-threads" "$trained" 8 "$rounds" linearised dual
measure env OMP_NUM_THREADS=1 OPENBLAS_NUM_THREADS=1 \
    "$build/tests/bench/bench-many" "$trained" 8 1 "$rounds" linearised dual
both "$trained" 8 1
if [ -z "$quick" ]; then
    both "$trained" 32 1
    both "$large" 8 1
    both "$large" 8 2
    export OMP_NUM_THREADS=1 OPENBLAS_NUM_THREADS=1
    measure /usr/bin/python3 -B tests/bench/bench-memory "$build" "$trained" --batch 32
    measure "$build/tests/bench/bench-bf16" "$trained" 4
fi
/usr/bin/python3 -B tests/bench/report.py "$results" "$into"
