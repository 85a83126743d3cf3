# SPDX-License-Identifier: BSD-3-Clause
"""DDPM++ and NCSN++: resampling by a binomial filter, skips scaled by 1 / sqrt 2, the input brought
in again at every resolution (Song et al. 2021, from the paper's description)."""
import math

import torch
from torch import nn
import torch.nn.functional as F

SHAPE = (2, 12, 12)
EMB = 96


def binomial():
    row = torch.tensor([1.0, 3.0, 3.0, 1.0])
    kernel = row[:, None] * row[None]
    return kernel / kernel.sum()


class UpFir(nn.Module):
    """Zeros between the pixels, then the filter, a convolution of every channel for itself."""

    def __init__(self):
        super().__init__()
        self.register_buffer("kernel", 4 * binomial())

    def forward(self, x):
        n, c, h, w = x.shape
        x = F.pad(x.reshape(-1, h, 1, w, 1), [0, 1, 0, 0, 0, 1])
        x = F.pad(x.reshape(-1, 1, 2 * h, 2 * w), [2, 1, 2, 1])
        x = F.conv2d(x, torch.flip(self.kernel, [0, 1])[None, None])
        return x.reshape(n, c, x.shape[2], x.shape[3])


class UpTransposed(nn.Module):
    """The same as a grouped transposed convolution."""

    def __init__(self, channels):
        super().__init__()
        self.channels = channels
        self.register_buffer("kernel", 4 * binomial()[None, None])

    def forward(self, x):
        kernel = self.kernel.tile([self.channels, 1, 1, 1])
        return F.conv_transpose2d(x, kernel, stride=2, padding=1, groups=self.channels)


class DownFir(nn.Module):
    """The filter as a grouped convolution, or by a slice of every second pixel."""

    def __init__(self, channels, strided):
        super().__init__()
        self.channels, self.strided = channels, strided
        self.register_buffer("kernel", binomial()[None, None])

    def forward(self, x):
        kernel = self.kernel.tile([self.channels, 1, 1, 1])
        if self.strided:
            return F.conv2d(x, kernel, stride=2, padding=1, groups=self.channels)
        y = F.conv2d(F.pad(x, [1, 1, 1, 1]), kernel, groups=self.channels)
        return y[:, :, ::2, ::2]


class ResBlock(nn.Module):
    tail = "conv2"

    def __init__(self, c_in, c_out, way="", variant=False):
        super().__init__()
        self.norm1, self.conv1 = nn.GroupNorm(c_in // 4, c_in, eps=1e-6), nn.Conv2d(c_in, c_out, 3, padding=1)
        self.embed = nn.Linear(EMB, c_out)
        self.norm2, self.conv2 = nn.GroupNorm(c_out // 4, c_out, eps=1e-6), nn.Conv2d(c_out, c_out, 3, padding=1)
        self.skip = nn.Conv2d(c_in, c_out, 1) if c_in != c_out or way else nn.Identity()
        self.resample = nn.Identity()
        if way == "up":
            self.resample = UpTransposed(c_in) if variant else UpFir()
        if way == "down":
            self.resample = DownFir(c_in, variant)

    def forward(self, x, e):
        h = self.norm1(x)
        h = self.resample(h * torch.sigmoid(h))
        h = self.conv1(h)
        h = h + self.embed(F.silu(e))[:, :, None, None]
        h = self.conv2(F.silu(self.norm2(h)))
        return (self.skip(self.resample(x)) + h) * math.sqrt(0.5)


class Nin(nn.Module):
    """A matrix on the channels, which are moved to the end for it and back."""

    def __init__(self, channels):
        super().__init__()
        self.weight, self.bias = nn.Parameter(torch.zeros(channels, channels)), nn.Parameter(torch.zeros(channels))

    def forward(self, x):
        y = torch.tensordot(x.permute(0, 2, 3, 1), self.weight, dims=([3], [0])) + self.bias
        return y.permute(0, 3, 1, 2)


class Attention(nn.Module):
    tail = "out"

    def __init__(self, channels):
        super().__init__()
        self.norm = nn.GroupNorm(channels // 4, channels, eps=1e-6)
        self.q, self.k, self.v, self.out = Nin(channels), Nin(channels), Nin(channels), Nin(channels)

    def forward(self, x):
        n, c, h, w = x.shape
        z = self.norm(x)
        weight = torch.einsum("bchw,bcij->bhwij", self.q(z), self.k(z)) * (int(c)**(-0.5))
        weight = F.softmax(weight.reshape(n, h, w, h * w), dim=-1).reshape(n, h, w, h, w)
        a = torch.einsum("bhwij,bcij->bchw", weight, self.v(z))
        return (x + self.out(a)) * math.sqrt(0.5)


class Bring(nn.Module):
    """The filtered input, added to what the level has."""

    def __init__(self, channels, width):
        super().__init__()
        self.conv = nn.Conv2d(channels, width, 1)

    def forward(self, h, small):
        return h + self.conv(small)


class NCSNpp(nn.Module):
    ends = ("stem", "last")

    def __init__(self, widths=(40, 56, 64)):
        super().__init__()
        a, b, c = widths
        self.stem = nn.Conv2d(SHAPE[0], a, 3, padding=1)
        self.down1, self.shrink1 = ResBlock(a, a), ResBlock(a, a, "down", True)
        self.down2, self.shrink2 = ResBlock(a, b), ResBlock(b, b, "down", False)
        self.shrink_x1, self.shrink_x2 = DownFir(SHAPE[0], True), DownFir(SHAPE[0], False)
        self.bring1, self.bring2 = Bring(SHAPE[0], a), Bring(SHAPE[0], b)
        self.down3, self.attend, self.middle = ResBlock(b, c), Attention(c), ResBlock(c, c)
        self.up3, self.grow3 = ResBlock(c + b, c), ResBlock(c, c, "up", True)
        self.up2, self.grow2 = ResBlock(c + a, b), ResBlock(b, b, "up", False)
        self.up1 = ResBlock(b + a, a)
        self.norm, self.last = nn.GroupNorm(a // 4, a, eps=1e-6), nn.Conv2d(a, SHAPE[0], 3, padding=1)

    def forward(self, x, t, e):
        x1 = self.shrink_x1(x)
        x2 = self.shrink_x2(x1)
        h1 = self.down1(self.stem(x), e)
        h1s = self.bring1(self.shrink1(h1, e), x1)
        h2 = self.down2(h1s, e)
        h2s = self.bring2(self.shrink2(h2, e), x2)
        h = self.middle(self.attend(self.down3(h2s, e)), e)
        h = self.grow3(self.up3(torch.cat([h, h2s], dim=1), e), e)
        h = self.grow2(self.up2(torch.cat([h, h1s], dim=1), e), e)
        h = self.up1(torch.cat([h, h1], dim=1), e)
        return self.last(F.silu(self.norm(h)))


def make():
    return NCSNpp()
