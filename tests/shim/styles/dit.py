# SPDX-License-Identifier: BSD-3-Clause
"""DiT: patches, blocks modulated by the embedding, layer norm without affine, GELU by tanh (Peebles
& Xie 2023, from the paper's description; modulation here does not start at zero)."""
import math

import torch
from torch import nn

SHAPE = (3, 16, 16)
EMB = 64
PATCH = 2


def positions(width, side):
    """Fixed sines and cosines of row and column, [1, side^2, width]."""
    rates = torch.exp(-math.log(10000.0) * torch.arange(width // 4) / (width // 4))
    at = torch.arange(side).float()[:, None] * rates
    line = torch.cat([at.sin(), at.cos()], dim=1)
    rows, columns = line[:, None].expand(-1, side, -1), line[None].expand(side, -1, -1)
    return torch.cat([rows, columns], dim=2).reshape(1, side * side, width)


def modulate(x, shift, scale):
    return x * (1 + scale.unsqueeze(1)) + shift.unsqueeze(1)


class Attention(nn.Module):
    def __init__(self, width, heads):
        super().__init__()
        self.heads, self.scale = heads, (width // heads)**-0.5
        self.qkv, self.out = nn.Linear(width, 3 * width), nn.Linear(width, width)

    def forward(self, x):
        b, n, c = x.shape
        qkv = self.qkv(x).reshape(b, n, 3, self.heads, c // self.heads).permute(2, 0, 3, 1, 4)
        q, k, v = qkv.unbind(0)
        weight = ((q * self.scale) @ k.transpose(-2, -1)).softmax(dim=-1)
        return self.out((weight @ v).transpose(1, 2).reshape(b, n, c))


class Block(nn.Module):
    tail = "mlp.2"

    def __init__(self, width, heads):
        super().__init__()
        self.norm1 = nn.LayerNorm(width, elementwise_affine=False, eps=1e-6)
        self.norm2 = nn.LayerNorm(width, elementwise_affine=False, eps=1e-6)
        self.attend = Attention(width, heads)
        self.mlp = nn.Sequential(nn.Linear(width, 4 * width), nn.GELU(approximate="tanh"),
                                 nn.Linear(4 * width, width))
        self.modulation = nn.Sequential(nn.SiLU(), nn.Linear(width, 6 * width))

    def forward(self, x, e):
        shift1, scale1, gate1, shift2, scale2, gate2 = self.modulation(e).chunk(6, dim=1)
        x = x + gate1.unsqueeze(1) * self.attend(modulate(self.norm1(x), shift1, scale1))
        return x + gate2.unsqueeze(1) * self.mlp(modulate(self.norm2(x), shift2, scale2))


class Final(nn.Module):
    tail = "linear"

    def __init__(self, width, out):
        super().__init__()
        self.norm = nn.LayerNorm(width, elementwise_affine=False, eps=1e-6)
        self.linear = nn.Linear(width, PATCH * PATCH * out)
        self.modulation = nn.Sequential(nn.SiLU(), nn.Linear(width, 2 * width))

    def forward(self, x, e):
        shift, scale = self.modulation(e).chunk(2, dim=1)
        return self.linear(modulate(self.norm(x), shift, scale))


class DiT(nn.Module):
    ends = ("patches",)

    def __init__(self, out=6, width=EMB, depth=8, heads=4):
        super().__init__()
        self.side, self.patch, self.out = SHAPE[1] // PATCH, PATCH, out
        self.patches = nn.Conv2d(SHAPE[0], width, PATCH, stride=PATCH)
        self.register_buffer("where", positions(width, self.side))
        self.blocks = nn.ModuleList([Block(width, heads) for _ in range(depth)])
        self.final = Final(width, out)

    def forward(self, x, t, e):
        h = self.patches(x).flatten(2).transpose(1, 2) + self.where
        for block in self.blocks:
            h = block(h, e)
        h = self.final(h, e).reshape(-1, self.side, self.side, self.patch, self.patch, self.out)
        h = torch.einsum("nhwpqc->nchpwq", h)
        return h.reshape(-1, self.out, self.side * self.patch, self.side * self.patch)


def make():
    return DiT()
