# SPDX-License-Identifier: BSD-3-Clause
"""Writes a network of a few weights as TorchScript: tiny_model.py FILE [wrong|nan|heads|short|open|...]

forward(x[n, 1, 8, 8], t[n], y[n]); smooth, so that its Jacobian exists everywhere.
wrong: one path carries no derivative; nan: the output is not a number at early times;
heads: with the heads that its file names; short: without the last two of them;
open: its file says nothing of a window; plain: nor of classes, and forward takes none.
Beside the network: classifier, of three classes by brightness and slope; spoilt, the same with gradients that are no
numbers; judge, of clean images, with a method features; decoder to [1, 16, 16] and encoder back; other, a decoder of two channels.
"""
import sys

import torch
from torch import nn


class Tiny(nn.Module):
    def __init__(self):
        super().__init__()
        torch.manual_seed(0)
        self.first = nn.Conv2d(1, 6, 3, padding=1)
        self.last = nn.Conv2d(6, 1, 3, padding=1)
        self.embed = nn.Embedding(4, 6)

    def forward(self, x, t, y):
        h = self.first(x) + self.embed(y)[:, :, None, None] + t[:, None, None, None] / 1000
        return 0.5 * x + 0.3 * self.last(torch.tanh(h))


class Wrong(Tiny):
    def forward(self, x, t, y):
        h = self.first(x.data) + self.embed(y)[:, :, None, None]
        return 0.5 * x + self.last(torch.tanh(h))


class Heads(Tiny):
    def forward(self, x, t, y):
        h = self.first(x) + self.embed(y)[:, :, None, None] + t[:, None, None, None] / 1000
        mean = 0.5 * x + 0.3 * self.last(torch.tanh(h))
        ocm = -torch.sigmoid(mean)
        return torch.cat([mean, ocm, mean * mean + 0.1, 0.3 + 0 * mean, torch.tanh(mean)], 1)


class Short(Heads):
    def forward(self, x, t, y):
        h = self.first(x) + self.embed(y)[:, :, None, None] + t[:, None, None, None] / 1000
        mean = 0.5 * x + 0.3 * self.last(torch.tanh(h))
        return torch.cat([mean, -torch.sigmoid(mean), mean * mean + 0.1], 1)


class NotANumber(Tiny):
    def forward(self, x, t, y):
        return x / (t[:, None, None, None] > 300).to(x.dtype) * 0


class Plain(Tiny):
    def forward(self, x, t):
        return 0.5 * x + 0.3 * self.last(torch.tanh(self.first(x) + t[:, None, None, None] / 1000))


class Classifier(nn.Module):
    def forward(self, x, t):
        down = torch.linspace(-1, 1, 8, dtype=x.dtype)[:, None]
        logits = torch.stack([x.mean((1, 2, 3)), -x.mean((1, 2, 3)), (x * down).mean((1, 2, 3))], 1)
        return 4 * logits / (1 + t[:, None] / 500)


class Judge(nn.Module):
    def forward(self, x):
        return self.features(x)[:, :3]

    @torch.jit.export
    def features(self, x):
        h = nn.functional.avg_pool2d(x, 4).flatten(1)
        return torch.cat([h, nn.functional.relu(x[:, 0, 3, ::2]), x.abs().mean((1, 2, 3))[:, None]], 1)


class Spoilt(Classifier):
    def forward(self, x, t):
        mean = x.mean((1, 2, 3))
        return torch.stack([(mean - mean).sqrt(), mean, mean], 1)


class Decoder(nn.Module):
    def forward(self, z):
        return 0.5 * nn.functional.interpolate(z, scale_factor=2.0)


class Encoder(nn.Module):
    def forward(self, x):
        return 2 * nn.functional.avg_pool2d(x, 2)


BESIDE = {"classifier": (Classifier, "shape=1,8,8\nclasses=3\nschedule=linear\n"),
          "judge": (Judge, "shape=1,8,8\nclasses=3\n"), "spoilt": (Spoilt, "shape=1,8,8\nclasses=3\nschedule=linear\n"), "decoder": (Decoder, "shape=1,8,8\n"),
          "encoder": (Encoder, "shape=1,16,16\n"), "other": (Decoder, "shape=2,8,8\n")}


def main():
    kind = "".join(sys.argv[2:])
    if kind in BESIDE:
        module, text = BESIDE[kind]
        torch.jit.script(module().eval()).save(sys.argv[1], _extra_files={"covsamp.txt": text})
        return
    kinds = {"plain": Plain, "wrong": Wrong, "nan": NotANumber, "heads": Heads, "short": Short}
    kind = kinds.get("".join(sys.argv[2:]), Tiny)
    text = "prediction=v\nschedule=linear\nlevels=1000\nshape=1,8,8\n"
    if kind != Plain:
        text += "classes=3\n"
    if sys.argv[2:] != ["open"]:
        text += "window_high=800\n"
    if issubclass(kind, Heads):
        text += "heads=ocm, sn,npr,iddpm\n"
    torch.jit.script(kind().eval()).save(sys.argv[1], _extra_files={"covsamp.txt": text})


if __name__ == "__main__":
    main()
