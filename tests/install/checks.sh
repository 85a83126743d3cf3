# SPDX-License-Identifier: BSD-3-Clause
# For the scripts of this folder: counts checks, shows the output of those that fail.  Needs $work, a folder.
# shellcheck shell=sh
passed=0 failed=0 skipped=0

# check WHAT COMMAND...
check() {
    what=$1
    shift
    if "$@" >"$work/log" 2>&1; then
        passed=$((passed + 1))
        echo "ok: $what"
    else
        failed=$((failed + 1))
        echo "FAILED: $what: $*"
        tail -n 30 "$work/log"
        return 1
    fi
}
refuses() { ! "$@"; }
skip() {
    skipped=$((skipped + 1))
    echo "skipped: $1"
}
# The closing line; the exit status is that of the checks.
finish() {
    echo "$passed passed, $failed failed$([ $skipped = 0 ] || echo ", $skipped skipped")"
    [ $failed = 0 ]
    exit
}

# Where this machine's own packages come from: the archive that is not the one of security updates.
debian_mirror() {
    [ -z "${COVSAMP_MIRROR:-}" ] || { echo "$COVSAMP_MIRROR" && return; }
    apt-get indextargets --format '$(REPO_URI)' 'Created-By: Packages' | grep -v security | head -n 1
}
