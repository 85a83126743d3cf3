#!/bin/sh
# Runs the benchmarks and writes their tables into docs/performance.md: a quarter of an hour or more on
# an idle machine, and nothing worth keeping on a busy one.
#     sh tests/bench/run.sh [--rounds N] [--quick]      --quick: the trained network at batch 8 alone
set -eu
cd "$(dirname "$0")/../.."
build=${COVSAMP_BUILD:-build}
rounds=7
quick=
while [ $# -gt 0 ]; do
    case $1 in
    --rounds) rounds=$2 && shift ;;
    --quick) quick=1 ;;
    *) sed -n '2,4p' "$0" >&2 && exit 2 ;;
    esac
    shift
done
[ -f "$build/build.ninja" ] || meson setup "$build"
ninja -C "$build" tests/bench/bench-jvp tests/bench/bench-lgs
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
    export OMP_NUM_THREADS="$3"
    measure "$build/tests/bench/bench-jvp" "$1" --batch "$2" --threads "$3" --rounds "$rounds"
    measure /usr/bin/python3 -B tests/bench/bench-peer "$build" "$1" --batch "$2" --threads "$3" --rounds "$rounds"
}

both examples/models/fashion-unet.pt 8 1
if [ -z "$quick" ]; then
    both examples/models/fashion-unet.pt 32 1
    both "$large" 8 1
    both "$large" 8 2
fi
/usr/bin/python3 -B tests/bench/report.py "$results" docs/performance.md
