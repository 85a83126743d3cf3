#!/bin/sh
# SPDX-License-Identifier: BSD-3-Clause
# Runs a Python program that needs a module, or skips it: with_module.sh MODULE PYTHON PROGRAM...
module=$1
shift
"$1" -c "import $module" 2>/dev/null || {
    echo "skipped: $(basename "$2") ($1 has no $module)"
    exit 77
}
exec "$@"
