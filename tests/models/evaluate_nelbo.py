#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""Stochastic Lanczos quadrature against the whole matrix, on the trained network.

    /usr/bin/python3 tests/models/evaluate_nelbo.py build/examples/covsamp/covsamp examples/models/fashion-unet.pt

Four test images, the steps 667 to 556, 445 to 334 and 223 to 112 of a run of 10: with 8 products a space and 6
probes a term is within three of the probes' standard errors of the dense one (784 products), and 16 products
move it by less than one.  The step from 112 to 1 is printed beside them: its condition number is in the hundreds,
8 products are too few for it, and `tolerance` says how many are enough.  Some minutes.
"""
import json
import os
import subprocess
import sys
import tempfile

os.environ.setdefault("OMP_WAIT_POLICY", "passive")

import numpy as np

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "..", "examples", "train"))
import fashion  # noqa: E402

STEPS = ((667, 556), (445, 334), (223, 112))
FULL = ["--method", "lgs", "--set", "window_high=0", "--set", "probes=6"]
RUNS = (("dense", ["--method", "full-ddpm", "--set", "tangents=8"]),
        ("8 products", FULL + ["--set", "krylov_steps=8"]),
        ("16 products", FULL + ["--set", "krylov_steps=16"]),
        ("tolerance .003", FULL + ["--set", "tolerance=0.003", "--set", "krylov_steps=128"]))
passed = failed = 0


def check(ok, what):
    global passed, failed
    passed, failed = passed + bool(ok), failed + (not ok)
    if not ok:
        print("failed: " + what, file=sys.stderr)


def bound(program, model, data, options):
    done = subprocess.run([program, "nelbo", "--model", model, *data, "--steps", "10", "-n", "4", "--json", *options],
                          stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    if done.returncode != 0:
        sys.exit(done.stderr)
    return {(t["level"], t["to"]): t for t in json.loads(done.stdout)["terms"] if t["term"] == "step"}


def main():
    program, model = sys.argv[1:3]
    with tempfile.TemporaryDirectory() as folder:
        x, y = fashion.load("t10k")
        np.save(folder + "/x.npy", ((x[:4] + 1) * 127.5).round().byte().numpy())
        np.save(folder + "/y.npy", y[:4].numpy())
        data = ["--data", folder + "/x.npy", "--labels", folder + "/y.npy"]
        runs = {name: bound(program, model, data, options) for name, options in RUNS}
    for step in (*STEPS, (112, 1)):
        print("%d to %d: " % step + "; ".join("%s %.4f nats (%.3f of the probes), r S^-1 r %.2f, %.0f products" % (
            name, r[step]["nats"], r[step]["probe_deviation"], r[step]["residual"], r[step]["products"] / 4)
            for name, r in runs.items()))
    for step in STEPS:
        dense, eight, sixteen, enough = (runs[name][step] for name, _ in RUNS)
        for other in (eight, sixteen, enough):
            check(abs(other["nats"] - dense["nats"]) <= 3 * other["probe_deviation"], "%d to %d: within three" % step)
            check(0 < other["probe_deviation"] < 0.05 * dense["nats"], "%d to %d: the probes tell something" % step)
        check(abs(sixteen["nats"] - eight["nats"]) <= eight["probe_deviation"], "%d to %d: doubling" % step)
    dense, eight, _, enough = (runs[name][112, 1] for name, _ in RUNS)
    check(eight["residual"] < 0.8 * dense["residual"], "the last jump needs more than 8 products")
    check(abs(enough["residual"] - dense["residual"]) < 0.05 * dense["residual"], "a tolerance finds out how many")
    print("%d passed, %d failed" % (passed, failed))
    return 1 if failed else 0


sys.exit(main())
