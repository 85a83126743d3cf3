#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""Two dimensions, where nothing is learned and everything is known: distance to the data against steps, by covariance.

    /usr/bin/python3 examples/evaluation/toy.py build/lib/libcovsamp.so.0

Two mixtures with exact means and products: "axes", four round components at (+-1, +-1), deviation .2 (the toy of Zhang et al. 2023,
whose code it is in), and "tilted", three components with correlated coordinates, that of the path KL in docs/diagnostics.md.  The
distance is the squared maximum mean discrepancy with the Gaussian kernel exp(-|x - y|^2 / (2 h)), h = 1: sums over pairs of
samples without the diagonal, all that is about the data in closed form.  Mean and standard error over seeds.
"""
import argparse
import ctypes
import json
import os
import sys

import numpy as np

import store

HERE = os.path.dirname(os.path.abspath(__file__))
BANDWIDTH, BATCH = 1.0, 4000
STEPS = (5, 10, 20, 50)  # beyond, all but two are as near as the data themselves
METHODS = {
    "beta-tilde": {"covariance": "small"},
    "beta": {"covariance": "large"},
    "isotropic": {"covariance": "state_isotropic", "probes": 200},
    "diagonal": {"covariance": "diag_probe", "probes": 200},
    "krylov, m = 1": {"covariance": "krylov", "krylov_steps": 1},
    "full (krylov, m = 2)": {"covariance": "krylov", "krylov_steps": 2},
    "no noise (DDIM)": {"covariance": "none", "eta": 0},
    "diagonal, DDIM": {"covariance": "diag_probe", "probes": 200, "eta": 0},
    "full, DDIM": {"covariance": "krylov", "krylov_steps": 2, "eta": 0},
}


def turned(angle, first, second):
    """A covariance with these deviations along its axes."""
    c, s = np.cos(angle), np.sin(angle)
    axes = np.array([[c, -s], [s, c]])
    return axes @ np.diag([first ** 2, second ** 2]) @ axes.T


MIXTURES = {
    "axes": (np.full(4, 0.25), np.array([[1.0, 1], [1, -1], [-1, 1], [-1, -1]]), np.stack([0.04 * np.eye(2)] * 4)),
    "tilted": (np.array([0.3, 0.45, 0.25]), np.array([[-1.2, 0.6], [0.9, 0.5], [0.1, -1.1]]),
               np.stack([turned(0.6, 0.6, 0.25), turned(-0.9, 0.5, 0.2), turned(1.2, 0.45, 0.25)])),
}


def smoothed(x, mean, covariance):
    """E exp(-|x - y|^2 / (2 h)) for y ~ N(mean, covariance), [n]."""
    wide = covariance + BANDWIDTH * np.eye(2)
    d = x - mean
    return BANDWIDTH / np.sqrt(np.linalg.det(wide)) * np.exp(-0.5 * np.einsum("ni,ij,nj->n", d, np.linalg.inv(wide), d))


def of_data(mixture):
    """E k(y, y') of two draws from the data."""
    weights, means, covariances = mixture
    return sum(a * b * smoothed(m[None], n, c + d)[0] for a, m, c in zip(weights, means, covariances)
               for b, n, d in zip(weights, means, covariances))


def pairs(x):
    """Mean of k over all pairs of different samples, a block of rows at a time."""
    total = 0.0
    square = np.sum(x ** 2, axis=1)
    for first in range(0, len(x), 500):
        rows = x[first:first + 500]
        distance = square[first:first + 500, None] + square[None, :] - 2 * rows @ x.T
        total += np.sum(np.exp(-0.5 / BANDWIDTH * distance))
    return (total - len(x)) / (len(x) * (len(x) - 1))


def discrepancy(x, mixture):
    cross = sum(w * np.mean(smoothed(x, m, c)) for w, m, c in zip(*mixture))
    return pairs(x) - 2 * cross + of_data(mixture)


def draw(covsamp, mixture, steps, seed, options):
    schedule = covsamp.Schedule.linear(1000, 1e-4, 0.02)
    config = covsamp.Config(schedule, schedule.spaced(steps), batch=BATCH, dim=2, dtype="f64", seed=seed, **options)
    with covsamp.Sampler(config) as sampler:
        sampler.run(covsamp.Mixture(*mixture))
        return sampler.state.copy()


def exact(mixture, seed):
    """Draws from the data themselves: what the number is when nothing is wrong."""
    random = np.random.default_rng(seed)
    weights, means, covariances = mixture
    which = random.choice(len(weights), BATCH, p=weights)
    noise = random.standard_normal((BATCH, 2))
    return means[which] + np.einsum("nij,nj->ni", np.linalg.cholesky(covariances)[which], noise)


def main():
    p = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    p.add_argument("library", help="libcovsamp.so.0")
    p.add_argument("--seeds", type=int, default=5)
    p.add_argument("--results", default=os.path.join(HERE, "results"))
    args = p.parse_args()
    ctypes.CDLL(os.path.abspath(args.library))  # the module asks for it by its soname
    sys.path.insert(0, os.path.join(HERE, "..", "ffi"))
    import covsamp
    records = store.Records(os.path.join(args.results, "toy.jsonl"))
    if any(line["seeds"] != args.seeds for line in records.lines):
        p.error("--seeds must be that of %s, %d, not %d" % (records.path, records.lines[0]["seeds"], args.seeds))
    for name, mixture in MIXTURES.items():
        for steps in (0, *STEPS):
            for method, options in METHODS.items() if steps else (("data", None),):
                cell = "%s/%s/%d" % (name, method, steps)
                if records.has(cell):
                    continue
                values = [discrepancy(draw(covsamp, mixture, steps, seed, options) if steps else exact(mixture, seed), mixture)
                          for seed in range(args.seeds)]
                records.add({"cell": cell, "of": name, "method": method, "steps": steps, "samples": BATCH, "seeds": args.seeds,
                             "mmd2": float(np.mean(values)), "error": float(np.std(values, ddof=1) / np.sqrt(len(values)))})
                print(json.dumps(records.lines[-1]), flush=True)


if __name__ == "__main__":
    main()
