#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""How much of the exact covariance each structure holds: on the trained network, and on fields whose covariance is known.

    OMP_NUM_THREADS=1 /usr/bin/python3 examples/evaluation/structure_run.py [--images 16]

C of the network is that of `dense` with a clipped mean: (sigma^2 / alpha) P dx0/dx P at images of the test set with noise, all
rows that P keeps by reverse mode.  The step whose draw is compared is that of 10 trailing levels, from level 200 up: the one from 100
adds no noise.  Lines are added to examples/evaluation/results/structures.jsonl one by one, and those that are there are not
measured again.
"""
import argparse
import os
import sys

import numpy as np
import torch

import store
import structures

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))
sys.path.insert(0, os.path.join(ROOT, "examples", "train"))
import fashion  # noqa: E402
from unet import UNet  # noqa: E402

LEVELS = (200, 300, 500, 700, 900)
JUMP = 100  # 10 trailing levels of 1000
BATCH = 56


def network():
    net = UNet()
    net.load_state_dict(torch.jit.load(os.path.join(ROOT, "examples", "models", "fashion-unet.pt")).state_dict())
    return net.eval().requires_grad_(False)


def covariance(net, x, label, level, alpha, sigma):
    """P C P and the values that P keeps; the network predicts v: x0 = alpha x - sigma v."""
    n = x.numel()
    many = x.expand(BATCH, 1, structures.SIDE, structures.SIDE).contiguous().requires_grad_()
    v = net(many, torch.full((BATCH,), level - 1.0), torch.full((BATCH,), label))
    x0 = alpha * x.double().numpy().ravel() - sigma * v[0].detach().double().numpy().ravel()
    keep = np.abs(x0) <= 1
    jacobian = alpha * np.diag(keep.astype(float))
    for rows in np.array_split(np.flatnonzero(keep), -(-keep.sum() // BATCH)):
        wanted = torch.zeros(BATCH, n)
        wanted[torch.arange(len(rows)), torch.from_numpy(rows)] = 1
        found = torch.autograd.grad(v, many, wanted.reshape(v.shape), retain_graph=True)[0].reshape(BATCH, n)
        jacobian[rows] -= sigma * found[:len(rows)].double().numpy()
    return sigma ** 2 / alpha * jacobian * np.outer(keep, keep), keep


def schedule():
    alpha, sigma = (np.concatenate([[end], values.double().numpy()]) for end, values in zip((1, 0), fashion.alpha_sigma()))
    return alpha, sigma


def of_network(images, records):
    net, (x0, y), (alpha, sigma) = network(), fashion.load("t10k"), schedule()
    for i in range(images):
        for level in LEVELS:
            cell = "network/%d/%d" % (i, level)
            if records.has(cell):
                continue
            noise = torch.from_numpy(np.random.default_rng((i, level)).standard_normal(x0[i].shape)).float()
            x = float(alpha[level]) * x0[i] + float(sigma[level]) * noise
            c, keep = covariance(net, x, int(y[i]), level, alpha[level], sigma[level])
            b, floor = structures.transition(alpha, sigma, level, level - JUMP)
            half = (c + c.T) / 2
            values = np.linalg.eigvalsh(half)
            records.add({"cell": cell, "of": "network", "level": level, "image": i, "clipped": float(1 - keep.mean()),
                         "asymmetry": float(np.linalg.norm(c - c.T) / np.linalg.norm(c + c.T)),
                         "negative": float(-values[values < 0].sum() / values[values > 0].sum()),
                         "top20": float(np.sort(values)[::-1][:structures.TOP].sum() / values[values > 0].sum()),
                         "errors": structures.compare(structures.Case(c, keep), floor, b, i)})
            print(cell, flush=True)


def stationary(side):
    """Power law in the frequencies of a torus, of which side x side is half a side: no window fits it exactly."""
    big = 2 * side
    f = np.fft.fftfreq(big) * big
    power = (1 + f[:, None] ** 2 + f[None, :] ** 2) ** -1.5
    kernel = np.fft.ifft2(power).real
    y, x = np.divmod(np.arange(side * side), side)
    c = kernel[(y[:, None] - y[None, :]) % big, (x[:, None] - x[None, :]) % big]
    return c / c[0, 0] * 0.5


def modulated(side):
    """The same, its deviation falling from 1 in the middle to a tenth at the rim."""
    y, x = np.divmod(np.arange(side * side), side)
    r = np.hypot(y - (side - 1) / 2, x - (side - 1) / 2) / (side / 2)
    w = 0.1 + 0.9 * np.exp(-2 * r ** 2)
    return w[:, None] * stationary(side) * w[None, :]


def of_fields(records):
    alpha, sigma = schedule()
    for name, prior in (("stationary", stationary(structures.SIDE)), ("modulated", modulated(structures.SIDE))):
        for level in LEVELS:
            cell = "%s/%d" % (name, level)
            if records.has(cell):
                continue
            values, vectors = np.linalg.eigh(prior)
            snr = (alpha[level] / sigma[level]) ** 2
            c = (vectors * (values / (1 + snr * values))) @ vectors.T
            b, floor = structures.transition(alpha, sigma, level, level - JUMP)
            records.add({"cell": cell, "of": name, "level": level, "errors": structures.compare(structures.Case(c), floor, b, level)})
            print(cell, flush=True)


def main():
    p = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    p.add_argument("--images", type=int, default=16)
    p.add_argument("--results", default=os.path.join(HERE, "results"))
    args = p.parse_args()
    torch.set_num_threads(1)
    records = store.Records(os.path.join(args.results, "structures.jsonl"))
    of_fields(records)
    of_network(args.images, records)


if __name__ == "__main__":
    main()
