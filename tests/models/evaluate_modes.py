# SPDX-License-Identifier: BSD-3-Clause
"""Residuals of posterior modes against PyTorch: evaluate_modes.py PROGRAM NETWORK

The modes that `covsamp modes` finds for the trained UNet at some levels, and the products of each with
(C + C^T) / 2 by reverse mode in PyTorch: J^T v directly, J v as the derivative of J^T u along u.
"""
import json
import os
import subprocess
import sys
import tempfile

import numpy as np
import torch

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../../examples/train"))
import fashion  # noqa: E402

IMAGES, COUNT, LEVELS = 3, 5, [100, 300, 500, 700]
passed = failed = 0


def check(ok, *what):
    global passed, failed
    passed += bool(ok)
    failed += not ok
    if not ok:
        print("failed:", *what, file=sys.stderr)


def average_product(network, x, level, label, v):
    """(J + J^T) v / 2 of the network's output."""
    x = torch.tensor(x[None], dtype=torch.float32, requires_grad=True)
    v = torch.tensor(v[None], dtype=torch.float32)
    f = network(x, torch.tensor([level - 1.0]), torch.tensor([label]))
    u = torch.zeros_like(f, requires_grad=True)
    (back,) = torch.autograd.grad(f, x, u, create_graph=True)
    (product,) = torch.autograd.grad(back, u, v, retain_graph=True)
    (transposed,) = torch.autograd.grad(f, x, v)
    return f.detach().numpy()[0], ((product + transposed) / 2).numpy()[0]


def evaluate(program, path, network, labels, folder, level):
    text = subprocess.run([program, "modes", "--model", path, "--data", folder + "/x.npy", "--labels",
                           folder + "/y.npy", "--level", str(level), "--count", str(COUNT), "-n",
                           str(IMAGES), "--npy", folder + "/m.npy", "--set", "krylov_steps=150",
                           "--json"], check=True, stdout=subprocess.PIPE, text=True).stdout
    said, rows = json.loads(text), np.load(folder + "/m.npy")
    alpha, sigma = said["alpha"], said["sigma"]
    worst = off = 0
    for k, image in enumerate(said["images"]):
        largest = image["modes"][0]["value"]
        for j, mode in enumerate(image["modes"]):
            v = rows[k, 3 + j]
            f, jv = average_product(network, rows[k, 1], level, int(labels[k]), v)
            cv = sigma ** 2 / alpha * (alpha * v - sigma * jv)  # the network predicts v
            residual = np.linalg.norm(cv - mode["value"] * v) / largest
            check(abs(alpha * rows[k, 1] - sigma * f - rows[k, 2]).max() < 1e-5, "the mean", level, k)
            check(mode["converged"] and mode["residual"] < 1e-3, "convergence", level, k, mode)
            check(abs(residual - mode["residual"]) < 1e-6, "the residual", level, k, residual, mode)
            worst, off = max(worst, mode["residual"]), max(off, abs(residual - mode["residual"]))
    print("level %4d: largest residual %.2g, by PyTorch the same to %.1g" % (level, worst, off))


def main():
    program, path = os.path.abspath(sys.argv[1]), os.path.abspath(sys.argv[2])
    if not os.path.isdir(fashion.FOLDER):
        print("skipped: no Fashion-MNIST in " + fashion.FOLDER)
        return 77
    images, labels = fashion.load("t10k")
    network = torch.jit.load(path).eval()
    with tempfile.TemporaryDirectory() as folder:
        np.save(folder + "/x.npy", images[:IMAGES].numpy())
        np.save(folder + "/y.npy", labels[:IMAGES].numpy())
        for level in LEVELS:
            evaluate(program, path, network, labels, folder, level)
    print("%d passed, %d failed" % (passed, failed))
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
