# SPDX-License-Identifier: BSD-3-Clause
"""Images [N,1,28,28] to latents [N,4,7,7] and back.

Latents of the training images have mean 0 and variance 1 in each channel, as the levels of a
diffusion in them suppose: the encoder ends with a normalisation.
"""
import torch
from torch import nn
import torch.nn.functional as F

from unet import Norm

LATENT = (4, 7, 7)


class Block(nn.Module):
    """x + two convolutions of it."""

    def __init__(self, channels, norm):
        super().__init__()
        self.norm1, self.conv1 = norm(channels), nn.Conv2d(channels, channels, 3, padding=1)
        self.norm2, self.conv2 = norm(channels), nn.Conv2d(channels, channels, 3, padding=1)
        nn.init.zeros_(self.conv2.weight)
        nn.init.zeros_(self.conv2.bias)

    def forward(self, x):
        return x + self.conv2(self.norm2(self.conv1(self.norm1(x))))


class Encoder(nn.Module):
    """forward(x) -> z.  While training, the batch's own mean and variance normalise."""

    def __init__(self, widths=(24, 48, 80), norm=Norm):
        super().__init__()
        a, b, c = widths
        self.stem = nn.Conv2d(1, a, 3, padding=1)
        self.shrink1, self.block1 = nn.Conv2d(a, b, 3, stride=2, padding=1), Block(b, norm)
        self.shrink2, self.block2 = nn.Conv2d(b, c, 3, stride=2, padding=1), Block(c, norm)
        self.last_norm, self.last = norm(c), nn.Conv2d(c, LATENT[0], 1)
        self.normal = nn.BatchNorm2d(LATENT[0], affine=False, eps=1e-8, momentum=None)

    def raw(self, x):
        h = self.block1(self.shrink1(F.silu(self.stem(x))))
        h = self.block2(self.shrink2(h))
        return self.last(self.last_norm(h))

    def forward(self, x):
        return self.normal(self.raw(x).float())


class Decoder(nn.Module):
    """forward(z) -> x, not clipped."""

    def __init__(self, widths=(24, 48, 80), norm=Norm):
        super().__init__()
        a, b, c = widths
        self.stem = nn.Conv2d(LATENT[0], c, 3, padding=1)
        self.block3, self.grow2 = Block(c, norm), nn.Conv2d(c, b, 3, padding=1)
        self.block2, self.grow1 = Block(b, norm), nn.Conv2d(b, a, 3, padding=1)
        self.block1 = Block(a, norm)
        self.last_norm, self.last = norm(a), nn.Conv2d(a, 1, 3, padding=1)

    def forward(self, z):
        h = self.block3(self.stem(z))
        h = self.block2(self.grow2(F.interpolate(h, scale_factor=2.0, mode="nearest")))
        h = self.block1(self.grow1(F.interpolate(h, scale_factor=2.0, mode="nearest")))
        return self.last(self.last_norm(h))
