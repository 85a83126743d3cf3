# SPDX-License-Identifier: BSD-3-Clause
"""What each covariance model makes of a given C, in double precision: docs/math.md has the definitions.

C is what the products of a sampler are, P C P of a network's Jacobian: not quite symmetric, with negative eigenvalues.  The target
is `dense`, its symmetric part without them.  Structures are computed from C itself, as the library does: with as many probes as
the name says, or, where it says nothing, as of infinitely many.
"""
import math
import typing

import numpy as np

SIDE = 28
TOP = 20  # eigenvalues that are compared


def symmetric(c):
    """What `dense` draws from: the symmetric part, its negative eigenvalues 0.  (matrix, values, vectors)"""
    values, vectors = np.linalg.eigh((c + c.T) / 2)
    values = np.maximum(values, 0)
    return (vectors * values) @ vectors.T, values, vectors


class Case:
    """P C P and the mask P (True: kept), and what is computed of them once."""

    def __init__(self, c, keep=None):
        self.c, self.half = c, (c + c.T) / 2
        self.keep = np.ones(len(c)) if keep is None else keep.astype(float)
        self.exact, self.values, self.vectors = symmetric(c)
        self.bases = {}

    def basis(self, block):
        """(A, within), see Model."""
        if block not in self.bases:
            a = transform(math.isqrt(len(self.c)), block)
            self.bases[block] = a, within(self, a.T)
        return self.bases[block]


class Model(typing.NamedTuple):
    """P Q values Q' P in the place of C; without Q: diagonal.  known: the coefficients of z, if not Q'z."""
    values: np.ndarray
    q: typing.Optional[np.ndarray] = None
    known: typing.Optional[np.ndarray] = None
    within: typing.Optional[tuple] = None


def within(case, q):
    """Q'PQ and the diagonal of Q'P exact PQ: what norms and eigenvalues need."""
    pq = case.keep[:, None] * q
    return pq.T @ pq, np.sum(pq * (case.exact @ pq), axis=0)


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


def signs(random, probes, n):
    return np.where(random.random((probes, n)) < 0.5, -1.0, 1.0)


def probed(case, random, probes):
    """v = P r and C v, [probes, n] each."""
    v = signs(random, probes, len(case.c)) * case.keep
    return v, v @ case.c.T


def diagonal_of(case, random, probes):
    if not probes:
        return np.diag(case.c)
    v, w = probed(case, random, probes)
    return np.mean(v * w, axis=0)


def isotropic(case, random, probes=0):
    mean = np.sum(diagonal_of(case, random, probes)) / max(np.sum(case.keep), 1)
    return Model(case.keep * max(mean, 0))


def diagonal(case, random, probes=0):
    return Model(np.maximum(diagonal_of(case, random, probes), 0))


def spectral(case, random, block=SIDE, radial=False, probes=0, ratio=False):
    """Random signs in the basis; ratio: random signs, and quotients of sums."""
    n = len(case.c)
    (a, inside), pool = case.basis(block), pools(math.isqrt(n), block, radial)
    share = np.full(n, np.mean(case.keep))
    if not probes:
        above = np.sum((a @ case.c) * a, axis=1)
    elif ratio:
        v, w = probed(case, random, probes)
        above, share = np.mean((v @ a.T) * (w @ a.T), axis=0), np.mean((v @ a.T) ** 2, axis=0)
    else:
        r = signs(random, probes, n)
        above = np.mean(r * ((r @ a * case.keep) @ case.c.T @ a.T), axis=0)
    lam = np.bincount(pool, above) / np.maximum(np.bincount(pool, share), 1e-12)
    return Model(np.maximum(lam[pool], 0), a.T, within=inside)


def sliding(case, random, block, probes=0):
    """Windows at every position, wrapping: sums over these are products in the Fourier basis of the torus.

    The library draws from this matrix, but with numbers of its own; here it is the root times z as for the others.
    """
    side = math.isqrt(len(case.c))
    windows = np.einsum("fy,gx->fgyx", cosines(block), cosines(block)).reshape(-1, block, block)
    power = np.abs(np.fft.fft2(windows, (side, side))) ** 2
    y, x = np.divmod(np.arange(side * side), side)
    offset = (y[:, None] - y[None, :]) % side * side + (x[:, None] - x[None, :]) % side
    if probes:
        v, w = (np.fft.fft2(f.reshape(-1, side, side)) for f in probed(case, random, probes))
        above, below = np.sum((v.conj() * w).real, axis=0), np.sum(np.abs(v) ** 2, axis=0)
    else:
        above = np.fft.fft2(np.bincount(offset.ravel(), case.c.ravel()).reshape(side, side)).real
        below = np.full((side, side), np.sum(case.keep))
    lam = np.maximum(np.sum(power * above, axis=(1, 2)) / np.sum(power * below, axis=(1, 2)), 0)
    kernel = np.fft.ifft2(np.einsum("f,fyx->yx", lam, power)).real.ravel() / block ** 2
    values, vectors = np.linalg.eigh(kernel[offset] * np.outer(case.keep, case.keep))
    return Model(np.maximum(values, 0), vectors)


def krylov(c, start, m):
    """On the space of P z, C P z, ...: V orthogonalised twice, H = V'CV symmetrised and clamped."""
    v, w, scale = [start / np.linalg.norm(start)], [], 0
    while True:
        w.append(c @ v[-1])
        basis = np.array(v)
        h = basis @ np.array(w).T
        if len(v) == m:
            break
        rest, scale = w[-1], max(scale, np.max(np.abs(h)))
        for _ in range(2):
            rest = rest - basis.T @ (basis @ rest)
        if np.linalg.norm(rest) <= 10 * np.finfo(float).eps * math.sqrt(len(c)) * scale:
            break
        v.append(rest / np.linalg.norm(rest))
    values, vectors = np.linalg.eigh((h + h.T) / 2)
    return Model(np.maximum(values, 0), basis.T @ vectors)


def tridiagonal(c, start, m):
    """Lanczos as for a symmetric C: three terms, and nothing made orthogonal again.  Clamped as well."""
    v, on, off = [start / np.linalg.norm(start)], [], []
    for j in range(m):
        w = c @ v[j] - (off[-1] * v[j - 1] if j else 0)
        on.append(v[j] @ w)
        w -= on[-1] * v[j]
        if j + 1 < m:
            off.append(np.linalg.norm(w))
            v.append(w / off[-1])
    values, vectors = np.linalg.eigh(np.diag(on) + np.diag(off, 1) + np.diag(off, -1))
    return Model(np.maximum(values, 0), np.array(v).T @ vectors, np.linalg.norm(start) * vectors[0])


# Names, whether one model serves every draw, and the model.
STRUCTURES = {
    "isotropic": (True, lambda case, z, random: isotropic(case, random)),
    "isotropic, 2 probes": (False, lambda case, z, random: isotropic(case, random, 2)),
    "diagonal": (True, lambda case, z, random: diagonal(case, random)),
    "diagonal, 2 probes": (False, lambda case, z, random: diagonal(case, random, 2)),
    "diagonal, 100 probes": (False, lambda case, z, random: diagonal(case, random, 100)),
    "spectral": (True, lambda case, z, random: spectral(case, random)),
    "spectral, 1 probe": (False, lambda case, z, random: spectral(case, random, probes=1)),
    "spectral, radial": (True, lambda case, z, random: spectral(case, random, radial=True)),
    "spectral, radial, 1 probe": (False, lambda case, z, random: spectral(case, random, radial=True, probes=1)),
    "spectral, radial, 1 probe, ratio": (False, lambda case, z, random: spectral(case, random, radial=True, probes=1, ratio=True)),
    **{"spectral, block %d" % k: (True, lambda case, z, random, k=k: spectral(case, random, k)) for k in (14, 7, 4)},
    **{"spectral, sliding %d" % k: (True, lambda case, z, random, k=k: sliding(case, random, k)) for k in (14, 7, 4)},
    "spectral, sliding 7, 1 probe": (False, lambda case, z, random: sliding(case, random, 7, 1)),
    **{"krylov, m = %d" % m: (False, lambda case, z, random, m=m: krylov(case.c, case.keep * z, m)) for m in (1, 2, 3, 5, 10, 30)},
    **{"krylov, average, m = %d" % m: (False, lambda case, z, random, m=m: krylov(case.half, case.keep * z, m)) for m in (2, 3, 5)},
    **{"krylov of the target, m = %d" % m: (False, lambda case, z, random, m=m: krylov(case.exact, case.keep * z, m))
       for m in (2, 3, 5)},
    **{"krylov, tridiagonal, m = %d" % m: (False, lambda case, z, random, m=m: tridiagonal(case.c, case.keep * z, m))
       for m in (2, 3, 5)},
}


def transition(alpha, sigma, t, s):
    """b and lambda of the DDPM posterior from level t to level s."""
    ratio = alpha[t] / alpha[s]
    between = sigma[t] ** 2 - ratio ** 2 * sigma[s] ** 2
    return alpha[s] * between / sigma[t] ** 2, sigma[s] * np.sqrt(between) / sigma[t]


def add_root(model, keep, floor, b, z):
    """P (floor^2 + b^2 Q values Q')^(1/2) z - floor P z: what C adds to beta-tilde noise."""
    gain = np.sqrt(floor ** 2 + b ** 2 * model.values) - floor
    if model.q is None:
        return keep * gain * z
    return keep * (model.q @ (gain * (model.q.T @ z if model.known is None else model.known)))


def of_matrix(case, model):
    """Squares: of the Frobenius distance to the target, and of the distance of the largest eigenvalues."""
    values = model.values
    if model.q is None:
        guess, square, cross = np.sort(values), np.sum(values ** 2), np.sum(values * np.diag(case.exact))
    else:
        gram, shares = within(case, model.q) if model.within is None else model.within
        gram = np.sqrt(values)[:, None] * gram * np.sqrt(values)
        guess, square, cross = np.linalg.eigvalsh(gram), np.sum(gram ** 2), np.sum(values * shares)
    largest = np.zeros(TOP)
    largest[:len(guess)] = guess[::-1][:TOP]
    return np.sum(case.values ** 2) + square - 2 * cross, np.sum((largest - case.values[::-1][:TOP]) ** 2)


def compare(case, floor, b, seed, draws=4):
    """For each structure: relative error in the Frobenius norm, of the 20 largest eigenvalues, and of the draw.

    The draw is n = (floor^2 + b^2 C)^(1/2) z; its error is in units of |n - floor z|, what C adds to beta-tilde noise, so that
    C = 0 has 1.  Root mean squares over `draws` of z, which krylov's matrix depends on as a whole.  Every structure gets the
    same z and the same random signs.
    """
    z = np.random.default_rng(seed).standard_normal((draws, len(case.c)))
    right = [add_root(Model(case.values, case.vectors), case.keep, floor, b, x) for x in z]
    units = draws * np.sum(case.values ** 2), draws * np.sum(case.values[::-1][:TOP] ** 2), np.sum(np.square(right))
    out = {}
    for name, (once, structure) in STRUCTURES.items():
        squares = np.zeros(3)
        for i in range(draws):
            if not once or i == 0:
                model = structure(case, z[i], np.random.default_rng((seed, i, 1)))
                matrix = of_matrix(case, model)
            squares += (*matrix, np.sum((add_root(model, case.keep, floor, b, z[i]) - right[i]) ** 2))
        out[name] = [float(e) for e in np.sqrt(np.maximum(squares, 0) / units)]
    return out
