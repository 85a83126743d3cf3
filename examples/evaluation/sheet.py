#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""Contact sheets of the main methods side by side, from the same noise: docs/evaluation_samples.svg.

    OMP_NUM_THREADS=1 /usr/bin/python3 examples/evaluation/sheet.py build/examples/covsamp/covsamp [--steps 10] [--docs docs]

Samples 0 ... 19 of seed 1, the first of those that run.py measures; two of each class.  The pictures are the program's.
"""
import argparse
import base64
import os
import tempfile

import cells
from drawing import call

HERE = os.path.dirname(os.path.abspath(__file__))
MODELS = os.path.join(os.path.dirname(os.path.dirname(HERE)), "examples", "models")
METHODS = ("ddpm", "ddpm-2m", "analytic-ddpm", "ocm-ddpm", "ddim", "dpmpp-2m", "hutchinson-ddpm", "spectral-ddim", "lgs", "lgs-2m",
           "lgs-plain")
COUNT, SIDE, LABEL, HEIGHT = 20, 602, 112, 34  # a row of samples is 602 x 32 pixels


def row(program, run, number, folder):
    """A label and the program's picture."""
    path, network = os.path.join(folder, run.method.name + ".png"), os.path.join(MODELS, run.network())
    call(program, "sample", *run.arguments(MODELS, network, lambda: os.path.join(HERE, "results", "calibration.json")), "-n", COUNT,
         "--columns", COUNT, "-q", "-o", path)
    with open(path, "rb") as file:
        data = base64.b64encode(file.read()).decode()
    return ('<text x="0" y="%d">%s</text><image x="%d" y="%d" width="%d" height="32" href="data:image/png;base64,%s"/>' % (
        number * HEIGHT + 20, run.method.name, LABEL, number * HEIGHT, SIDE, data))


def main():
    p = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    p.add_argument("program")
    p.add_argument("--steps", type=int, default=10)
    p.add_argument("--docs", default="docs", help="the folder of evaluation_samples.svg")
    args = p.parse_args()
    known = cells.methods(args.program)
    with tempfile.TemporaryDirectory() as folder:
        rows = [row(args.program, cells.Run(known[name], args.steps, 1), i, folder) for i, name in enumerate(METHODS)]
    with open(os.path.join(args.docs, "evaluation_samples.svg"), "w", encoding="utf-8") as file:
        file.write("\n".join(['<svg xmlns="http://www.w3.org/2000/svg" width="%d" height="%d" font-family="sans-serif" font-size="12">' % (
            LABEL + SIDE, len(rows) * HEIGHT), '<rect width="100%" height="100%" fill="white"/>', *rows, "</svg>"]) + "\n")


if __name__ == "__main__":
    main()
