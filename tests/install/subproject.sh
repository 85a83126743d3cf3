#!/bin/sh
# SPDX-License-Identifier: BSD-3-Clause
# The library as a meson subproject of a program that says dependency('covsamp'): it is found by its own name, brings
# no tests, examples, documentation or shim, and links statically.  As an external project of CMake.  Last line
# "N passed, N failed".
#     subproject.sh SOURCE_ROOT
set -u
root=$(cd "$1" && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
# shellcheck source=tests/install/checks.sh
. "$root/tests/install/checks.sh"

# The fenced block of docs/packaging.md in that language: what it tells users to write is what is tried here.
example() { sed -n "/^\`\`\`$1\$/,/^\`\`\`\$/p" "$root/docs/packaging.md" | grep -v '^```'; }

cp -r "$root/tests/install/consumer" "$work/consumer"
files=$work/consumer/subprojects/packagefiles
mkdir -p "$files"
example ini >"$work/wrap"
folder=$(sed -n 's/^directory = //p' "$work/wrap") tarball=$(sed -n 's/^source_filename = //p' "$work/wrap")
check "the documented wrap file is this version's" grep -F "version: '${folder#covsamp-}'" "$root/meson.build"
# As a tarball is, without what a subproject does not need.
mkdir "$work/$folder"
(cd "$root" && tar c --exclude='./build*' --exclude=./.git --exclude='*.pt' --exclude=./debian .) | tar x -C "$work/$folder"
tar c -C "$work" "$folder" | xz -0 >"$files/$tarball"
sed "s/^source_hash = .*/source_hash = $(sha256sum "$files/$tarball" | cut -d' ' -f1)/" "$work/wrap" \
    >"$work/consumer/subprojects/libcovsamp.wrap"
# Not the installed one, if there is one.
check "configures" meson setup "$work/b" "$work/consumer" --wrap-mode=forcefallback -Dbuildtype=plain \
    -Ddefault_library=static
names() { # LIST FIELD
    meson introspect "$1" "$work/b" | python3 -c \
        'import json, sys; print(*sorted(t["name"] for t in json.load(sys.stdin)))'
}
check "brings no tests" test "$(names --tests)" = consumer
check "and builds the library alone" test "$(names --targets)" = "consumer covsamp"
check "builds" ninja -C "$work/b"
check "runs" "$work/b/consumer"
check "is linked statically" sh -c '! readelf -d "$0" | grep libcovsamp' "$work/b/consumer"

if command -v cmake >/dev/null; then
    mkdir "$work/cmake"
    cp "$root/tests/install/consumer/consumer.c" "$work/cmake/program.c"
    mv "$work/$folder" "$work/cmake/"
    { printf 'cmake_minimum_required(VERSION 3.16)\nproject(program C)\n' && example cmake; } >"$work/cmake/CMakeLists.txt"
    check "as an external project of CMake: configures" cmake -S "$work/cmake" -B "$work/cmake/b"
    check "builds library and program" cmake --build "$work/cmake/b"
    check "which runs" "$work/cmake/b/program"
else
    skip "CMake is not here"
fi
finish
