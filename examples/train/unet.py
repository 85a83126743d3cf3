# SPDX-License-Identifier: BSD-3-Clause
"""The class-conditional UNet that the examples sample from, and how it is stored.

forward(x[N,C,H,W], t[N], y[N]) -> [N,C,H,W]; t is the 0-based training step as a float,
y the class label, whose last value means "no class".  Nothing depends on the data except
through differentiable operators, so that exact Jacobian-vector products exist everywhere.
"""
import math
from typing import Optional

import torch
from torch import nn
import torch.nn.functional as F


GROUPS = 8


class TimeEmbedding(nn.Module):
    """Sinusoids of the training step (Ho et al. 2020), then a two-layer perceptron."""

    def __init__(self, width, out):
        super().__init__()
        half = width // 2
        self.register_buffer("rates", torch.exp(-math.log(10000.0) * torch.arange(half) / half))
        self.first = nn.Linear(width, out)
        self.second = nn.Linear(out, out)

    def forward(self, t):
        phase = t[:, None] * self.rates[None, :]
        wave = torch.cat([torch.cos(phase), torch.sin(phase)], dim=1)
        return self.second(F.silu(self.first(wave)))


class Norm(nn.GroupNorm):
    """act(GroupNorm(x + shift)) in one module, act being SiLU or nothing, so that training can
    put one kernel in place of the three operations.  shift: one value a sample and channel."""

    def __init__(self, channels, act=True):
        super().__init__(GROUPS, channels)
        self.act = act

    def forward(self, x, shift: Optional[torch.Tensor] = None):
        if shift is not None:
            x = x + shift[:, :, None, None]
        y = F.group_norm(x, self.num_groups, self.weight, self.bias, self.eps)
        return F.silu(y) if self.act else y


class ResBlock(nn.Module):
    def __init__(self, c_in, c_out, emb, norm):
        super().__init__()
        self.norm1, self.conv1 = norm(c_in), nn.Conv2d(c_in, c_out, 3, padding=1)
        self.embed = nn.Linear(emb, c_out)
        self.norm2, self.conv2 = norm(c_out), nn.Conv2d(c_out, c_out, 3, padding=1)
        self.skip = nn.Conv2d(c_in, c_out, 1) if c_in != c_out else nn.Identity()
        nn.init.zeros_(self.conv2.weight)
        nn.init.zeros_(self.conv2.bias)

    def forward(self, x, e):
        h = self.conv1(self.norm1(x))
        return self.skip(x) + self.conv2(self.norm2(h, self.embed(e)))


class Attention(nn.Module):
    def __init__(self, channels, heads, norm):
        super().__init__()
        self.heads = heads
        self.norm = norm(channels, act=False)
        self.qkv = nn.Conv2d(channels, 3 * channels, 1)
        self.out = nn.Conv2d(channels, channels, 1)
        nn.init.zeros_(self.out.weight)
        nn.init.zeros_(self.out.bias)

    def forward(self, x):
        n, c, h, w = x.shape
        width = c // self.heads
        q, k, v = self.qkv(self.norm(x)).reshape(n * self.heads, 3 * width, h * w).split(width, dim=1)
        weight = torch.softmax(torch.bmm(q.transpose(1, 2), k) / math.sqrt(width), dim=2)
        a = torch.bmm(v, weight.transpose(1, 2)).reshape(n, c, h, w)
        return x + self.out(a)


class UNet(nn.Module):
    """Three resolutions (28, 14, 7); one residual block each way at the first, where pixels are
    dear, two at the others; attention at the lowest.  `norm` lets training use another kernel."""

    def __init__(self, channels=1, widths=(32, 64, 96), emb=128, classes=10, heads=4, norm=Norm):
        super().__init__()
        a, b, c = widths
        self.time = TimeEmbedding(a * 2, emb)
        self.label = nn.Embedding(classes + 1, emb)
        block = lambda i, o: ResBlock(i, o, emb, norm)
        self.stem = nn.Conv2d(channels, a, 3, padding=1)
        self.down1 = block(a, a)
        self.shrink1 = nn.Conv2d(a, b, 3, stride=2, padding=1)
        self.down2 = nn.ModuleList([block(b, b), block(b, b)])
        self.shrink2 = nn.Conv2d(b, c, 3, stride=2, padding=1)
        self.down3 = nn.ModuleList([block(c, c), block(c, c)])
        self.attend = nn.ModuleList([Attention(c, heads, norm), Attention(c, heads, norm)])
        self.middle = block(c, c)
        self.up3 = nn.ModuleList([block(2 * c, c), block(2 * c, c)])
        self.grow2 = nn.Conv2d(c, b, 3, padding=1)
        self.up2 = nn.ModuleList([block(2 * b, b), block(2 * b, b)])
        self.grow1 = nn.Conv2d(b, a, 3, padding=1)
        self.up1 = block(2 * a, a)
        self.last_norm, self.last = norm(a), nn.Conv2d(a, channels, 3, padding=1)
        nn.init.zeros_(self.last.weight)
        nn.init.zeros_(self.last.bias)

    def features(self, x, t, y):
        """The last hidden layer: what the output convolution, and learned heads, read."""
        e = F.silu(self.time(t) + self.label(y))
        h1 = self.down1(self.stem(x), e)
        h2 = self.shrink1(h1)
        h2a = self.down2[0](h2, e)
        h2b = self.down2[1](h2a, e)
        h3 = self.shrink2(h2b)
        h3a = self.down3[0](h3, e)
        h3b = self.attend[0](self.down3[1](h3a, e))
        h = self.middle(h3b, e)
        h = self.up3[0](torch.cat([h, h3b], dim=1), e)
        h = self.attend[1](self.up3[1](torch.cat([h, h3a], dim=1), e))
        h = self.grow2(F.interpolate(h, scale_factor=2.0, mode="nearest"))
        h = self.up2[0](torch.cat([h, h2b], dim=1), e)
        h = self.up2[1](torch.cat([h, h2a], dim=1), e)
        h = self.grow1(F.interpolate(h, scale_factor=2.0, mode="nearest"))
        h = self.up1(torch.cat([h, h1], dim=1), e)
        return self.last_norm(h)

    def forward(self, x, t, y):
        return self.last(self.features(x, t, y))
