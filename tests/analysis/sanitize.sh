#!/bin/sh
# SPDX-License-Identifier: BSD-3-Clause
# The core's suites under AddressSanitizer and UndefinedBehaviorSanitizer, in a build folder of their own.
#     sh tests/analysis/sanitize.sh gcc|clang [meson options]
set -u
compiler=$1
cd "$(dirname "$0")/../.." || exit 1
folder=build-asan-$compiler
shift
[ -f "$folder/build.ninja" ] || CC="${CC:-$compiler}" meson setup "$folder" -Dshim=disabled \
    -Db_sanitize=address,undefined -Db_lundef=false "$@" || exit 1
UBSAN_OPTIONS=halt_on_error=1:print_stacktrace=1 COVSAMP_BUILD=$folder \
    sh tests/run.sh --no-install --suite unit --suite api --suite numerics -t 4
