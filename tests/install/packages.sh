#!/bin/sh
# SPDX-License-Identifier: BSD-3-Clause
# The tarball and the Debian and RPM packages, built from the last commit and without a network; lintian; the symbols files.
#     packages.sh SOURCE_ROOT WORK      leaves WORK/deb/*.deb
set -u
root=$(cd "$1" && pwd) work=$2
# shellcheck source=tests/install/checks.sh
. "$root/tests/install/checks.sh"
mkdir -p "$work"
version=$(sed -n "s/^  version: '\(.*\)',/\1/p" "$root/meson.build")
tarball=covsamp-$version.tar.xz
offline="unshare -n"

dist() { # FOLDER
    rm -rf "$1" # dist does not configure again what has changed
    meson setup "$1" "$root" -Dshim=disabled -Dexamples=disabled -Dtests=disabled || return 1
    meson dist -C "$1" --no-tests
}
# What was not committed is not in a tarball.
dirty=$(git -C "$root" status --porcelain --untracked-files=no)
[ -z "$dirty" ] || skip "changes that are not committed: $dirty"
check "meson dist" dist "$work/dist" || finish
check "meson dist again" dist "$work/dist2" || finish
check "the tarball is the same bit by bit" cmp "$work/dist/meson-dist/$tarball" "$work/dist2/meson-dist/$tarball"

rm -rf "$work/deb"
mkdir -p "$work/deb/covsamp-$version"
cp "$work/dist/meson-dist/$tarball" "$work/deb/covsamp_$version.orig.tar.xz"
tar xf "$work/dist/meson-dist/$tarball" -C "$work/deb"
mkdir "$work/deb/covsamp-$version/debian"
git -C "$root" archive HEAD:debian | tar x -C "$work/deb/covsamp-$version/debian"
(
    cd "$work/deb/covsamp-$version" &&
        $offline dpkg-buildpackage -us -uc
) >"$work/deb/build.log" 2>&1
check "dpkg-buildpackage, with no network" test -n "$(ls "$work"/deb/*.changes 2>/dev/null)" || {
    tail -n 40 "$work/deb/build.log"
    finish
}
for package in libcovsamp0 libcovsamp-dev libcovsamp-torch0 libcovsamp-torch-dev covsamp covsamp-data libcovsamp-doc; do
    check "package $package" test -s "$(ls "$work/deb/$package"_*.deb)"
done

echo "== symbols against debian/*.symbols"
diff=$(sed -n '/^--- debian/,/^[^ +@-]/p' "$work/deb/build.log")
echo "${diff:-no difference}"
check "symbols files are complete" test -z "$diff"

echo "== lintian --pedantic"
lintian --allow-root -I --pedantic --fail-on error,warning,info,pedantic "$work"/deb/*.changes >"$work/lintian" 2>&1
lintian_status=$?
cat "$work/lintian"
echo "lintian: $(grep -c '^E:' "$work/lintian") errors, $(grep -c '^W:' "$work/lintian") warnings, \
$(grep -c '^I:' "$work/lintian") of info, $(grep -c '^P:' "$work/lintian") pedantic;" \
    "overridden, each with a comment: $(cat "$root"/debian/*lintian-overrides "$root"/debian/source/lintian-overrides | grep -vc '^#')"
check "lintian finds nothing" test $lintian_status = 0

unpacked=$work/unpacked
rm -rf "$unpacked"
for package in libcovsamp0 libcovsamp-torch0 covsamp; do
    dpkg-deb -x "$work/deb/$package"_"$version"-*.deb "$unpacked"
done
hardened() {
    readelf -Wdl "$1" >"$work/elf"
    grep -q 'GNU_RELRO' "$work/elf" && grep -Eq 'BIND_NOW|Flags:.*NOW' "$work/elf" && ! grep -q 'GNU_STACK.*RWE' "$work/elf"
}
for file in "$unpacked"/usr/lib/*/lib*.so.0 "$unpacked"/usr/bin/covsamp; do
    check "hardened (relro, bind now, no executable stack): $(basename "$file")" hardened "$file"
done
for file in "$unpacked"/usr/lib/*/lib*.so.0; do
    echo "size: $(basename "$file") $(stat -Lc %s "$file") bytes, $(nm -D --defined-only "$file" | grep -vc ' A ') names"
done

if command -v rpmbuild >/dev/null; then
    rm -rf "$work/rpm"
    mkdir -p "$work/rpm"
    cp "$work/dist/meson-dist/$tarball" "$work/rpm/"
    # With its %check: compiled by RPM's flags.
    check "rpmbuild --nodeps, with no network" $offline rpmbuild --nodeps -ba --define 'blas blas' \
        --define "_topdir $work/rpm/top" --define "_sourcedir $work/rpm" "$root/rpm/covsamp.spec"
    check "four RPMs" test "$(find "$work/rpm/top/RPMS" -name '*.rpm' | wc -l)" = 4
else
    skip "no rpmbuild here"
fi
finish
