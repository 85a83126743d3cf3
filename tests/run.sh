#!/bin/sh
# Installs what the tests need (Debian 12), builds, runs every suite; last line "N passed, N failed".
#     sh tests/run.sh --only-install
#     sh tests/run.sh [--no-install] [meson test arguments, for example --suite api]
set -eu
cd "$(dirname "$0")/.."

packages="meson ninja-build pkg-config gcc g++ clang libclang-rt-14-dev libblas-dev liblapacke-dev libopenblas-dev
 librandom123-dev libpng-dev libtorch-dev python3 python3-torch python3-numpy dataset-fashion-mnist
 luajit gfortran gnat abigail-tools doxygen cmake mandoc
 libopenmpi-dev openmpi-bin zlib1g-dev ${COVSAMP_PACKAGES:-}" # with those that .ci/run --full adds
# Commands that may come from elsewhere, and the packages that have them.
commands="node=nodejs npm=npm rustc=rustc"

install_packages() {
    missing=
    for p in $packages; do
        dpkg-query -W -f '${Status}' "$p" 2>/dev/null | grep -q 'install ok installed' ||
            missing="$missing $p"
    done
    for c in $commands; do
        command -v "${c%=*}" >/dev/null || missing="$missing ${c#*=}"
    done
    [ -n "$missing" ] || return 0
    root=
    if [ "$(id -u)" != 0 ]; then
        command -v sudo >/dev/null || {
            echo "run.sh: installing needs root or sudo:$missing" >&2
            exit 1
        }
        root=sudo
    fi
    $root apt-get update -qq
    # shellcheck disable=SC2086 # a list of words
    DEBIAN_FRONTEND=noninteractive $root apt-get install -y -qq --no-install-recommends $missing
}

if [ "${1:-}" = --no-install ]; then
    shift
else
    install_packages >&2
    [ "${1:-}" != --only-install ] || exit 0
fi

build=${COVSAMP_BUILD:-build}
if [ ! -f "$build/build.ninja" ]; then
    meson setup "$build"
fi
ninja -C "$build"
rm -f "$build/meson-logs/testlog.json" # that of an earlier run must not be counted
[ $# -gt 0 ] || set -- --no-suite slow # minutes on its own: sh tests/run.sh --suite slow
status=0
meson test -C "$build" --no-rebuild --print-errorlogs "$@" || status=$?
sh tests/count.sh "$build/meson-logs/testlog.json" || status=1
exit $status
