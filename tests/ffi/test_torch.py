# SPDX-License-Identifier: BSD-3-Clause
"""python_torch.py against the shim: the same network, the same noise, the same samples within 1e-4.

test_torch.py NETWORK.pt: the plain module with the weights of the TorchScript file that the shim loads.
"""
import ctypes
import os
import sys

os.environ.setdefault("OMP_WAIT_POLICY", "passive")

import numpy as np
import torch

import covsamp
import python_torch
from covsamp_abi import C

SHAPE, LABEL, BATCH = (1, 28, 28), 3, 2
passed = failed = 0


def check(ok, what):
    global passed, failed
    passed, failed = passed + bool(ok), failed + (not ok)
    if not ok:
        print("failed:", what, file=sys.stderr)


class Shim:
    """A network in libcovsamp-torch, as a model for Sampler.run()."""
    def __init__(self, path):
        self.library, self.pointer = ctypes.CDLL("libcovsamp-torch.so.0"), ctypes.c_void_p()
        message, labels = ctypes.create_string_buffer(covsamp.MESSAGE_BYTES), (ctypes.c_int64 * 1)(LABEL)
        status = self.library.covsamp_torch_load(ctypes.byref(self.pointer), path.encode(), None, message)
        assert status == 0, message.value
        assert self.library.covsamp_torch_set_labels(self.pointer, 0, labels, ctypes.c_int64(1)) == 0

    def _fill(self, struct):
        assert self.library.covsamp_torch_model(self.pointer, ctypes.byref(struct)) == 0

    def close(self):
        self.library.covsamp_torch_free(self.pointer)


def compare(shim, net, name, **options):
    linear = covsamp.Schedule.linear(1000, 1e-4, 0.02)
    levels = linear.spaced(6)
    settings = dict(prediction="v", seed=11, **options)
    plain = python_torch.sample(net, SHAPE, linear, levels, BATCH, **settings)
    config = covsamp.Config(linear, levels, batch=BATCH, dim=784, **{"covariance": "krylov", **settings})
    with covsamp.Sampler(config) as sampler:
        sampler.run(shim)
        other = sampler.state.reshape(plain.shape)
        error = np.abs(plain - other).max()
        print("%-36s largest difference %.2e, values up to %.1f" % (name, error, np.abs(other).max()))
        check(error <= 1e-4 and np.abs(other).max() > 0.5, name)


def lost_tangent():
    """A module that loses the tangent is an error, not a wrong sample."""
    class Lost(torch.nn.Module):
        def forward(self, x, t):
            return x.detach()
    schedule = covsamp.Schedule.linear(10, 1e-2, 0.3)
    try:
        python_torch.sample(Lost(), (2,), schedule, schedule.spaced(4), 3)
        check(False, "a lost tangent was taken")
    except RuntimeError as e:
        check("lost its tangent" in str(e) or "independent of" in str(e), "a lost tangent says so: %s" % e)


def all_ways(shim, net):
    compare(shim, net, "krylov, 3 products, window", krylov_steps=3, window_high=701)
    compare(shim, net, "krylov, clipped, mean apart", krylov_steps=2, window_high=701, clip_x0=1, mean_jvp=0)
    compare(shim, net, "diag_probe, 2 tangents a request", covariance="diag_probe", probes=2, tangents=2)
    lost_tangent()


class Counted:
    """torch.func as PyTorch 2 has it: functorch's, which is what it was called until then."""
    calls = 0

    def jvp(self, *arguments, **named):
        import functorch
        self.calls += 1
        return functorch.jvp(*arguments, **named)


def by_torch_func(shim, net):
    """The other branch of python_torch.py, whatever PyTorch is here.  Returns 1 where neither name exists: a skip."""
    if hasattr(torch, "func"):
        func = torch.func
        del torch.func  # what remains is forward_ad
        all_ways(shim, net)
        torch.func = func
        return 0
    try:
        import functorch
    except ImportError:
        return 1
    torch.func = counted = Counted()
    all_ways(shim, net)
    del torch.func
    check(counted.calls > 10, "products by functorch %s" % functorch.__version__)
    return 0


def main():
    torch.manual_seed(0)
    shim, net = Shim(sys.argv[1]), python_torch.Labelled(sys.argv[1], LABEL)
    all_ways(shim, net)
    skipped = by_torch_func(shim, net)
    shim.close()
    print("torch %s: products by %s first" % (torch.__version__, "torch.func" if hasattr(torch, "func") else "forward_ad"))
    print("%d passed, %d failed" % (passed, failed) + (", 1 skipped: torch.func (no such, nor functorch)" if skipped else ""))
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
