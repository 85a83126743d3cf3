#!/bin/sh
# SPDX-License-Identifier: BSD-3-Clause
# The tarball in a network namespace with nothing in it: builds, passes its tests.  The Debian packages twice, in
# surroundings that differ: the same bits.
#     tarball.sh SOURCE_ROOT WORK      WORK as packages.sh leaves it
set -u
root=$(cd "$1" && pwd) work=$2
# shellcheck source=tests/install/checks.sh
. "$root/tests/install/checks.sh"
version=$(sed -n "s/^  version: '\(.*\)',/\1/p" "$root/meson.build")
tree=$work/offline/covsamp-$version

rm -rf "$work/offline"
mkdir -p "$work/offline"
tar xf "$work/dist/meson-dist/covsamp-$version.tar.xz" -C "$work/offline"
# Not even this machine itself can be reached; with a network the connection would be refused.
check "there is no network" unshare -n python3 -c 'import errno, socket
raise SystemExit(socket.socket().connect_ex(("127.0.0.1", 9)) != errno.ENETUNREACH)'
check "the tarball builds with no network" unshare -n sh -c \
    'cd "$0" && meson setup b && ninja -C b' "$tree" || finish
# Loopback stays down: a test that talked to itself by a socket would fail too.
unshare -n env OMP_NUM_THREADS=1 COVSAMP_BUILD=b sh "$tree/tests/run.sh" --no-install --no-suite slow --timeout-multiplier 5 \
    >"$work/offline.log" 2>&1
sum=$(tail -n 1 "$work/offline.log")
echo "tests of the tarball: $sum"
check "the tarball passes its tests with no network" sh -c 'echo "$0" | grep -E "^[1-9][0-9]* passed, 0 failed"' "$sum" ||
    grep -E 'FAIL|TIMEOUT|ERROR|failed' "$work/offline.log" | head -n 20

# Without root of the kernel's leave, or a second processor: no other time, kernel name, address layout, user, file order.
variations=-all,+environment,+build_path,+exec_path,+home,+locales,+timezone,+umask
rm -rf "$work/reprotest"
cp -r "$work/deb/covsamp-$version" "$work/reprotest"
(cd "$work/reprotest" && debian/rules clean) >/dev/null 2>&1
twice() {
    cd "$work/reprotest" && reprotest --min-cpus 1 --no-diffoscope --variations=$variations \
        -c 'DEB_BUILD_OPTIONS=nocheck dpkg-buildpackage -b -us -uc' . '../*.deb' -- null
}
check "two builds of the packages" twice || tail -n 60 "$work/log"
cp "$work/log" "$work/reprotest.log"
if grep -q 'Reproduction successful' "$work/reprotest.log"; then
    echo "reproducible: yes, all packages bit by bit (varied: $variations)"
else
    echo "reproducible: NO"
fi
check "are the same bit by bit" grep 'Reproduction successful' "$work/reprotest.log"
finish
