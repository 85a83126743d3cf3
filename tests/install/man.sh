#!/bin/sh
# SPDX-License-Identifier: BSD-3-Clause
# Every command of the program has a manual page, with every flag of its --help, and mandoc finds nothing wrong in it.
#     man.sh PROGRAM FOLDER_OF_PAGES
set -u
program=$1 pages=$2 passed=0 failed=0 skipped=0
command -v mandoc >/dev/null || {
    echo "skipped: mandoc is not here, pages are not checked for errors"
    skipped=1
}
good() { passed=$((passed + 1)); }
bad() {
    failed=$((failed + 1))
    echo "FAILED: $*"
}
for command in "" $("$program" --help | sed -n 's/^  \([a-z-]*\) .*/\1/p'); do
    page=$pages/covsamp${command:+-$command}.1
    [ -s "$page" ] && good || {
        bad "no $page: docs/man/meson.build lists the commands"
        continue
    }
    # As it reads: without the macros, each - as typed.
    plain=$(sed 's/\\f[BIR]//g; s/\\-/-/g' "$page")
    # shellcheck disable=SC2086 # no word at all for the program's own page
    for flag in $("$program" $command --help | grep -oE '^  (-., |    )--[a-z0-9-]+' | grep -oE -e '--[a-z0-9-]+'); do
        case "$plain" in
        *"$flag"*) good ;;
        *) bad "$page says nothing of $flag" ;;
        esac
    done
    if [ $skipped = 0 ]; then
        # There is no date on purpose: what is built must not depend on when.
        if mandoc -T lint -W warning "$page" 2>&1 | grep -v 'missing date'; then
            bad "$page, as above"
        else
            good
        fi
    fi
done
echo "$passed passed, $failed failed$([ $skipped = 0 ] || echo ", $skipped skipped")"
[ $failed = 0 ]
