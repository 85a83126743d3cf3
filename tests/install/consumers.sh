#!/bin/sh
# SPDX-License-Identifier: BSD-3-Clause
# Compiles, links and runs programs that use the installed libraries, as their users do: cc and c++ with pkg-config,
# shared and static, CMake, meson.  Last line "N passed, N failed".
#     consumers.sh SOURCE_ROOT         what is installed on this system
#     consumers.sh SOURCE_ROOT BUILD   what BUILD installs, in a folder of its own
set -u
here=$(cd "$1/tests/install/consumer" && pwd)
model=$(cd "$1" && pwd)/examples/models/fashion-unet.pt
[ -f "$model" ] || model=/usr/share/covsamp/models/fashion-unet.pt
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
CC=${CC:-cc} CXX=${CXX:-c++}
export OMP_NUM_THREADS=1

# shellcheck source=tests/install/checks.sh
. "$1/tests/install/checks.sh"

# build OUTPUT COMPILER ARGUMENTS...: compiles and runs.
build() {
    output=$1
    shift
    "$@" -o "$output" && "$output"
}

if [ $# -gt 1 ]; then
    if ! meson install -C "$2" --no-rebuild --quiet --destdir "$work/dest"; then
        echo "0 passed, 1 failed"
        exit 1
    fi
    libdir=$(dirname "$(dirname "$(find "$work/dest" -name covsamp.pc)")")
    prefix=$work/prefix inside=${libdir#"${libdir%/lib*}"} # whatever the build's own prefix is
    mv "${libdir%/lib*}" "$prefix"
    libdir=$prefix$inside pc=$prefix$inside/pkgconfig
    # Only the two files of ours move: --define-variable would move the BLAS too.
    sed -i "s|^prefix=.*|prefix=$prefix|" "$pc"/covsamp*.pc
    export PKG_CONFIG_PATH="$pc" CMAKE_PREFIX_PATH="$prefix"
    # No loader looks there.  Only the program says where (docs/packaging.md), and what it needs must find the rest:
    # this kind of path, unlike the older, is the program's alone.
    rpath=-Wl,--enable-new-dtags,-rpath,$libdir
    case $(meson introspect --buildoptions "$2" | python3 -c 'import json, sys
print(*(o["value"] for o in json.load(sys.stdin) if o["name"] == "prefix"))') in
    / | /usr) export LD_LIBRARY_PATH="$libdir" ;; # for the system's own folders: libraries without a path
    *) unset LD_LIBRARY_PATH ;;
    esac
else
    libdir=$(pkg-config --variable=libdir covsamp)
    pc=$libdir/pkgconfig rpath=
fi
version=$(pkg-config --modversion covsamp)
flags() { echo "$(pkg-config "$@") $rpath"; }

if [ $# -gt 1 ] && [ -x "$prefix/bin/covsamp" ]; then
    check "the program finds its libraries" "$prefix/bin/covsamp" version
fi
# ---- pkg-config -----------------------------------------------------------------------------------------------------
check "covsamp.pc is valid" pkg-config --validate covsamp
# shellcheck disable=SC2046 # lists of words, here and below
check "a C program" build "$work/c" $CC -std=c11 -Wall -Werror "$here/consumer.c" $(flags --cflags --libs covsamp) -lm
cp "$here/consumer.c" "$work/consumer.cpp"
# shellcheck disable=SC2046
check "a C++ program" build "$work/cxx" $CXX -std=c++11 -Wall -Werror "$work/consumer.cpp" $(flags --cflags --libs covsamp)
check "shared, nothing else is linked" refuses sh -c 'pkg-config --libs covsamp | grep -E "blas|lapack"'

# Without any other .pc than those that covsamp.pc names, and those that they name.
mkdir "$work/bare"
wanted=covsamp
while [ -n "$wanted" ]; do
    name=${wanted%% *}
    wanted=${wanted#"$name"}
    wanted=${wanted# }
    [ ! -e "$work/bare/$name.pc" ] || continue
    cp -L "$(pkg-config --variable=pcfiledir "$name")/$name.pc" "$work/bare/"
    for more in $(pkg-config --print-requires --print-requires-private "$name" | sed 's/ .*//'); do
        wanted="$wanted${wanted:+ }$more"
    done
done
bare() { env -u PKG_CONFIG_PATH PKG_CONFIG_LIBDIR="$work/bare" pkg-config "$@"; }
# shellcheck disable=SC2046,SC2086
check "with no .pc but those it requires" build "$work/bare/c" $CC "$here/consumer.c" $(bare --cflags --libs covsamp) -lm $rpath
# pkgconf wants Requires.private for --cflags as well: so the -dev package depends on the -dev packages of both.
rm -f "$work"/bare/*blas*.pc
check "a missing BLAS is named" sh -c \
    'env -u PKG_CONFIG_PATH PKG_CONFIG_LIBDIR="$0" pkg-config --cflags covsamp 2>&1 | grep -q blas' "$work/bare"

if [ -f "$libdir/libcovsamp.a" ]; then
    # A folder with the archive alone, so that -lcovsamp can mean nothing else.
    mkdir -p "$work/static"
    cp "$libdir/libcovsamp.a" "$work/static/"
    # shellcheck disable=SC2046
    check "static" build "$work/static/c" $CC "$here/consumer.c" -L"$work/static" \
        $(flags --static --cflags --libs covsamp | sed "s|-L$libdir||")
    check "static, libcovsamp.so is not needed" refuses sh -c 'readelf -d "$0" | grep libcovsamp' "$work/static/c"
else
    skip "static: no libcovsamp.a (-Ddefault_library=both)"
fi
if pkg-config --exists covsamp-torch 2>/dev/null; then
    check "covsamp-torch.pc is valid" pkg-config --validate covsamp-torch
    # shellcheck disable=SC2046
    check "a program with the shim" build "$work/torch" $CC -std=c11 -Wall -Werror "$here/torch_consumer.c" \
        $(flags --cflags --libs covsamp-torch)
    check "that loads a network" "$work/torch" "$model"
else
    skip "covsamp-torch.pc: the shim is not installed"
fi

# ---- CMake and meson ------------------------------------------------------------------------------------------------
if command -v cmake >/dev/null; then
    cp -r "$here" "$work/cmake"
    if [ $# -gt 1 ]; then # moved after it was installed, to a folder with a space in its name
        moved="$work/a prefix"
        mv "$prefix" "$moved"
        export CMAKE_PREFIX_PATH="$moved" LDFLAGS=-Wl,--enable-new-dtags
        [ -z "${LD_LIBRARY_PATH:-}" ] || LD_LIBRARY_PATH=$moved$inside
    fi
    check "CMake configures" cmake -S "$work/cmake" -B "$work/cmake/b" -DCMAKE_BUILD_TYPE=Debug
    check "CMake builds" cmake --build "$work/cmake/b"
    check "CMake's programs run" env CTEST_OUTPUT_ON_FAILURE=1 cmake --build "$work/cmake/b" --target test
    sed 's/COMPONENTS core.*)/COMPONENTS core nosuch)/' "$here/CMakeLists.txt" >"$work/cmake/CMakeLists.txt"
    check "CMake refuses an unknown component" refuses cmake -S "$work/cmake" -B "$work/cmake/b2"
    # In a project without C: what is found, by what was asked for.
    mkdir "$work/asks"
    cat >"$work/asks/CMakeLists.txt" <<END
cmake_minimum_required(VERSION 3.19)
project(asks CXX)
foreach(asked "" "$version EXACT" 0.0.1 "0.0...$version" 99.0 "0.0.1 EXACT" "0.0...<$version" 99.0...100)
  separate_arguments(words UNIX_COMMAND "\${asked}")
  find_package(covsamp \${words} QUIET)
  if(covsamp_FOUND)
    message(STATUS "asked \${asked}: found")
  else()
    message(STATUS "asked \${asked}: refused")
  endif()
endforeach()
END
    check "CMake on what may be asked for" cmake -S "$work/asks" -B "$work/asks/b"
    cp "$work/log" "$work/asks/log"
    for good in "" "$version EXACT" 0.0.1 "0.0...$version"; do
        check "CMake gives $version to who asks for \"$good\"" grep -F "asked $good: found" "$work/asks/log"
    done
    for bad in 99.0 "0.0.1 EXACT" "0.0...<$version" 99.0...100; do
        check "CMake refuses \"$bad\"" grep -F "asked $bad: refused" "$work/asks/log"
    done
else
    skip "CMake is not here"
fi
if command -v meson >/dev/null; then
    if [ -n "${moved:-}" ]; then
        mv "$moved" "$prefix" # back again: the .pc files say so
        [ -z "${LD_LIBRARY_PATH:-}" ] || LD_LIBRARY_PATH=$libdir
    fi
    cp -r "$here" "$work/meson"
    check "meson configures" meson setup "$work/meson/b" "$work/meson"
    check "meson builds and runs" meson test -C "$work/meson/b"
else
    skip "meson is not here"
fi
finish
