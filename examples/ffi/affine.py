#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""A Gaussian in Python as the model: by ask and tell, by callbacks, and the library's mixture beside it.

affine.py GOLDEN LAYOUT: compares samples with the bits that affine.c printed, and structs with what C says.
numpy multiplies and adds whole arrays, one rounding each: nothing is contracted.  (@ and einsum may be.)
"""
import ctypes
import sys

import numpy as np

import covsamp
import covsamp_abi

MEAN = np.array([0.5, -1, 0.25, 2])
VARIANCE = np.array([0.04, 0.3, 1.2, 2.5])
U = np.array([[1, 1, 1, 1], [1, -1, 1, -1], [1, 1, -1, -1], [1, -1, -1, 1]]) * 0.5

passed = failed = 0


def check(ok, what):
    global passed, failed
    passed, failed = passed + bool(ok), failed + (not ok)
    if not ok:
        print("failed:", what, file=sys.stderr)


class Affine:
    """Data ~ N(MEAN, U diag(VARIANCE) U); the prediction is the noise, linear in x for every sample of a batch."""
    def rotate(self, gain, r):
        u = U.astype(r.dtype)
        c = gain.astype(r.dtype) * (u[:, 0] * r[:, :1] + u[:, 1] * r[:, 1:2] + u[:, 2] * r[:, 2:3] + u[:, 3] * r[:, 3:])
        return u[:, 0] * c[:, :1] + u[:, 1] * c[:, 1:2] + u[:, 2] * c[:, 2:3] + u[:, 3] * c[:, 3:]

    def gain(self, q):
        return q.sigma / (q.alpha * q.alpha * VARIANCE + q.sigma * q.sigma)

    def mean(self, q):
        real = q.x.dtype.type
        q.mean[:] = self.rotate(self.gain(q), q.x - real(q.alpha) * MEAN.astype(real))

    def jvp(self, q):
        for v, product in q.tangents_and_products():
            product[:] = self.rotate(self.gain(q), v)

    def answer(self, q):
        if q.mean is not None:
            self.mean(q)
        self.jvp(q)


def mixture():
    covariances = np.array([np.full((4, 4), rest) for rest in (0.05, 0.02)])
    for covariance, diagonal in zip(covariances, [[0.3, 0.2, 0.1, 0.4], [0.1, 0.4, 0.3, 0.2]]):
        np.fill_diagonal(covariance, diagonal)
    return covsamp.Mixture([2, 1], [[-1, 0, 0.5, 1], [1, 1, 0, -1]], covariances)


def sampler(dtype):
    with covsamp.Schedule.linear(1000, 1e-4, 0.02) as schedule, \
            covsamp.Config(schedule, schedule.spaced(20), batch=3, dim=4, dtype=dtype, covariance="krylov",
                           krylov_steps=2, seed=2024, first_sample=5) as config:
        return covsamp.Sampler(config)


def bits(x):
    return ["%0*x" % (2 * x.itemsize, n) for n in x.ravel().view("u%d" % x.itemsize)]


def cancelled_once_in_a_while(s, model):
    """Runs to the end, cancelled from a callback and from outside on the way: nothing is lost."""
    reports = []

    def progress(q):
        reports.append(q.step)
        return covsamp.CANCELLED if reports.count(3) == 1 and q.step == 3 else covsamp.OK
    for how in ("progress", "cancel"):
        try:
            s.run(model, progress=progress)
            check(False, "%s did not cancel" % how)
        except covsamp.Cancelled:
            check(len(reports) == 4, "cancelled at step 3")
            if how == "progress":
                s.cancel()
    s.run(model, progress=progress)


def one_case(name, model, golden):
    dtype = name[-3:]
    with sampler(dtype) as s:
        for request in s:
            model.answer(request)
        check(bits(s.state) == golden[name], name + " by ask and tell")
        s.restart(2024, 5)
        cancelled_once_in_a_while(s, model)
        check(bits(s.state) == golden[name], name + " by callbacks")


def error():
    try:
        covsamp.Config(krylov_steps=0)
        check(False, "krylov_steps = 0 was taken")
    except covsamp.RangeError as e:
        check(e.status == -2 and "krylov_steps is 0" in str(e), "the sentence: %s" % e)
        print(e)


def layouts(path):
    """Every field of the structs that the module has lies where C has it, and none is missing."""
    in_c = [line.split() for line in open(path)]
    for struct, type_ in covsamp_abi.STRUCTS.items():
        own = {field.rstrip("_"): getattr(type_, field) for field, _ in type_._fields_}
        here = ["size 0 %d" % ctypes.sizeof(type_)] + [".%s %d %d" % (f, own[f].offset, own[f].size) for f in own]
        check(here == [" ".join(line[1:]) for line in in_c if line[0] == struct], "%s is %s" % (struct, here))


def main():
    golden = {line.split()[0]: line.split()[1:] for line in open(sys.argv[1])}
    for option in covsamp.options():
        print("%-18s %s" % (option.name, option.help))
    with mixture() as m:
        for dtype in ("f64", "f32"):
            one_case("affine_" + dtype, Affine(), golden)
            one_case("mixture_" + dtype, m, golden)
    error()
    layouts(sys.argv[2])
    print("%d passed, %d failed" % (passed, failed))
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
