#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""The training kernel of examples/train/fused_norm.cpp against the plain operators in double.

Exits 77, which meson counts as skipped, where the kernel cannot be built.
"""
import os
import sys
import tempfile

os.environ.setdefault("OMP_NUM_THREADS", "1")

import torch

ROOT = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..")
sys.path.insert(0, os.path.join(ROOT, "examples", "train"))
import fused_norm  # noqa: E402
from unet import Norm  # noqa: E402

# bf16 keeps 8 bits, so a correctly rounded result is off by 2^-9 at most, 1.7e-3 on average;
# sums over pixels are kept in float and lose nothing.
BOUNDS = {torch.float32: (2e-6, 2e-6), torch.bfloat16: (3e-3, 2e-5)}


def run(norm, x, shift, up):
    x, shift = x.clone().requires_grad_(), shift.clone().requires_grad_()
    y = norm(x, shift)
    y.backward(up)
    return [v.double() for v in (y.detach(), x.grad, shift.grad, norm.weight.grad, norm.bias.grad)]


def worst(kind, dtype, shape, act):
    """Largest relative error of (y, gradients of x and shift) and of (weight, bias)."""
    x = (2 * torch.randn(shape) + 1).to(dtype).contiguous(memory_format=torch.channels_last)
    shift, up = torch.randn(shape[:2]).to(dtype), torch.randn(shape).to(dtype)
    exact = Norm(shape[1], act).double()
    torch.nn.init.normal_(exact.weight)
    torch.nn.init.normal_(exact.bias)
    norm = kind(shape[1], act)
    norm.load_state_dict(exact.state_dict())
    want = run(exact, x.double(), shift.double(), up.double())
    # two channels a group at least: one alone is invariant to its shift, whose gradient is then 0
    off = [float((a - b).norm() / b.norm().clamp_min(1e-3)) for a, b in zip(run(norm, x, shift, up), want)]
    return max(off[:3]), max(off[3:])


def main():
    torch.manual_seed(1)
    with tempfile.TemporaryDirectory() as folder:
        kind = fused_norm.training_norm(folder)
        if kind is not fused_norm.FusedNorm:
            return 77
        bad = 0
        for dtype, bounds in BOUNDS.items():
            for shape in ((3, 32, 28, 28), (5, 96, 7, 7), (2, 192, 7, 7), (1, 16, 5, 3)):
                for act in (True, False):
                    off = worst(kind, dtype, shape, act)
                    fine = off[0] <= bounds[0] and off[1] <= bounds[1]
                    bad += not fine
                    print("%s %s %s act=%d  %.1e %.1e" % ("ok  " if fine else "FAIL", dtype, shape, act, *off))
    return bad > 0


if __name__ == "__main__":
    sys.exit(main())
