#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""Writes modules that count their calls and raise at one of them, beside those of make_modules.py:
make_raising.py DIR
"""
import os
import sys

from make_modules import ABOUT, CLASSES, SHAPE, random, save

import torch
from torch import nn
import torch.nn.functional as F


class Raising(nn.Module):
    """Raises at call number at[0], by a statement."""

    def __init__(self):
        super().__init__()
        self.stem = nn.Conv2d(SHAPE[0], 8, 3, padding=1)
        self.last = nn.Conv2d(8, SHAPE[0], 3, padding=1)
        self.register_buffer("calls", torch.zeros((), dtype=torch.long))

    def body(self, x, t):
        return self.last(F.silu(self.stem(x) + (t / 100).sin()[:, None, None, None]))

    def forward(self, x, t, at):
        self.calls += 1
        if int(self.calls) == int(at[0]):
            raise ValueError("this module was told to fail")
        return self.body(x, t)


class Narrow(Raising):
    """The same without a branch, so that the module stays one that can be linearised: two elements are
    taken of a tensor of one."""

    def __init__(self):
        super().__init__()
        self.register_buffer("one", torch.ones(1))

    def forward(self, x, t, at):
        self.calls += 1
        return self.body(x, t) * self.one.narrow(0, 0, 1 + int(self.calls == at[0]))[0]


class EveryThird(nn.Module):
    """A classifier that raises at every third call, if it is told to."""

    def __init__(self, raises):
        super().__init__()
        self.stem, self.out = nn.Conv2d(SHAPE[0], 8, 3, padding=1), nn.Linear(8, CLASSES)
        self.register_buffer("calls", torch.zeros((), dtype=torch.long))
        self.raises = raises

    def forward(self, x):
        self.calls += 1
        if self.raises and int(self.calls) % 3 == 0:
            raise ValueError("this module was told to fail")
        return self.out(F.silu(self.stem(x)).mean((2, 3)))


def main(folder):
    os.makedirs(folder, exist_ok=True)
    save(folder, "raising", torch.jit.script(random(Raising(), 8)))
    save(folder, "raising-narrow", torch.jit.script(random(Narrow(), 8)))
    for name, raises in (("every-third", True), ("never", False)):
        about = ABOUT.replace("prediction=noise\n", "")
        save(folder, name, torch.jit.script(random(EveryThird(raises), 9)), about)


if __name__ == "__main__":
    main(sys.argv[1])
