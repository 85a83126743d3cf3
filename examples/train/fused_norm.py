# SPDX-License-Identifier: BSD-3-Clause
"""A faster Norm for training on a processor; the exported network never contains it."""
import os

import torch

from unet import Norm


class Fused(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x, shift, weight, bias, groups, eps, act):
        x = x.contiguous(memory_format=torch.channels_last)
        shift = shift.float().contiguous()
        y, mean, rstd = torch.ops.covsamp_train.norm_forward(x, shift, weight, bias, groups, eps, act)
        ctx.save_for_backward(x, shift, weight, bias, mean, rstd)
        ctx.groups, ctx.act = groups, act
        return y

    @staticmethod
    def backward(ctx, gy):
        gy = gy.contiguous(memory_format=torch.channels_last)
        gx, gs, gw, gb = torch.ops.covsamp_train.norm_backward(gy, *ctx.saved_tensors, ctx.groups, ctx.act)
        return gx, gs, gw, gb, None, None, None


class FusedNorm(Norm):
    def forward(self, x, shift=None):
        if shift is None:
            shift = x.new_zeros(x.shape[:2], dtype=torch.float32)
        return Fused.apply(x, shift, self.weight, self.bias, self.num_groups, self.eps, self.act)


class CastNorm(Norm):
    """Norm that follows its input's type, so that training can run in bfloat16."""

    def forward(self, x, shift=None):
        if shift is not None:
            x = x + shift[:, :, None, None]
        w, b = self.weight.to(x.dtype), self.bias.to(x.dtype)
        y = torch.nn.functional.group_norm(x, self.num_groups, w, b, self.eps)
        return torch.nn.functional.silu(y) if self.act else y


def training_norm(folder):
    """FusedNorm, built in `folder`, or the plain one where there is no compiler."""
    from torch.utils import cpp_extension
    source = os.path.join(os.path.dirname(os.path.abspath(__file__)), "fused_norm.cpp")
    folder = os.path.join(os.path.abspath(folder), "fused_norm")
    os.makedirs(folder, exist_ok=True)
    # -fno-math-errno and friends, not -ffast-math: NaN must stay NaN, so that a diverging run shows.
    flags = ["-O3", "-march=native", "-fno-math-errno", "-fno-trapping-math", "-fno-signed-zeros", "-fopenmp"]
    try:
        cpp_extension.load("covsamp_fused_norm", [source], extra_cflags=flags, extra_ldflags=["-fopenmp"],
                           build_directory=folder, is_python_module=False)
        return FusedNorm
    except Exception as why:
        print("plain norm, because the fused one was not built: %s" % str(why).splitlines()[0], flush=True)
        return CastNorm
