#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""Which covariance bounds the likelihood of the same test images best: bits per value, image block by image block.

    OMP_NUM_THREADS=1 /usr/bin/python3 examples/evaluation/likelihood.py build/examples/covsamp/covsamp

The full covariance and the learned diagonal as docs/diagnostics.md has them, on blocks of 4 test images, with the same noise
within a block: images differ far more from each other than covariances do, and what is looked for is the difference.
Goes on from results/likelihood.jsonl.
"""
import argparse
import json
import os
import sys
import tempfile

import numpy as np

import store
from drawing import call

HERE = os.path.dirname(os.path.abspath(__file__))
MODELS = os.path.join(HERE, "..", "models")
BLOCK, SPAN = 4, 64  # images in a block; from one to the next
METHODS = {
    "ocm-ddpm": ("heads", []),
    # Products to a tolerance, or the sum bounds nothing; outside the window the analytic variance.
    "lgs": ("unet", ["--set", "tolerance=0.003", "--set", "window_fallback=analytic",
                     "--calibration", os.path.join(HERE, "results", "calibration.json")]),
}


def bits(program, scratch, method, steps, block):
    network, options = METHODS[method]
    words = ["nelbo", "--model", os.path.join(MODELS, "fashion-%s.pt" % network), "--method", method, "--steps", steps, "--seed", block,
             "--data", os.path.join(scratch, "images.npy"), "--labels", os.path.join(scratch, "labels.npy"), "--batch", BLOCK, *options, "--json", "-q"]
    return json.loads(call(program, *words)[0])["bits"]


def main():
    p = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    p.add_argument("program")
    p.add_argument("--steps", type=int, default=50)
    p.add_argument("--blocks", type=int, default=8)
    p.add_argument("--results", default=os.path.join(HERE, "results", "likelihood.jsonl"))
    args = p.parse_args()
    sys.path.insert(0, os.path.join(HERE, "..", "train"))
    import fashion
    images, labels = (a.numpy() for a in fashion.load("t10k"))
    images = np.rint((images + 1) * 127.5).astype(np.uint8)

    records, program = store.Records(args.results), os.path.abspath(args.program)
    with tempfile.TemporaryDirectory() as scratch:
        for block in range(args.blocks):
            cell = "t%d_b%d" % (args.steps, block)
            if records.has(cell):
                continue
            own = slice(block * SPAN, block * SPAN + BLOCK)
            np.save(os.path.join(scratch, "images.npy"), images[own])
            np.save(os.path.join(scratch, "labels.npy"), labels[own])
            found = {method: bits(program, scratch, method, args.steps, block) for method in METHODS}
            records.add({"cell": cell, "steps": args.steps, "block": block, "images": BLOCK, "bits": found})
            print(cell, found, flush=True)


if __name__ == "__main__":
    main()
