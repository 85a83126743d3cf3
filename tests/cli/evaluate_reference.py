#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""What covsamp evaluate must print, from other formulas: numpy and scipy, written from the papers.

    evaluate_reference.py FEATURES.npy REFERENCE.npy [REPLICATES [SEED]]

The Frechet distance takes scipy's square root of a product of covariances (Heusel et al. 2017), the kernel distance the
whole matrices (Binkowski et al. 2018), precision and recall scipy's distances (Kynkaanniemi et al. 2019).
Resampled sets are laid out sample by sample, and their numbers found from nothing.
"""
import json
import sys

import numpy as np
from scipy.linalg import sqrtm
from scipy.spatial.distance import cdist

MASK, GOLDEN = (1 << 64) - 1, 0x9E3779B97F4A7C15


def frechet(x, y):
    apart = x.mean(0) - y.mean(0)
    s, t = np.atleast_2d(np.cov(x, rowvar=False)), np.atleast_2d(np.cov(y, rowvar=False))
    return float(apart @ apart + np.trace(s) + np.trace(t) - 2 * np.trace(sqrtm(s @ t).real))


def kernel_matrix(x, y):
    return (x @ y.T / x.shape[1] + 1) ** 3


def off_diagonal(k, counts):
    """Mean over ordered pairs of different samples; a sample and its own copy are no pair."""
    pairs = np.outer(counts, counts) * (1 - np.eye(len(k)))
    return (pairs * k).sum() / pairs.sum()


def kernel(x, y, counts=None):
    counts = np.ones(len(x)) if counts is None else counts
    between = (counts @ kernel_matrix(x, y)).sum() / (counts.sum() * len(y))
    return float(off_diagonal(kernel_matrix(x, x), counts) +
                 off_diagonal(kernel_matrix(y, y), np.ones(len(y))) - 2 * between)


def covered(points, centres, nearest):
    """Which points lie in a ball round one of the centres that reaches to its k-th neighbour."""
    radius = np.sort(cdist(centres, centres), axis=1)[:, nearest]  # column 0 is the centre itself
    return (cdist(points, centres) <= radius).any(1)


def mix(z):
    z = ((z ^ (z >> 30)) * 0xBF58476D1CE4E5B9) & MASK
    z = ((z ^ (z >> 27)) * 0x94D049BB133111EB) & MASK
    return z ^ (z >> 31)


def draws(n, replicate, seed, whose):
    """SplitMix64 as a hash of a counter; whose: 0 the samples, 1 the reference."""
    key = mix((mix((seed + GOLDEN) & MASK) + GOLDEN * (2 * replicate + whose + 1)) & MASK)
    return np.array([((mix((key + GOLDEN * (i + 1)) & MASK) >> 32) * n) >> 32 for i in range(n)])


def estimate(value, replicates, confidence=0.95):
    if len(replicates) < 2:
        return {"value": value}
    r = np.array(replicates)
    low, high = np.quantile(r, [(1 - confidence) / 2, (1 + confidence) / 2]) + value - r.mean()
    return {"value": value, "deviation": float(r.std(ddof=1)), "low": float(low), "high": float(high)}


def share(values, picks):
    e = estimate(float(values.mean()), [values[p].mean() for p in picks])
    return {k: min(max(v, 0.0), 1.0) if k in ("low", "high") else v for k, v in e.items()}


def evaluate(x, y, replicates=0, seed=0, nearest=3, right=None):
    """right: whether each sample has the class that was asked for."""
    x, y = x.astype(np.float64), y.astype(np.float64)
    picks = [draws(len(x), b, seed, 0) for b in range(replicates)]
    other = [draws(len(y), b, seed, 1) for b in range(replicates)]
    inside, found = covered(x, y, nearest), covered(y, x, nearest)
    count = [np.bincount(p, minlength=len(x)).astype(float) for p in picks]
    out = {"frechet": estimate(frechet(x, y), [frechet(x[p], y) for p in picks]),
           "kernel": estimate(kernel(x, y), [kernel(x, y, c) for c in count]),
           "precision": share(inside, picks), "recall": share(found, other)}
    if right is not None:
        out["accuracy"] = share(right, picks)
    return out


if __name__ == "__main__":
    print(json.dumps(evaluate(np.load(sys.argv[1]), np.load(sys.argv[2]), *map(int, sys.argv[3:5]))))
