#!/bin/sh
# SPDX-License-Identifier: BSD-3-Clause
# The library as a meson subproject of a program that says dependency('covsamp'): it is found by its own name, brings
# no tests, examples, documentation or shim, and links statically.  Last line "N passed, N failed".
#     subproject.sh SOURCE_ROOT
set -u
root=$(cd "$1" && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
# shellcheck source=tests/install/checks.sh
. "$root/tests/install/checks.sh"

cp -r "$root/tests/install/consumer" "$work/consumer"
mkdir "$work/consumer/subprojects"
ln -s "$root" "$work/consumer/subprojects/libcovsamp"
cat >"$work/consumer/subprojects/libcovsamp.wrap" <<'END'
[wrap-file]
directory = libcovsamp

[provide]
dependency_names = covsamp, covsamp-torch
END
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
finish
