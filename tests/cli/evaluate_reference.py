#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""What covsamp evaluate must print, from other formulas: numpy and scipy, written from the papers.

    evaluate_reference.py FEATURES.npy REFERENCE.npy [REPLICATES [SEED]]

The Frechet distance takes scipy's square root of a product of covariances (Heusel et al. 2017), the kernel distance the
whole matrices (Binkowski et al. 2018), precision and recall scipy's distances (Kynkaanniemi et al. 2019).
Resampled sets are laid out sample by sample, and their numbers found from nothing: with replacement within each label, and
halves without it for recall.
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


def draw(i, n, replicate, seed, stream):
    """Number i as one of 0 ... n - 1: SplitMix64 as a hash of a counter."""
    key = mix((mix((seed + GOLDEN) & MASK) + GOLDEN * (2 * replicate + stream + 1)) & MASK)
    return ((mix((key + GOLDEN * (i + 1)) & MASK) >> 32) * n) >> 32


def draws(labels, replicate, seed):
    """With replacement, as many of each label as there are."""
    out = np.empty(len(labels), int)
    for label in np.unique(labels):
        members = np.flatnonzero(labels == label)
        out[members] = [members[draw(int(i), len(members), replicate, seed, 0)] for i in members]
    return out


def half(labels, replicate, seed):
    """Half of each label, without replacement; of odd ones now less, now more."""
    out, before = [], 0
    for label in np.unique(labels):
        members = np.flatnonzero(labels == label)
        needed = (before + len(members)) // 2 - before // 2
        for k, i in enumerate(members):
            if draw(int(i), len(members) - k, replicate, seed, 1) < needed:
                out.append(i)
                needed -= 1
        before += len(members)
    return np.array(out)


def estimate(value, replicates, confidence=0.95):
    if len(replicates) < 2:
        return {"value": value}
    r = np.array(replicates)
    r += value - r.mean()
    low, high = np.quantile(r, [(1 - confidence) / 2, (1 + confidence) / 2])
    return {"value": value, "deviation": float(r.std(ddof=1)), "low": float(low), "high": float(high), "replicates": r}


def share(value, replicates):
    e = estimate(float(value), replicates)
    return {k: min(max(v, 0.0), 1.0) if k in ("low", "high") else v for k, v in e.items()}


def recall(x, y, nearest, halves):
    value = covered(y, x, nearest).mean()
    if halves and len(halves[0]) <= nearest:
        return {"value": value}
    spread = [(len(h) / (len(x) - len(h))) ** 0.5 for h in halves]
    return share(value, [s * covered(y, x[h], nearest).mean() for s, h in zip(spread, halves)])


def evaluate(x, y, replicates=0, seed=0, nearest=3, right=None, labels=None):
    """right: whether each sample has the class that was asked for, in labels."""
    x, y = x.astype(np.float64), y.astype(np.float64)
    labels = np.zeros(len(x), int) if labels is None else labels
    picks = [draws(labels, b, seed) for b in range(replicates)]
    inside = covered(x, y, nearest)
    count = [np.bincount(p, minlength=len(x)).astype(float) for p in picks]
    out = {"frechet": estimate(frechet(x, y), [frechet(x[p], y) for p in picks]),
           "kernel": estimate(kernel(x, y), [kernel(x, y, c) for c in count]),
           "precision": share(inside.mean(), [inside[p].mean() for p in picks]),
           "recall": recall(x, y, nearest, [half(labels, b, seed) for b in range(replicates)])}
    if right is not None:
        out["accuracy"] = share(right.mean(), [right[p].mean() for p in picks])
    return out


if __name__ == "__main__":
    print(json.dumps(evaluate(np.load(sys.argv[1]), np.load(sys.argv[2]), *map(int, sys.argv[3:5])), default=list))
