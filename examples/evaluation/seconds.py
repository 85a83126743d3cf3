#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""Seconds a sample with 50 steps, as ratios to ocm-ddpm: the table of the LGS paper (arXiv 2605.22723), for docs/evaluation.md.

    OMP_NUM_THREADS=1 OPENBLAS_NUM_THREADS=1 /usr/bin/python3 examples/evaluation/seconds.py build/examples/covsamp/covsamp

99 samples of each method behind a warm-up, in nine rounds in which all methods take turns; loading is not counted.  Then
what a head costs: ocm-ddpm and ddpm in many short turns.  Writes examples/evaluation/results/seconds.json; --head-only leaves
what it says of the methods.
"""
import argparse
import json
import os
import statistics
import tempfile

import cells
import store
from drawing import call

HERE = os.path.dirname(os.path.abspath(__file__))
MODELS = os.path.join(os.path.dirname(HERE), "models")
BASE = "ocm-ddpm"
METHODS = (BASE, "ddpm", "ddpm-2m", "ddim", "analytic-ddpm", "sn-ddpm", "dpmpp-2m", "heun", "spectral-ddim", "hutchinson-ddpm",
           "lgs", "lgs-2m", "lgs-plain")
STEPS, ROUNDS, BATCH = 50, 9, 11
HEAD_STEPS, HEAD_ROUNDS = 5, 90


def draw(program, run, count, out):
    words = run.arguments(MODELS, os.path.join(MODELS, run.network()), lambda: os.path.join(HERE, "results", "calibration.json"))
    text, _ = call(program, "sample", *words, "--batch", BATCH, "-n", count, "--json", "-o", out)
    return json.loads(text)


def compare(program, known, out):
    """Rows of the table."""
    spent = {method: [] for method in METHODS}
    for r in range(-1, ROUNDS):
        for method in METHODS:
            run = cells.Run(known[method], STEPS if r >= 0 else 3, seed=0)
            cost = draw(program, run, BATCH if r >= 0 else 3, out)
            if r >= 0:
                spent[method].append(cost["seconds"] / cost["samples"])
        print("round %d of %d" % (r + 1, ROUNDS), flush=True)
    rows = []
    for method in METHODS:
        ratio = sorted(x / y for x, y in zip(spent[method], spent[BASE]))
        rows.append({"method": method, "seconds": statistics.median(spent[method]), "ratio": statistics.median(ratio),
                     "least": ratio[0], "most": ratio[-1]})
    return {"steps": STEPS, "samples": ROUNDS * BATCH, "rows": rows}


def head(program, known, out):
    """A mean with heads in means without."""
    runs = [cells.Run(known[method], HEAD_STEPS, seed=0) for method in (BASE, "ddpm")]
    ratios = []
    for _ in range(HEAD_ROUNDS):
        with_heads, without = (draw(program, run, BATCH, out)["seconds"] for run in runs)
        ratios.append(with_heads / without)
    low, middle, high = statistics.quantiles(ratios, n=4)
    return {"head_steps": HEAD_STEPS, "head_samples": HEAD_ROUNDS * BATCH, "head": middle, "head_low": low, "head_high": high}


def main():
    p = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    p.add_argument("program")
    p.add_argument("--results", default=os.path.join(HERE, "results"))
    p.add_argument("--head-only", action="store_true")
    args = p.parse_args()
    known, path, found = cells.methods(args.program), os.path.join(args.results, "seconds.json"), {}
    if args.head_only:
        with open(path, encoding="utf-8") as file:
            found = json.load(file)
    with tempfile.TemporaryDirectory() as folder:
        out = os.path.join(folder, "x.npy")
        found.update({} if args.head_only else compare(args.program, known, out), **head(args.program, known, out))

    def write(new):
        with open(new, "w", encoding="utf-8") as file:
            json.dump(found, file, indent=1)
            file.write("\n")
    store.replace(path, write)


if __name__ == "__main__":
    main()
