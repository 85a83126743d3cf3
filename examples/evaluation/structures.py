# SPDX-License-Identifier: BSD-3-Clause
"""What each covariance model makes of a given C, in double precision: docs/math.md has the definitions.

A structure gives a matrix in the place of C as (Q, values): Q values Q', Q with orthonormal columns.  Without probes it is the
best of its kind, the projection of C in the Frobenius norm; with probes it is what a sampler would have.
"""
import math

import numpy as np

SIDE = 28
TOP = 20  # eigenvalues that are compared


def symmetric(c):
    """What `dense` draws from: the symmetric part, its negative eigenvalues 0.  (matrix, values, vectors)"""
    values, vectors = np.linalg.eigh((c + c.T) / 2)
    values = np.maximum(values, 0)
    return (vectors * values) @ vectors.T, values, vectors


def cosines(n):
    """The orthonormal DCT-II."""
    k, i = np.mgrid[0:n, 0:n]
    basis = math.sqrt(2 / n) * np.cos(math.pi * k * (2 * i + 1) / (2 * n))
    basis[0] /= math.sqrt(2)
    return basis


def transform(side, block):
    """[side^2, side^2], windows of block x block side by side."""
    blocks = np.kron(np.eye(side // block), cosines(block))
    return np.kron(blocks, blocks)


def pools(side, block, radial):
    """The pool of each coefficient; windows share theirs."""
    fy, fx = np.divmod(np.arange(side * side), side)
    fy, fx = fy % block, fx % block
    return np.rint(np.hypot(fx, fy)).astype(int) if radial else fy * block + fx


def signs(random, n):
    return np.where(random.random(n) < 0.5, -1.0, 1.0)


def isotropic(c, random, probes=0):
    v = [signs(random, len(c)) for _ in range(probes)]
    mean = np.mean([x @ c @ x for x in v]) if probes else np.trace(c)
    return np.eye(len(c)), np.full(len(c), max(mean / len(c), 0))


def diagonal(c, random, probes=0):
    v = [signs(random, len(c)) for _ in range(probes)]
    return np.eye(len(c)), np.maximum(np.mean([x * (c @ x) for x in v], axis=0) if probes else np.diag(c), 0)


def spectral(c, random, block=SIDE, radial=False, probes=0):
    side = int(math.isqrt(len(c)))
    a, pool = transform(side, block), pools(side, block, radial)
    r = [signs(random, len(c)) for _ in range(probes)]
    lam = np.mean([x * (a @ (c @ (a.T @ x))) for x in r], axis=0) if probes else np.sum((a @ c) * a, axis=1)
    mean = np.bincount(pool, lam) / np.maximum(np.bincount(pool), 1)
    return a.T, np.maximum(mean[pool], 0)


def krylov(c, z, m):
    """On the space of z, C z, ...; H symmetrised and clamped."""
    v = [z / np.linalg.norm(z)]
    for _ in range(m - 1):
        w = c @ v[-1]
        for _ in range(2):
            w -= np.array(v).T @ (np.array(v) @ w)
        v.append(w / np.linalg.norm(w))
    v = np.array(v).T
    values, vectors = np.linalg.eigh(v.T @ c @ v)
    return v @ vectors, np.maximum(values, 0)


STRUCTURES = {
    "isotropic": lambda c, z, random: isotropic(c, random),
    "isotropic, 2 probes": lambda c, z, random: isotropic(c, random, 2),
    "diagonal": lambda c, z, random: diagonal(c, random),
    "diagonal, 2 probes": lambda c, z, random: diagonal(c, random, 2),
    "diagonal, 100 probes": lambda c, z, random: diagonal(c, random, 100),
    "spectral": lambda c, z, random: spectral(c, random),
    "spectral, 1 probe": lambda c, z, random: spectral(c, random, probes=1),
    "spectral, radial": lambda c, z, random: spectral(c, random, radial=True),
    "spectral, radial, 1 probe": lambda c, z, random: spectral(c, random, radial=True, probes=1),
    "spectral, block 14": lambda c, z, random: spectral(c, random, 14),
    "spectral, block 7": lambda c, z, random: spectral(c, random, 7),
    "spectral, block 4": lambda c, z, random: spectral(c, random, 4),
    **{"krylov, m = %d" % m: lambda c, z, random, m=m: krylov(c, z, m) for m in (1, 2, 3, 5, 10, 30)},
}


def add_root(q, values, floor, b, z):
    """(floor^2 + b^2 Q values Q')^(1/2) z - floor z"""
    return q @ ((np.sqrt(floor ** 2 + b ** 2 * values) - floor) * (q.T @ z))


def compare(c, floor, b, seed, draws=4):
    """For each structure: relative error in the Frobenius norm, of the 20 largest eigenvalues, and of the draw.

    The draw is n = (floor^2 + b^2 C)^(1/2) z; its error is in units of |n - floor z|, what C adds to beta-tilde noise, so that
    C = 0 has 1.  Root mean squares over `draws` of z, which krylov's matrix depends on as a whole.
    """
    random = np.random.default_rng(seed)
    exact, values, vectors = symmetric(c)
    top, whole = values[::-1][:TOP], np.sum(values ** 2)
    z = random.standard_normal((draws, len(c)))
    n = [add_root(vectors, values, floor, b, x) for x in z]
    out = {}
    for name, structure in STRUCTURES.items():
        squares = np.zeros(3)
        for x, right in zip(z, n):
            q, guess = structure(exact, x, random)
            largest = np.zeros(TOP)
            largest[:len(guess)] = np.sort(guess)[::-1][:TOP]
            squares += (whole + np.sum(guess ** 2) - 2 * np.sum(guess * np.sum(q * (exact @ q), axis=0)),
                        np.sum((largest - top) ** 2), np.sum((add_root(q, guess, floor, b, x) - right) ** 2))
        units = draws * whole, draws * np.sum(top ** 2), np.sum(np.square(n))
        out[name] = [float(math.sqrt(max(e, 0) / unit)) for e, unit in zip(squares, units)]
    return out
