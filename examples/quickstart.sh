#!/bin/sh
# SPDX-License-Identifier: BSD-3-Clause
# The main job, from a fresh Debian 12 machine to a picture: installs what is missing, builds, and
# draws 80 Fashion-MNIST samples, a class in each column, with the Lanczos Gaussian sampler.
# Writes samples.png in the root of the repository.
#
#     sh examples/quickstart.sh
set -eu
cd "$(dirname "$0")/.."

packages='gcc g++ pkg-config meson ninja-build libblas-dev liblapacke-dev libopenblas-dev
    librandom123-dev libpng-dev libtorch-dev'

now() {
    date +%s
}

# Packages of the list that are not installed.
missing() {
    for package in $packages; do
        dpkg-query -W -f '${db:Status-Abbrev}' "$package" 2>/dev/null | grep -q '^ii' ||
            printf '%s ' "$package"
    done
}

as_root() {
    if [ "$(id -u)" -eq 0 ]; then
        "$@"
    elif command -v sudo >/dev/null; then
        sudo "$@"
    else
        echo "quickstart.sh: installing packages needs root or sudo: $*" >&2
        exit 1
    fi
}

install_missing() {
    wanted=$(missing)
    if [ -z "$wanted" ]; then
        return
    fi
    if ! command -v apt-get >/dev/null; then
        echo "quickstart.sh: install these first (Debian's names): $wanted" >&2
        exit 1
    fi
    echo "== installing $wanted"
    as_root env DEBIAN_FRONTEND=noninteractive apt-get update -qq
    # One word a package: the list is split on purpose.
    # shellcheck disable=SC2086
    as_root env DEBIAN_FRONTEND=noninteractive apt-get install -qq -y \
        --no-install-recommends $wanted
}

start=$(now)
install_missing
installed=$(now)

# The shim is asked for by name, so that its absence is an error here and not at the end.
echo '== configuring build/'
reconfigure=
[ ! -f build/build.ninja ] || reconfigure=--reconfigure # it may be older than libtorch here
# shellcheck disable=SC2086
meson setup $reconfigure build -Dshim=enabled -Dexamples=enabled
echo '== compiling'
# Not the tests: only the program and the libraries behind it.
ninja -C build examples/covsamp/covsamp
built=$(now)

echo '== sampling: LGS with 3 products a step, 25 steps, 80 samples, a class in each column'
build/examples/covsamp/covsamp sample --model examples/models/fashion-unet.pt \
    --method lgs --set krylov_steps=3 --steps 25 -n 80 --batch 20 --label all --seed 1 \
    -o samples.png
end=$(now)

echo "== samples.png is ready; sampling took $((end - built)) s"
printf '   (installing %s s, compiling %s s, all %s s)\n' \
    $((installed - start)) $((built - installed)) $((end - start))
