#!/bin/sh
# SPDX-License-Identifier: BSD-3-Clause
# Everything about packages, from a Debian 12 machine with root; last line "N passed, N failed".
#     sh tests/install/run.sh [--no-install] [packages|root|tarball|blas|i386|s390x|arm64 ...]
# Without names: all but arm64.  What is built lies in $COVSAMP_WORK (default: build-packages); root and tarball need packages.
set -u
cd "$(dirname "$0")/../.." || exit 1
root=$(pwd) here=tests/install
work=${COVSAMP_WORK:-$root/build-packages}

packages="git meson ninja-build pkg-config gcc g++ cmake dpkg-dev debhelper lintian autopkgtest debootstrap mmdebstrap reprotest
 devscripts doxygen mandoc rpm qemu-user-static gcc-i686-linux-gnu gcc-s390x-linux-gnu gcc-aarch64-linux-gnu
 libblas-dev liblapacke-dev libopenblas-pthread-dev librandom123-dev libpng-dev libtorch-dev
 python3 python3-torch python3-numpy dataset-fashion-mnist clang libclang-rt-14-dev"
if [ "${1:-}" = --no-install ]; then
    shift
else
    {
        apt-get update -qq
        # shellcheck disable=SC2086 # a list of words
        DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends $packages
    } >&2 || exit 1
fi
[ $# -gt 0 ] || set -- packages root tarball blas i386 s390x

sums=$(mktemp)
trap 'rm -f "$sums" "$sums.out"' EXIT
for stage; do
    echo "== $stage"
    start=$(date +%s)
    case $stage in
    packages | root | tarball) sh $here/$stage.sh "$root" "$work" ;;
    blas) sh $here/blas.sh "$root" "$work/blas" ;;
    i386 | s390x | arm64) sh $here/foreign.sh "$root" "$work/foreign" "$stage" ;;
    *) echo "run.sh: there is no stage \"$stage\"" ;;
    esac 2>&1 | tee "$sums.out"
    # A stage that dies without its closing line counts as a failure.
    tail -n 1 "$sums.out" | grep -E '^[0-9]+ passed, [0-9]+ failed' >>"$sums" || echo "0 passed, 1 failed" >>"$sums"
    echo "   ($stage: $(($(date +%s) - start)) s)"
done
awk '{ passed += $1; failed += $3; skipped += $5 }
     END { line = passed + 0 " passed, " failed + 0 " failed"
           if (skipped) line = line ", " skipped " skipped"
           print line
           exit failed > 0 }' "$sums"
