#!/bin/sh
# SPDX-License-Identifier: BSD-3-Clause
# Runs a Python program that needs numpy, or skips it: with_numpy.sh PYTHON PROGRAM...
"$1" -c 'import numpy' 2>/dev/null || {
    echo "skipped: $(basename "$2") (numpy is not installed)"
    exit 77
}
exec "$@"
