#!/bin/sh
# README's table of methods says what a step costs: its columns "option", "per step" and "last step" must
# be the rows that test_costs measures.
#     test_readme_costs.sh SOURCE_ROOT TEST_COSTS
set -eu
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
"$2" >"$work/said"
grep '^|' "$work/said" >"$work/measured"
awk -F ' [|] ' '/^## / { on = $0 == "## Methods" } on && /^[|]/ && NF > 4 && !/^[|] (method|---)/ {
    print "| " $2 " | " $3 " | " $4 " |" }' "$1/README.md" >"$work/claimed"
if [ -s "$work/measured" ] && diff "$work/claimed" "$work/measured"; then
    echo "1 passed, 0 failed"
else
    echo "README's table of methods (<) and what tests/numerics/test_costs.c measures (>) differ" >&2
    echo "0 passed, 1 failed"
    exit 1
fi
