# SPDX-License-Identifier: BSD-3-Clause
"""Modules that are wrong, or hard on whoever differentiates them; some are merely awkward, and their
products must be right."""
import linecache
from typing import Dict, List

import torch
from torch import nn
import torch.nn.functional as F

SHAPE = (2, 8, 8)
ABOUT = "prediction=noise\nshape=2,8,8\n"


def line(text):
    """A module forward(x, t) that ends with `return text`, which statements may precede."""
    *before, last = [part.strip() for part in text.split(";")]
    body = before + [f"return {last}"]
    source = "def forward(self, x, t):\n" + "".join(f"    {part}\n" for part in body)
    path = f"<{text}>"
    linecache.cache[path] = (len(source), None, source.splitlines(True), path)  # where TorchScript reads it
    scope = {"torch": torch, "F": F}
    exec(compile(source, path, "exec"), scope)
    return type("Line", (nn.Module,), {"forward": scope["forward"]})()


class ReturnsList(nn.Module):
    def forward(self, x, t) -> List[torch.Tensor]:
        return [x.sin(), x.cos()]


class ReturnsDict(nn.Module):
    def forward(self, x, t) -> Dict[str, torch.Tensor]:
        return {"sample": x.sin()}


class ShapeByTime(nn.Module):
    def forward(self, x, t):
        y = x.sin()
        if bool(t[0] > 500):
            return y[:, :, :4]
        return y


class BranchOnX(nn.Module):
    def forward(self, x, t):
        if bool(x.sum() > 0):
            return x.sin()
        return x.cos() * x


class BranchOnTime(nn.Module):
    def forward(self, x, t):
        y = x.sin()
        for _ in range(int(t[0]) % 3 + 1):
            y = y * 1.5 + (y * y).tanh()
        return y


class BranchOnFlag(nn.Module):
    """Control flow, but none that x has a say in."""

    def __init__(self):
        super().__init__()
        self.flag, self.depth = True, 3
        self.layers = nn.ModuleList([nn.Conv2d(SHAPE[0], SHAPE[0], 3, padding=1) for _ in range(3)])

    def forward(self, x, t):
        y = x
        for layer in self.layers:
            y = torch.tanh(layer(y))
        i = 0
        while i < self.depth:
            y = y + 0.3 * y.sin()
            i += 1
        if self.flag:
            y = y * 2.0
        else:
            y = y.cos()
        if y.size(0) > 1:
            y = y * 0.5
        return y


class PartlyData(nn.Module):
    def forward(self, x, t):
        return x.sin() + (0.5 * x * x).data


class NoGradInside(nn.Module):
    def forward(self, x, t):
        with torch.no_grad():
            y = (0.5 * x * x).tanh()
        return x.sin() + y


class TrainingNorm(nn.Module):
    """Batch norm that stays in training whatever eval() says, and counts."""

    def __init__(self):
        super().__init__()
        self.register_buffer("mean", torch.zeros(SHAPE[0]))
        self.register_buffer("var", torch.ones(SHAPE[0]))

    def forward(self, x, t):
        return F.batch_norm(x, self.mean, self.var, None, None, True, 0.1, 1e-5) + x


class Counts(nn.Module):
    """Writes to its own attributes."""

    def __init__(self):
        super().__init__()
        self.calls = 0
        self.register_buffer("seen", torch.zeros(()))

    def forward(self, x, t):
        self.calls += 1
        self.seen.add_(1.0)
        return x.sin() * x


class Assigns(nn.Module):
    """Writes into slices and views of what it has computed."""

    def forward(self, x, t):
        y = x.clone()
        y[:, 0] = y[:, 1] * y[:, 0]
        y[:, :, ::2] *= 3.0
        flat = y.view(y.size(0), -1)
        flat.mul_(flat.sigmoid())
        rows = y.transpose(2, 3)
        rows[:, :, 1].add_(rows[:, :, 2].sin())
        return y


class Buffer(nn.Module):
    """Fills a plain tensor piece by piece."""

    def forward(self, x, t):
        y = torch.zeros_like(x)
        y[:, :1] = x[:, 1:].sin()
        y[:, 1:].copy_(x[:, :1] * x[:, 1:])
        return y


class Accumulates(nn.Module):
    """In place on an alias that is read again afterwards."""

    def forward(self, x, t):
        y = x * 1.0
        z = y
        z += y * y
        total = y.sin()
        y.relu_()
        return total + y + z


def modules():
    return {
        "ignores-x": line("torch.ones_like(x) * t[:, None, None, None]"),
        "list": ReturnsList(),
        "dict": ReturnsDict(),
        "shape-by-time": ShapeByTime(),
        "detach": line("x.sin().detach()"),
        "detach-branch": line("x.sin() + (0.5 * x * x).detach()"),
        "data": line("x.sin().data"),
        "data-branch": PartlyData(),
        "item-branch": line("x.sin() * float(x.square().mean())"),
        "no-grad-branch": NoGradInside(),
        "training-norm": TrainingNorm(),
        "training-dropout": line("F.dropout(x.sin(), 0.5, True)"),
        "random": line("x.sin() * torch.rand_like(x)"),
        "counts": Counts(),
        "nan-root": line("F.relu(x).sqrt() + x"),
        "nan-abs-root": line("(x - x[:, :, :1, :1]).abs().sqrt()"),
        "nan-norm": line("x * (x - x).norm(2.0, [1], True) + x.sin()"),
        "nan-where": line("torch.where(x > 0, x.sqrt(), x)"),
        "branch-on-x": BranchOnX(),
        "branch-on-time": BranchOnTime(),
        "branch-on-flag": BranchOnFlag(),
        "assigns": Assigns(),
        "buffer": Buffer(),
        "accumulates": Accumulates(),
        "renorm": line("torch.renorm(x, 2.0, 0, 4.0).sin() + 0.5 * x"),
        "logcumsumexp": line("torch.logcumsumexp(x, 1) * x"),
        "grid-sample": line("x + F.grid_sample(x, x.permute(0, 2, 3, 1), mode='bilinear', "
                            "padding_mode='zeros', align_corners=False)"),
        "cumsum": line("torch.cumsum(x.sin(), 2) * x"),
        "fft": line("torch.fft.irfft2(torch.fft.rfft2(x.sin()) * 0.7, s=(8, 8)) * x"),
        "im2col": line("y = F.unfold(x.sin(), 3, padding=1).view(x.size(0), 2, 9, 8, 8); "
                       "(y * y).mean(2)"),
        "reflect": line("F.avg_pool2d(F.pad(x.sin(), [1, 1, 1, 1], mode='reflect'), 3, 1) * x"),
        "max-pool": line("F.interpolate(F.max_pool2d(x, 2), scale_factor=2.0) * x"),
        "gather": line("x.sort(dim=2)[0] * x + x.gather(1, x.argmax(1, keepdim=True))"),
        "clamp": line("x.clamp(-0.5, 0.5) * x + torch.minimum(x, x.flip(3)).cos() + x.floor()"),
        "complex": line("torch.view_as_real(torch.view_as_complex(x.reshape(x.size(0), 2, 8, 4, 2)) ** 2)"
                        ".reshape(x.size(0), 2, 8, 8)"),
        "bicubic": line("F.avg_pool2d(F.interpolate(x, scale_factor=2.0, mode='bicubic'), 2).tanh()"),
    }
