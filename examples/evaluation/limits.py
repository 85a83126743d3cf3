#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""Is a guided sampler nearer to test images because it draws better, or because it draws something else?

    /usr/bin/python3 examples/evaluation/limits.py build/examples/covsamp/covsamp

Fréchet distances of the guided cells of run.py to the samples of table H with the same guide, which have a hundred steps and
other noise: what a sampler goes to as its steps grow, where nothing but the discretisation is wrong.  From stored features;
writes examples/evaluation/results/limits.jsonl.
"""
import argparse
import json
import os
import tempfile

import numpy as np

import cells
import store
from drawing import call

HERE = os.path.dirname(os.path.abspath(__file__))


def frechet(program, scratch, kept, theirs):
    """By covsamp evaluate; replicates are of ours, drawn within each class."""
    ours, said, _ = kept
    count, words = len(theirs), []
    for name, array in (("features", ours[:count]), ("classes", said[:count]), ("labels", np.arange(count) % cells.CLASSES),
                        ("reference-features", theirs)):
        words += ["--" + name, os.path.join(scratch, name + ".npy")]
        np.save(words[-1], array)
    text, _ = call(program, "evaluate", "--json", "-q", "--replicates", *words)
    found = json.loads(text)["frechet"]
    return dict(found, replicates=[round(r, 4) for r in found["replicates"]])


def main():
    p = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    p.add_argument("program")
    p.add_argument("--results", default=os.path.join(HERE, "results"))
    args = p.parse_args()

    def kept(run):
        return store.load(os.path.join(args.results, "features", run + ".npz"))

    lines, program = store.Records(os.path.join(args.results, "cells.jsonl")).lines, os.path.abspath(args.program)
    limits = [line for line in lines if line["table"] == "H"]
    rows = []
    with tempfile.TemporaryDirectory() as scratch:
        for limit in limits:
            theirs = kept(limit["run"])[0][:limit["samples"]]
            rows += [{"cell": line["cell"], "limit": limit["cell"], "frechet": frechet(program, scratch, kept(line["run"]), theirs)}
                     for line in lines if line["table"] == "E" and line["guide"] == limit["guide"]]

    store.write_lines(os.path.join(args.results, "limits.jsonl"), rows)
    print("%d distances" % len(rows))


if __name__ == "__main__":
    main()
