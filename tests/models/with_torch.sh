#!/bin/sh
# Runs a Python program that needs torch and the data; exit 77 (skipped) with the reason where there is none.
#     with_torch.sh PYTHON PROGRAM ARGUMENTS...
if ! "$1" -c 'import torch' 2>/dev/null; then
    echo "skipped: $1 has no torch (Debian: python3-torch)"
    exit 77
fi
if [ ! -d "${FASHION_MNIST:-/usr/share/datasets/fashion-mnist}" ]; then
    echo "skipped: no Fashion-MNIST (Debian: dataset-fashion-mnist)"
    exit 77
fi
exec "$@"
