#!/bin/sh
# Runs the benchmarks, keeps their results in tests/bench/results.json and writes docs/performance.md with its
# figures: about twenty minutes for the core (--core), an hour for all, on an idle machine.
#     sh tests/bench/run.sh [--rounds N] [--core] [--quick] [--only NAME] [--into FILE]
# --core: what measures the core alone; --quick: fewer sizes and rounds; --only: sections whose name begins so (noise,
# krylov, step, growth, samplers, instructions, parallel, threads, many, device, products, peer, memory, bf16; may be given again);
# --into: another file with the marker lines.  What is left out stays as it was kept.
set -eu
cd "$(dirname "$0")/../.."
build=${COVSAMP_BUILD:-build}
rounds=7
quick=
core=
only=
into=docs/performance.md
while [ $# -gt 0 ]; do
    case $1 in
    --rounds) rounds=$2 && shift ;;
    --quick) quick=1 ;;
    --core) core=1 ;;
    --only) only="$only $2" && shift ;;
    --into) into=$2 && shift ;;
    *) sed -n '2,8p' "$0" >&2 && exit 2 ;;
    esac
    shift
done
[ -f "$build/build.ninja" ] || meson setup "$build"
[ -z "$quick" ] || rounds=3
bench=$build/tests/bench
python="/usr/bin/python3 -B"
trained=examples/models/fashion-unet.pt
large=$bench/unet.pt
output=$bench/output.txt
failed=
one="env OMP_NUM_THREADS=1 OPENBLAS_NUM_THREADS=1"

wanted() { # a section
    [ -n "$only" ] || return 0
    for prefix in $only; do
        case $1 in "$prefix" | "$prefix"-*) return 0 ;; esac
    done
    return 1
}

built= # what has been built already
need() { # targets
    for target in "$@"; do
        case " $built " in *" $target "*) continue ;; esac
        ninja ${COVSAMP_JOBS:+-j "$COVSAMP_JOBS"} -C "$build" "tests/bench/$target" >"$output" || { cat "$output" && return 1; }
        built="$built $target"
    done
}

measure() { # a section's name, the targets that it needs, the command
    name=$1 targets=$2
    shift 2
    wanted "$name" || return 0
    echo "# $name: $*"
    # shellcheck disable=SC2086 # a list
    if need $targets && "$@" >"$output"; then
        tail -n 4 "$output" | cut -c 1-200
        $python tests/bench/report.py keep "$name" "$output" "$@"
    else
        failed="$failed $name"
    fi
}

large_network() {
    [ -f "$large" ] || $python tests/bench/make_unet.py "$large"
}

both() { # a name, a network, a batch, threads
    set -- "$1" "$2" "$3" "env OMP_NUM_THREADS=$4 OPENBLAS_NUM_THREADS=$4" "$4"
    # shellcheck disable=SC2086 # lists
    measure "products-$1" bench-jvp $4 "$bench/bench-jvp" "$2" --batch "$3" --threads "$5" --rounds "$rounds" \
        --engines linearised,dual,double_backward,transposed
    # shellcheck disable=SC2086
    measure "peer-$1" bench-lgs $4 $python tests/bench/bench-peer "$build" "$2" --batch "$3" --threads "$5" --rounds "$rounds" \
        --engines linearised,dual,transposed
}

# shellcheck disable=SC2086 # $one and $python are lists
core_sections() {
    measure noise noise_module.so $one $python tests/bench/bench-noise "$build" --rounds "$((3 * rounds))"
    measure krylov-f32 bench-krylov $one "$bench/bench-krylov" f32 "$rounds" 4
    [ -n "$quick" ] || measure krylov-f64 bench-krylov $one "$bench/bench-krylov" f64 "$rounds" 1
    measure step-trained bench-step $one "$bench/bench-step" "$trained" "$((3 * rounds))" 1 8 32
    if [ -z "$quick" ] && wanted step-large; then
        large_network
        measure step-large bench-step $one "$bench/bench-step" "$large" "$rounds" 1 8 32
    fi
    measure growth bench-growth $one "$bench/bench-growth" "$rounds" "$([ -z "$quick" ] && echo 1048576 || echo 65536)"
    measure samplers-mixture bench-samplers-of $one $python tests/bench/bench-samplers "$build" mixture --rounds "$((3 * rounds))"
    measure samplers-trained bench-samplers-of $one $python tests/bench/bench-samplers "$build" "$trained" --rounds "$rounds"
    measure instructions "" sh tests/bench/instructions.sh json
}

# First what wants the machine for itself, while it is idle; then what does not mind.
if [ -z "$core" ]; then
    # shellcheck disable=SC2086
    measure threads bench-threads $one "$bench/bench-threads" "$trained" 8 "$rounds" linearised dual
    # shellcheck disable=SC2086
    measure many bench-many $one "$bench/bench-many" "$trained" 8 1 "$rounds" linearised dual
    # shellcheck disable=SC2086
    measure device bench-device $one "$bench/bench-device" "$trained" 8 "$rounds"
fi
# shellcheck disable=SC2086
measure parallel bench-parallel $one "$bench/bench-parallel" "$rounds" 1 2 4
core_sections
if [ -z "$core" ]; then
    both trained-8-1 "$trained" 8 1
    if [ -z "$quick" ]; then
        both trained-32-1 "$trained" 32 1
        if wanted products || wanted peer; then
            large_network
        fi
        both large-8-1 "$large" 8 1
        both large-8-2 "$large" 8 2
        # shellcheck disable=SC2086
        measure memory bench-memory-of $one $python tests/bench/bench-memory "$build" "$trained" --batch 32
        # shellcheck disable=SC2086
        measure bf16 bench-bf16 $one "$bench/bench-bf16" "$trained" 4
    fi
fi
$python tests/bench/report.py page "$into"
[ -z "$failed" ] || { echo "not measured:$failed" && exit 1; }
