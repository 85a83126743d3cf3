#!/bin/sh
# SPDX-License-Identifier: BSD-3-Clause
# The packages in a clean Debian made by debootstrap: installed, dlopen looked at, removed without residue, and both
# autopkgtests run there.
#     root.sh SOURCE_ROOT WORK      WORK/deb as packages.sh leaves it
set -u
root=$(cd "$1" && pwd) work=$2
# shellcheck source=tests/install/checks.sh
. "$root/tests/install/checks.sh"
# Mounts of its own, which go with this process however it ends.
if [ "${COVSAMP_MOUNTS:-}" != own ]; then
    COVSAMP_MOUNTS=own exec unshare -m sh "$0" "$@"
fi
sys=$work/root
mirror=$(debian_mirror)
export DEBIAN_FRONTEND=noninteractive LC_ALL=C

inside() { chroot "$sys" env PATH=/usr/sbin:/usr/bin:/sbin:/bin HOME=/root "$@"; }
make_root() {
    rm -rf "$sys"
    debootstrap --variant=minbase bookworm "$sys" "$mirror" || return 1
    # No service starts there.
    printf '#!/bin/sh\nexit 101\n' >"$sys/usr/sbin/policy-rc.d"
    chmod +x "$sys/usr/sbin/policy-rc.d"
}
make_root >"$work/debootstrap.log" 2>&1
check "debootstrap" test -x "$sys/usr/bin/dpkg" || {
    tail -n 20 "$work/debootstrap.log"
    finish
}
mount -t proc proc "$sys/proc" && mount --bind /dev "$sys/dev" || skip "mounts: some tests may fail"
cp /etc/resolv.conf "$sys/etc/resolv.conf" 2>/dev/null
# What apt here was told of proxies holds there too.
cat /etc/apt/apt.conf.d/*proxy* >"$sys/etc/apt/apt.conf.d/99proxy" 2>/dev/null
cp "$work"/deb/*.deb "$sys/tmp/"
rm -f "$sys"/tmp/*-dbgsym_*.deb
packages=$(for deb in "$sys"/tmp/*.deb; do dpkg-deb -f "$deb" Package; done)

# Their dependencies first and to stay, so that what is left in the end is ours.
theirs() {
    inside apt-get update -qq && inside apt-get install -y -qq --no-install-recommends libblas3 libc6-dev libblas-dev liblapacke-dev \
        libpng16-16 libtorch1.13 binutils gcc
}
check "their dependencies" theirs || finish
# dpkg's database, caches and logs say what happened, and are not residue; ld.so.cache and the like are looked into below.
files() { (cd "$sys" && find . -xdev \( -path ./proc -o -path ./dev -o -path ./tmp -o -path ./var/lib/dpkg -o -path ./var/cache \
    -o -path ./var/log -o -path ./var/lib/apt \) -prune -o -print | sort); }
files >"$work/before"
# shellcheck disable=SC2046,SC2086 # lists of words
check "all install" inside dpkg -i $(cd "$sys" && ls tmp/*.deb) || finish
check "configured whole" sh -c "! chroot '$sys' dpkg --audit | grep ."

echo "== dlopen"
inside sh -c 'readelf -d /usr/lib/*/libcovsamp.so.0 | grep NEEDED; ldd /usr/lib/*/libcovsamp.so.0'
cp "$root/tests/install/dlopen.c" "$sys/tmp/"
check "dlopen of libcovsamp.so.0 brings no C++ runtime and no libtorch" inside sh -c \
    'cc -Wl,--no-as-needed /tmp/dlopen.c -o /tmp/dlopen && /tmp/dlopen libcovsamp.so.0'
check "ldd lists neither" refuses sh -c "chroot '$sys' sh -c 'ldd /usr/lib/*/libcovsamp.so.0' | grep -E 'stdc|torch|c10'"

# shellcheck disable=SC2086
check "all are removed" inside dpkg --purge $packages
files >"$work/after"
echo "== left after removal"
diff "$work/before" "$work/after" && echo "nothing"
check "no residue" cmp "$work/before" "$work/after"
check "nor in the loader's cache" refuses sh -c "chroot '$sys' ldconfig -p | grep covsamp"

echo "== autopkgtest"
autopkgtest "$work"/deb/covsamp_*_*.changes -- chroot "$sys" >"$work/autopkgtest.log" 2>&1
sed -n '/@@@@ summary/,$p' "$work/autopkgtest.log"
for name in build-and-link program; do
    check "autopkgtest $name" grep -Eq "^$name +PASS" "$work/autopkgtest.log" || tail -n 60 "$work/autopkgtest.log"
done
finish
