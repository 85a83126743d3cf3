#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""Writes modules that are given more than x and t, classifiers and decoders, beside those of
make_modules.py, and what PyTorch itself makes of them in double precision:  make_given.py DIR
"""
import os
import sys
import warnings
from typing import Optional

from make_modules import ABOUT, CLASSES, SHAPE, Labelled, module, random, save

import torch
from torch import nn
import torch.nn.functional as F


class Conditioned(Labelled):
    """A label, a small table for every sample, and a picture that may be left out."""

    def __init__(self):
        super().__init__()
        self.table = nn.Linear(12, 16)

    def forward(self, x, t, y, table, picture: Optional[torch.Tensor] = None, gain: float = 0.5):
        e = self.embed(t) + self.label(y) + gain * torch.tanh(self.table(table.flatten(1)))
        if picture is not None:
            x = x * picture[:, None].cos()
        return self.body(x, e)


class HeadInPlace(nn.Module):
    def forward(self, x, t, power: float = 1.5):
        x *= power
        return torch.cat([x.sin(), x.cos()], dim=1)


class Tabled(Conditioned):
    """The same without a label: input 0 is no whole number."""

    def forward(self, x, t, table):
        return self.body(x, self.embed(t) + torch.tanh(self.table(table.flatten(1))))


class Classifier(nn.Module):
    def __init__(self):
        super().__init__()
        self.stem, self.deep = nn.Conv2d(SHAPE[0], 8, 3, padding=1), nn.Conv2d(8, 8, 3, padding=1)
        self.norm, self.time, self.out = nn.GroupNorm(2, 8), nn.Linear(2, 8), nn.Linear(8, CLASSES)

    def body(self, x, e):
        h = F.silu(self.norm(self.stem(x)) + e)
        return self.out(F.silu(self.deep(h)).mean((2, 3)))

    def forward(self, x, t):
        phase = torch.stack([(t / 100).sin(), (t / 100).cos()], dim=1)
        return self.body(x, self.time(phase)[:, :, None, None])


class Untimed(Classifier):
    def forward(self, x):
        return self.body(x, self.time.bias[None, :, None, None])


class Root(Classifier):
    """Its gradient is infinite where a sample's first value is 0."""

    def forward(self, x, t):
        root = x[:, :1, 0, 0].abs().sqrt() * self.out.weight[:, 0]
        return root + self.body(x, torch.zeros_like(x[:, :1, :1, :1]))


class Raising(Classifier):
    def forward(self, x, t):
        if bool(t[0] > 500):
            raise ValueError("this module was told to fail")
        return self.body(x, torch.zeros_like(x[:, :1, :1, :1]))


class Decoder(nn.Module):
    def __init__(self):
        super().__init__()
        self.grow, self.last = nn.ConvTranspose2d(4, 6, 4, stride=4), nn.Conv2d(6, SHAPE[0], 3, padding=1)

    def forward(self, z):
        return torch.tanh(self.last(F.silu(self.grow(z))))


class Encoder(nn.Module):
    def __init__(self):
        super().__init__()
        self.shrink = nn.Conv2d(SHAPE[0], 4, 4, stride=4)

    def forward(self, x):
        return self.shrink(x), x.mean()


class Places(nn.Module):
    def forward(self, z):
        return z.argmax(1)


class Sum(nn.Module):
    def forward(self, z):
        return z.sum()


class Two(nn.Module):
    def forward(self, z):
        return self.features(z)[:, :4]

    @torch.jit.export
    def features(self, z):
        return 3 * z.flatten(1)


class Changing(nn.Module):
    def forward(self, z):
        return z if z.size(0) < 3 else z[:, 1:]


def numbers(folder, name, *tensors):
    """Doubles one behind the other, for the tests to read."""
    with open(os.path.join(folder, name), "wb") as file:
        for tensor in tensors:
            file.write(tensor.detach().double().contiguous().numpy().tobytes())


def save_conditioned(folder):
    """Modules that take more than x and t, and PyTorch's own mean and product of the first."""
    script = torch.jit.script
    described = ABOUT + f"classes={CLASSES}\ninputs=i64,f32:4x3,f64:8x8\n"
    network = random(Conditioned(), 7).eval()
    save(folder, "inputs", script(network), described)
    save(folder, "inputs-plain", script(network))
    save(folder, "inputs-table", script(random(Tabled(), 7)))
    save(folder, "inputs-table-said", script(random(Tabled(), 7)), ABOUT + "inputs=f32:4x3\n")
    heads = Labelled()
    heads.last = nn.Conv2d(8, 2 * SHAPE[0], 3, padding=1)
    save(folder, "heads", script(random(heads, 14)), ABOUT + f"classes={CLASSES}\nheads=ocm\n")
    save(folder, "heads-in-place", script(HeadInPlace()), ABOUT + "heads=ocm\n")
    save(folder, "inputs-bad", script(network), ABOUT + "inputs=i64,f33\n")
    save(folder, "inputs-more", script(network), ABOUT + "inputs=i64,f32:4x3,f32:8x8,f32\n")
    save(folder, "inputs-wrong", script(network), ABOUT + "inputs=i64,f32:4x2\n")
    generator = torch.Generator().manual_seed(8)
    x, v = (torch.randn(3, *SHAPE, generator=generator, dtype=torch.double) for _ in range(2))
    table = torch.randn(3, 4, 3, generator=generator, dtype=torch.double)
    picture = torch.randn(3, 8, 8, generator=generator, dtype=torch.double)
    t, y = torch.full((3,), 37.0, dtype=torch.double), torch.tensor([2, 0, 3])
    mean, product = torch.autograd.functional.jvp(
        lambda z: network.double()(z, t, y, table, picture), x, v)
    numbers(folder, "inputs.numbers", x, v, table, picture, mean, product)


def save_classifiers(folder):
    """Classifiers, and PyTorch's own gradient of the first."""
    script = torch.jit.script
    about = f"shape=2,8,8\nclasses={CLASSES}\n"
    network = random(Classifier(), 9).eval()
    save(folder, "classifier", script(network), about + "branch=training\n")
    save(folder, "classifier-untimed", torch.jit.trace(
        random(Untimed(), 9).eval(), torch.randn(3, *SHAPE), check_trace=False), "shape=2,8,8\n")
    save(folder, "classifier-root", script(random(Root(), 9)), about)
    save(folder, "classifier-raises", script(random(Raising(), 9)), about)
    save(folder, "classifier-other", script(network), "shape=2,8,8\nclasses=4\n")
    save(folder, "classifier-ignores-x", script(module("torch.ones_like(x[:, 0, 0, :3])")), about)
    save(folder, "classifier-flat", script(module("x.flatten(1).sum(1)")), about)
    generator = torch.Generator().manual_seed(10)
    x = torch.randn(4, *SHAPE, generator=generator, dtype=torch.double).requires_grad_(True)
    t = torch.full((4,), 250.0, dtype=torch.double)
    logits = network.double()(x, t)
    chosen = logits.log_softmax(1).gather(1, torch.tensor([[1], [2], [0], [1]])).sum()
    numbers(folder, "classifier.numbers", x, logits, torch.autograd.grad(chosen, x)[0])


def save_decoders(folder):
    script = torch.jit.script
    network = random(Decoder(), 11).eval()
    save(folder, "decoder", script(network), "shape=4,2,2\nscale=0.5\n")
    save(folder, "encoder", script(random(Encoder(), 12)), "shape=2,8,8\n")
    save(folder, "decoder-two", script(Two()), "shape=4,2,2\n")
    save(folder, "decoder-changing", script(Changing()), "shape=4,2,2\n")
    save(folder, "decoder-flat", script(nn.Flatten()), "shape=4,2,2\n")
    save(folder, "decoder-places", script(Places()), "shape=4,2,2\n")
    save(folder, "decoder-sum", script(Sum()), "shape=4,2,2\n")
    generator = torch.Generator().manual_seed(13)
    z = torch.randn(3, 4, 2, 2, generator=generator, dtype=torch.double)
    numbers(folder, "decoder.numbers", z, network.double()(z))


def main(folder):
    warnings.simplefilter("ignore")
    save_conditioned(folder)
    save_classifiers(folder)
    save_decoders(folder)


if __name__ == "__main__":
    main(sys.argv[1])
