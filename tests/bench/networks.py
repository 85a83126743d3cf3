# SPDX-License-Identifier: BSD-3-Clause
"""The networks of the benchmarks as PyTorch has them: from the file, frozen, and as Python classes
with the file's weights; and the arithmetic of a piece of work."""
import os
import sys

import torch
from torch.utils._python_dispatch import TorchDispatchMode

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "..", "examples", "train"))

import make_unet
import unet


def metadata_of(path):
    extra = {"covsamp.txt": ""}
    torch.jit.load(path, _extra_files=extra)
    text = extra["covsamp.txt"]
    text = text.decode() if isinstance(text, bytes) else text
    return dict(line.split("=", 1) for line in text.splitlines() if "=" in line)


def loaded(path, dtype=torch.float32):
    network = torch.jit.load(path).eval().to(dtype)
    for p in network.parameters():
        p.requires_grad_(False)
    return network


FORMS = [(name, last) for name in ("eager", "frozen") for last in (False, True)]


def form_of(path, name, last, dtype=torch.float32):
    """The same function as Python runs it or frozen; last: weights in channels-last."""
    network = loaded(path, dtype)
    if name == "eager":
        plain = unet.UNet() if "classes" in metadata_of(path) else make_unet.make()
        plain.load_state_dict(network.state_dict())
        network = plain.eval().to(dtype)
        for p in network.parameters():
            p.requires_grad_(False)
    if last:
        network = network.to(memory_format=torch.channels_last)
    return torch.jit.freeze(network) if name == "frozen" else network


class Flops(TorchDispatchMode):
    """Operations of convolutions and matrix products, two for each multiplication."""

    def __init__(self):
        super().__init__()
        self.count = 0

    def __torch_dispatch__(self, function, types, args=(), kwargs=None):
        name = function._schema.name
        if name == "aten::alias" and not isinstance(args[0], torch.Tensor):
            return torch.tensor(args[0])  # forward-mode rules hand on the number of x / 2; Python sees a float
        y = function(*args, **(kwargs or {}))
        if name in ("aten::mm", "aten::bmm"):
            self.count += 2 * args[0].numel() * args[1].shape[-1]
        elif name in ("aten::addmm", "aten::baddbmm"):
            self.count += 2 * args[1].numel() * args[2].shape[-1]
        elif name == "aten::convolution":
            self.count += 2 * y.numel() * args[1][0].numel()
        elif name == "aten::convolution_backward":
            self.count += 2 * args[0].numel() * args[2][0].numel() * sum(args[10][:2])
        return y


def flops_of(work):
    with Flops() as watch:
        work()
    return watch.count
