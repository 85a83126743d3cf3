#!/bin/sh
# SPDX-License-Identifier: BSD-3-Clause
# Trains the networks of table G: two small ones on the same images, noise and order, one to predict v and one the noise,
# kept early, in the middle and at the end.  Some half an hour of a core each; stopped, it goes on from its checkpoint.
#     sh examples/evaluation/twins.sh [FOLDER]          (default: build/evaluation)
# Each one's window is found by run.py, and kept in results/calibration-twin-*.json.
set -eu
cd "$(dirname "$0")/../.."
folder=${1:-build/evaluation}
mkdir -p "$folder"
for prediction in v noise; do
    /usr/bin/python3 examples/train/train_unet.py --prediction $prediction --widths 16,32,48 --images 192000 --minutes 600 \
        --threads 1 --keep 24000,72000,192000 --work "$folder/train" --out "$folder/twin-$prediction.pt"
done
