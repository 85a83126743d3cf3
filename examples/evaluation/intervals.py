#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""Are intervals of covsamp evaluate as wide as they should be?

    OMP_NUM_THREADS=1 /usr/bin/python3 examples/evaluation/intervals.py build/examples/covsamp/covsamp

Splits the stored samples of eight runs into five sets of 400, as many of each class in each, twice, and compares how far the five
numbers are apart with the deviation that one set's replicates give.  The reference is the first 2500 test images, to save time.
"""
import json
import os
import sys
import tempfile

import numpy as np

import cells
import store
from drawing import call

RESULTS = os.path.join(os.path.dirname(os.path.abspath(__file__)), "results")
RUNS = ("ddpm_t10_s1", "lgs_t10_s1", "lgs-2m_t5_s1", "ocm-ddpm_t5_s1", "dpmpp-2m_t25_s1", "ddpm-2m_t25_s1", "ddim_t10_s1_even",
        "lgs_t5_s1_even")
NAMES, ALL, SIZE, SPLITS = ("frechet", "kernel", "precision", "recall"), 2000, 400, (1, 2)


def split(seed):
    """[ALL / SIZE][SIZE], class by class."""
    g, each = np.random.default_rng(seed), SIZE // cells.CLASSES
    members = [g.permutation(np.arange(c, ALL, cells.CLASSES)) for c in range(cells.CLASSES)]
    return [np.concatenate([m[i * each:(i + 1) * each] for m in members]) for i in range(ALL // SIZE)]


def main(program):
    spread, deviation = [], []
    with tempfile.TemporaryDirectory() as folder:
        paths = [os.path.join(folder, name + ".npy") for name in ("x", "labels", "reference")]
        np.save(paths[1], np.repeat(np.arange(cells.CLASSES), SIZE // cells.CLASSES))
        np.save(paths[2], store.load(os.path.join(RESULTS, "reference.npz"))[0][:2500])
        for seed in SPLITS:
            for run in RUNS:
                x, found = store.load(os.path.join(RESULTS, "features", run + ".npz"))[0], []
                for part in split(seed):
                    np.save(paths[0], x[part])
                    text, _ = call(program, "evaluate", "--json", "-q", "--bootstrap", 0 if found else 200, "--features", paths[0],
                                   "--classes", paths[1], "--labels", paths[1], "--reference-features", paths[2])
                    found.append(json.loads(text))
                spread.append(np.var([[f[name]["value"] for name in NAMES] for f in found], axis=0, ddof=1))
                deviation.append([found[0][name]["deviation"] ** 2 for name in NAMES])
    for name, apart, said in zip(NAMES, np.sqrt(np.mean(spread, axis=0)), np.sqrt(np.mean(deviation, axis=0))):
        print("%-10s sets differ by %.4f, one says %.4f: ratio %.2f" % (name, apart, said, said / apart))


if __name__ == "__main__":
    main(sys.argv[1])
