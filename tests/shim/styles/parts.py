# SPDX-License-Identifier: BSD-3-Clause
"""What the styles of the zoo share: embeddings of time and label, weights, and their scale.

A style is a module forward(x, t, e), e the embedding.  A block is a module that names its last
layer in `tail`, or whose name is in the style's `ends`.
"""
import math

import torch
from torch import nn
import torch.autograd.forward_ad as fwAD
import torch.nn.functional as F

CLASSES = 4
LOW, HIGH = 0.3, 3.0  # where the norm of every block's Jacobian must lie


class Time(nn.Module):
    """Sinusoids of the training step (Ho et al. 2020), then a perceptron."""

    def __init__(self, width, out):
        super().__init__()
        half = width // 2
        self.register_buffer("rates", torch.exp(-math.log(10000.0) * torch.arange(half) / half))
        self.first, self.second = nn.Linear(2 * half, out), nn.Linear(out, out)

    def forward(self, t):
        phase = t[:, None] * self.rates[None]
        wave = torch.cat([torch.cos(phase), torch.sin(phase)], dim=-1)
        return self.second(F.silu(self.first(wave)))


class Plain(nn.Module):
    """forward(x, t)"""

    def __init__(self, net, emb):
        super().__init__()
        self.time, self.net = Time(64, emb), net

    def forward(self, x, t):
        return self.net(x, t, self.time(t))


class Labelled(nn.Module):
    """forward(x, t, y); the last label means "no class"."""

    def __init__(self, net, emb):
        super().__init__()
        self.time, self.net = Time(64, emb), net
        self.label = nn.Embedding(CLASSES + 1, emb)

    def forward(self, x, t, y):
        return self.net(x, t, self.time(t) + self.label(y))


def initialise(network, seed):
    """Random weights, none of them zero: a layer that starts at zero would hide what is behind it."""
    generator = torch.Generator().manual_seed(seed)

    def draw(p, scale, middle=0.0):
        p.data.copy_(middle + scale * torch.randn(p.shape, generator=generator))

    for module in network.modules():
        for name, p in module.named_parameters(recurse=False):
            if isinstance(module, nn.Embedding) or name in ("position", "token", "table"):
                draw(p, 0.5)
            elif p.dim() > 1:
                draw(p, 1 / math.sqrt(p[0].numel()))
            else:
                draw(p, 0.1, 1.0 if name in ("weight", "alpha") else 0.0)
        if isinstance(module, nn.modules.batchnorm._BatchNorm):
            draw(module.running_mean, 0.2)
            module.running_var.copy_(0.5 + torch.rand(module.num_features, generator=generator))
    return network.eval()


def tangent(block, arguments, v):
    """J v of a block with respect to its first argument."""
    with torch.no_grad(), fwAD.dual_level():
        y = block(fwAD.make_dual(arguments[0].clone(), v.clone()), *arguments[1:])
        return fwAD.unpack_dual(y).tangent.clone()


def blocks_of(network):
    """[name, block, its last layer]"""
    found = []
    for name, module in network.named_modules():
        for end in getattr(module, "ends", ()):
            found.append((f"{name}.{end}", getattr(module, end), getattr(module, end)))
        if hasattr(module, "tail"):
            found.append((name, module, module.get_submodule(module.tail)))
    return found


def calls_of(network, blocks, inputs):
    """The arguments that every block is called with, blocks in the order of the calls."""
    calls = {}

    def keep(module, arguments):
        calls[module] = tuple(a.clone() for a in arguments)

    hooks = [block.register_forward_pre_hook(keep) for _, block, _ in blocks]
    with torch.no_grad():
        network(*(i.clone() for i in inputs))
    for hook in hooks:
        hook.remove()
    return calls


def share(block, tail, arguments, v):
    """|J v| / |v| of what does not go through the last layer, and of what does."""
    whole, kept = tangent(block, arguments, v), tail.weight.detach().clone()
    tail.weight.data.zero_()
    try:
        around = tangent(block, arguments, v)
    except (RuntimeError, AttributeError):
        around = torch.zeros_like(whole)
    if around is None:
        around = torch.zeros_like(whole)
    tail.weight.data.copy_(kept)
    size = v.norm()
    return float(around.norm() / size), float((whole - around).norm() / size)


def scale_blocks(network, inputs, seed):
    """Rescales the last layer of every block, first block first, so that neither the branch nor
    the way around it vanishes.  Returns {name: norm ratio of the block's Jacobian}."""
    torch.manual_seed(seed)
    blocks = blocks_of(network)
    order = list(calls_of(network, blocks, inputs))
    blocks.sort(key=lambda entry: order.index(entry[1]))
    ratios = {}
    for name, block, tail in blocks:
        arguments = calls_of(network, [(name, block, tail)], inputs)[block]
        v = torch.randn_like(arguments[0])
        around, through = share(block, tail, arguments, v)
        aim = 1.0 if around < 1e-3 else 0.3 * max(around, 0.6 if around > 0.4 else 1.1)
        tail.weight.data.mul_(aim / through)
        ratios[name] = float(tangent(block, arguments, v).norm() / v.norm())
        if not LOW <= ratios[name] <= HIGH:
            raise SystemExit(f"{name}: |J v| / |v| is {ratios[name]:.3g}, not in [{LOW}, {HIGH}]")
    return ratios
