#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""examples/evaluation/structures.py against the library: the same C, not symmetric and with negative eigenvalues, the same noise
and the same random signs give the same draw, with and without a clip mask.

    /usr/bin/python3 tests/models/test_structures.py [build/lib/libcovsamp.so.0]
"""
import ctypes
import os
import sys

import numpy as np

HERE = os.path.dirname(os.path.abspath(__file__))
EXAMPLES = os.path.join(HERE, "..", "..", "examples")
sys.path[:0] = [os.path.join(EXAMPLES, "evaluation"), os.path.join(HERE, ".."), os.path.join(EXAMPLES, "ffi")]
import structures  # noqa: E402
from counted import check, done  # noqa: E402

SIDE, LEVELS = 12, (300, 200)
N = SIDE * SIDE


class Network:
    """E[x0 | x] and C are what they are told to be; z and the tangents are kept."""

    def __init__(self, c, x0, z):
        self.c, self.x0, self.z, self.asked = c, x0, z, []

    def mean(self, request):
        request.mean[:] = self.x0

    def product(self, request, c, out):
        self.asked.append(np.array(request.v)[:, 0])
        out[:] = request.v @ c.T * (request.alpha / request.sigma ** 2)

    def jvp(self, request):
        self.product(request, self.c, request.product)

    def vjp(self, request):
        request.transposed[:] = request.v @ self.c * (request.alpha / request.sigma ** 2)
        if request.product is not None:
            self.jvp(request)

    def noise(self, request):
        request.noise[:] = self.z


class Told:
    """A generator whose signs are known."""

    def __init__(self, signs):
        self.signs = signs

    def random(self, shape):
        return np.where(self.signs < 0, 0.25, 0.75).reshape(shape)


def schedule_of(covsamp):
    schedule = covsamp.Schedule.linear(1000, 1e-4, 0.02)
    alpha, sigma = ({level: schedule.at(level)[k] for level in LEVELS} for k in (0, 1))
    return schedule, structures.transition(alpha, sigma, *LEVELS)


def draw(covsamp, network, clipped, **options):
    """The state after one step."""
    config = covsamp.Config(schedule_of(covsamp)[0], LEVELS, batch=1, dim=N, dtype="f64", prediction="x0", noise="ask",
                            clip_x0=1.0 if clipped else 0.0, **options)
    with covsamp.Sampler(config) as sampler:
        sampler.state = np.zeros((1, N))
        sampler.step(network, noise=network.noise)
        return sampler.state[0].copy()


def problem():
    """A decaying spectrum, a tenth of it negative, and an antisymmetric part."""
    random = np.random.default_rng(5)
    q = np.linalg.qr(random.standard_normal((N, N)))[0]
    values = 0.3 / (1 + np.arange(N)) - 0.004
    odd = random.standard_normal((N, N)) * 0.3 / N
    return (q * values) @ q.T + odd - odd.T, random.uniform(-1.3, 1.3, N), random.standard_normal(N)


def signs_of(covsamp, c, x0, z, transformed):
    """Those of a run without a mask: they depend on seed and step alone."""
    network = Network(c, x0, z)
    options = {"height": SIDE, "width": SIDE} if transformed else {}
    draw(covsamp, network, False, covariance="spectral" if transformed else "diag_probe", probes=2, **options)
    v = np.concatenate(network.asked)
    return np.sign(v @ structures.transform(SIDE, SIDE).T if transformed else v)


CASES = {
    "isotropic": ({"covariance": "state_isotropic", "probes": 2}, lambda case, z, r, f: structures.isotropic(case, r, 2)),
    "diagonal": ({"covariance": "diag_probe", "probes": 2}, lambda case, z, r, f: structures.diagonal(case, r, 2)),
    "spectral": ({"covariance": "spectral", "probes": 2}, lambda case, z, r, f: structures.spectral(case, f, SIDE, probes=2)),
    "radial": ({"covariance": "spectral", "probes": 2, "spectral_pool": "radial"},
               lambda case, z, r, f: structures.spectral(case, f, SIDE, radial=True, probes=2)),
    "ratio": ({"covariance": "spectral", "probes": 2, "spectral_pool": "radial", "spectral_estimate": "ratio"},
              lambda case, z, r, f: structures.spectral(case, r, SIDE, radial=True, probes=2, ratio=True)),
    "dense": ({"covariance": "dense"}, lambda case, z, r, f: structures.Model(case.values, case.vectors)),
    **{"krylov %d" % m: ({"covariance": "krylov", "krylov_steps": m},
                         lambda case, z, r, f, m=m: structures.krylov(case.c, case.keep * z, m)) for m in (1, 2, 5, 30)},
    "average": ({"covariance": "krylov", "krylov_steps": 3, "symmetrise": "average"},
                lambda case, z, r, f: structures.krylov(case.half, case.keep * z, 3)),
}


def test_draws(covsamp, clipped):
    c, x0, z = problem()
    keep = np.abs(x0) <= 1 if clipped else np.ones(N, bool)
    case = structures.Case(c * np.outer(keep, keep), keep)
    b, floor = schedule_of(covsamp)[1]
    plain = draw(covsamp, Network(c, x0, z), clipped, covariance="small") - floor * z
    for name, (options, structure) in CASES.items():
        if options["covariance"] == "spectral":
            options = {**options, "height": SIDE, "width": SIDE}
        model = structure(case, z, *(Told(signs_of(covsamp, c, x0, z, t)) for t in (False, True)))
        expected = plain + floor * z + structures.add_root(model, case.keep, floor, b, z)
        found = draw(covsamp, Network(c, x0, z), clipped, **options)
        error = np.max(np.abs(found - expected)) / np.max(np.abs(expected))
        check(error < 1e-10, "%s, clipped %d" % (name, clipped), error)


def test_sliding():
    """The sums in the Fourier basis against windows that are written out."""
    c, x0, _ = problem()
    keep = np.abs(x0) <= 1
    case, block = structures.Case(c * np.outer(keep, keep), keep), 4
    y, x = np.divmod(np.arange(N), SIDE)
    windows = np.zeros((block * block, N, N))  # frequency, place, value
    for f in range(block * block):
        for t in range(block * block):
            weight = structures.cosines(block)[f // block, t // block] * structures.cosines(block)[f % block, t % block]
            windows[f, np.arange(N), (y + t // block) % SIDE * SIDE + (x + t % block) % SIDE] = weight
    lam = np.einsum("fpi,ij,fpj->f", windows, case.c, windows, optimize=True) / \
        np.einsum("fpi,i,fpi->f", windows, case.keep, windows, optimize=True)
    matrix = np.einsum("fpi,f,fpj->ij", windows, np.maximum(lam, 0), windows, optimize=True) / block ** 2
    model = structures.sliding(case, None, block)
    error = np.max(np.abs((model.q * model.values) @ model.q.T - matrix * np.outer(keep, keep)))
    check(error < 1e-12 * np.max(np.abs(matrix)), "sliding", error)


def test_exact():
    """For a symmetric C the three terms are the projection, and a structure that is right has no error."""
    c, _, z = problem()
    case = structures.Case(structures.symmetric(c)[0])
    full, three = structures.krylov(case.c, z, 5), structures.tridiagonal(case.c, z, 5)
    a, b = (structures.add_root(model, case.keep, 0.1, 1.0, z) for model in (full, three))
    check(np.max(np.abs(a - b)) < 1e-10 * np.max(np.abs(a)), "three terms", np.max(np.abs(a - b)))
    square, largest = structures.of_matrix(case, structures.Model(case.values, case.vectors))
    check(abs(square) < 1e-12 and largest < 1e-12, "the target itself", (square, largest))


def main():
    for library in sys.argv[1:]:
        ctypes.CDLL(os.path.abspath(library))  # the module asks for it by its soname
    import covsamp
    test_draws(covsamp, False)
    test_draws(covsamp, True)
    test_sliding()
    test_exact()
    return done()


if __name__ == "__main__":
    sys.exit(main())
