# SPDX-License-Identifier: BSD-3-Clause
"""The UNet of the latent example: that of unet.py with its lowest resolution only, as latents are small.

forward(x[N,4,H,W], t[N], y[N]) -> [N,4,H,W], with the same meaning of t and y.
"""
import torch
from torch import nn
import torch.nn.functional as F

from unet import Attention, Norm, ResBlock, TimeEmbedding


class LatentUNet(nn.Module):
    """Two residual blocks down, one in the middle, two up with what the way down has seen; attention
    after each half.  All at full resolution."""

    def __init__(self, channels=4, width=72, emb=128, classes=10, heads=4, norm=Norm):
        super().__init__()
        self.time = TimeEmbedding(64, emb)
        self.label = nn.Embedding(classes + 1, emb)
        block = lambda i, o: ResBlock(i, o, emb, norm)
        self.stem = nn.Conv2d(channels, width, 3, padding=1)
        self.down = nn.ModuleList([block(width, width), block(width, width)])
        self.attend = nn.ModuleList([Attention(width, heads, norm), Attention(width, heads, norm)])
        self.middle = block(width, width)
        self.up = nn.ModuleList([block(2 * width, width), block(2 * width, width)])
        self.last_norm, self.last = norm(width), nn.Conv2d(width, channels, 3, padding=1)
        nn.init.zeros_(self.last.weight)
        nn.init.zeros_(self.last.bias)

    def forward(self, x, t, y):
        e = F.silu(self.time(t) + self.label(y))
        h1 = self.down[0](self.stem(x), e)
        h2 = self.attend[0](self.down[1](h1, e))
        h = self.middle(h2, e)
        h = self.attend[1](self.up[0](torch.cat([h, h2], dim=1), e))
        h = self.up[1](torch.cat([h, h1], dim=1), e)
        return self.last(self.last_norm(h))
