#!/bin/sh
# SPDX-License-Identifier: BSD-3-Clause
# The core's suites unit and numerics for another architecture of Debian: cross-compiled, and run by qemu-user, or
# natively where processor and kernel can (i386).  Golden values of the noise must hold to the last bit.
#     foreign.sh SOURCE_ROOT WORK i386|s390x|arm64
# Without root nothing is changed outside WORK.
set -u
root=$(cd "$1" && pwd)
work=$2/$3 arch=$3
# shellcheck source=tests/install/checks.sh
. "$root/tests/install/checks.sh"
mkdir -p "$work"
sys=$work/root
case $arch in
i386) triplet=i686-linux-gnu multiarch=i386-linux-gnu family=x86 endian=little ;;
s390x) triplet=s390x-linux-gnu multiarch=$triplet family=s390x endian=big ;;
arm64) triplet=aarch64-linux-gnu multiarch=$triplet family=aarch64 endian=little ;;
*) echo "foreign.sh: there is no \"$arch\" here: i386, s390x, arm64" >&2 && exit 2 ;;
esac

# Emulated, these take minutes each.  What they add to the others is more steps of the same arithmetic.
slow="test_path_kl test_path_kl_krylov test_path_kl_guided test_end_to_end test_nelbo_quadrature test_nelbo_bound
 test_lgs_error test_clip_mask test_spectral_o5 test_calibration"

# Libraries and headers of that architecture, unpacked and not installed: their maintainer scripts cannot run here, so
# the links that update-alternatives would make are made by hand.
unpack() {
    mmdebstrap --variant=extract --architectures="$arch" \
        --include=libc6-dev,libgcc-12-dev,libblas-dev,liblapacke-dev,librandom123-dev \
        bookworm "$sys" "$(debian_mirror)" || return 1
    if [ ! -L "$sys/lib" ]; then
        cp -a "$sys/lib/." "$sys/usr/lib/" && rm -rf "$sys/lib" && ln -s usr/lib "$sys/lib" || return 1
    fi
    lib=$sys/usr/lib/$multiarch
    # Links from the root of that system: here they would be of this one's, and libm.a be taken for the missing libm.so.
    find "$lib" -maxdepth 1 -lname '/*' | while read -r link; do
        ln -sf "$sys$(readlink "$link")" "$link"
    done
    ln -sf blas-netlib.pc "$lib/pkgconfig/blas.pc"
    ln -sf lapack-netlib.pc "$lib/pkgconfig/lapack.pc"
    ln -sf cblas-netlib.h "$sys/usr/include/$multiarch/cblas.h"
    for name in blas lapack; do
        ln -sf "$name/lib$name.so.3" "$lib/lib$name.so.3"
        ln -sf "lib$name.so.3" "$lib/lib$name.so"
    done
}

# Not every 64-bit kernel runs 32-bit programs.
native() { [ $arch = i386 ] && "$sys/lib/ld-linux.so.2" --version >/dev/null 2>&1; }

cross_file() {
    case $arch in
    i386)
        wrapper="'qemu-i386-static', '-L', '$sys'"
        native && wrapper="'$sys/lib/ld-linux.so.2', '--library-path', '$sys/usr/lib/$multiarch'"
        ;;
    arm64) wrapper="'qemu-aarch64-static', '-L', '$sys'" ;;
    *) wrapper="'qemu-$arch-static', '-L', '$sys'" ;;
    esac
    cat <<END
[binaries]
c = ['$triplet-gcc', '--sysroot=$sys']
ar = '$triplet-ar'
strip = '$triplet-strip'
pkgconfig = 'pkg-config'
exe_wrapper = [$wrapper]
[properties]
needs_exe_wrapper = true
sys_root = '$sys'
pkg_config_libdir = '$sys/usr/lib/$multiarch/pkgconfig'
[built-in options]
c_link_args = ['-Wl,-rpath-link,$sys/usr/lib/$multiarch']
[host_machine]
system = 'linux'
cpu_family = '$family'
cpu = '$family'
endian = '$endian'
END
}

# The tests of the two suites that are programs of their own; the scripts among them compile for this machine.
programs() {
    meson introspect --tests "$work/b" | python3 -c 'import json, sys
print(*(t["name"] for t in json.load(sys.stdin)
        if t["suite"][0].split(":")[1] in ("unit", "numerics") and t["name"].startswith("test_")
        and t["name"] not in sys.argv[1:]))' "$@"
}

[ -d "$sys/usr" ] || check "$arch: unpacks" unpack || finish
cross_file >"$work/cross.ini"
if [ ! -f "$work/b/build.ninja" ]; then
    check "$arch: configures" meson setup "$work/b" "$root" --cross-file "$work/cross.ini" \
        -Dshim=disabled -Dexamples=disabled -Dtests=enabled -Dbuildtype=debugoptimized || finish
fi
without=
if ! native; then
    if [ "${COVSAMP_SLOW:-}" != 1 ]; then
        without=$slow
        skip "$arch: $without, minutes each under qemu (COVSAMP_SLOW=1 runs them)"
    fi
    if [ ! -e "/proc/sys/fs/binfmt_misc/qemu-${triplet%%-*}" ] && [ ! -e "/proc/sys/fs/binfmt_misc/qemu-$arch" ]; then
        skip "$arch: test_dct, which starts itself again: that needs binfmt_misc"
        without="$without test_dct"
    fi
fi
# shellcheck disable=SC2086 # a list of words
tests=$(programs $without)
# Those alone: the other suites' programs are not run here.
# shellcheck disable=SC2086
check "$arch: builds" ninja -C "$work/b" $(printf 'tests/%s ' $tests) || finish
check "$arch: is what it should be" sh -c "readelf -h \"\$0\" | grep -E 'Data:.*$endian endian'" "$work/b/tests/test_noise" || finish
start=$(date +%s)
# For programs that start themselves again; those of this machine's word size pass by what is of another.
export LD_LIBRARY_PATH="$sys/usr/lib/$multiarch"
# shellcheck disable=SC2086
meson test -C "$work/b" --no-rebuild --print-errorlogs --timeout-multiplier 10 $tests >"$work/tests.log" 2>&1
grep -E '^ *[0-9]+/[0-9]+ .*(FAIL|TIMEOUT|ERROR)' "$work/tests.log"
sum=$(sh "$root/tests/count.sh" "$work/b/meson-logs/testlog.json" | tail -n 1)
echo "$arch: suites unit and numerics: $sum, in $(($(date +%s) - start)) s"
# shellcheck disable=SC2086
set -- $sum
passed=$((passed + $1)) failed=$((failed + $3)) skipped=$((skipped + ${5:-0}))
# Counted above already; named because it is what this script is for.
check "$arch: the noise is the golden one" grep -E ' test_noise +OK' "$work/tests.log"
finish
