# SPDX-License-Identifier: BSD-3-Clause
"""U-ViT: time and label are tokens, blocks of the second half see those of the first by long skips
(Bao et al. 2023, from the paper's description)."""
import torch
from torch import nn
import torch.nn.functional as F

from .parts import CLASSES, Time

SHAPE = (2, 12, 12)
WIDTH = 72
PATCH = 2


class Attention(nn.Module):
    def __init__(self, heads):
        super().__init__()
        self.heads, self.scale = heads, (WIDTH // heads)**-0.5
        self.qkv, self.out = nn.Linear(WIDTH, 3 * WIDTH, bias=False), nn.Linear(WIDTH, WIDTH)

    def forward(self, x):
        n, length, c = x.shape
        qkv = self.qkv(x).view(n, length, 3, self.heads, -1).permute(2, 0, 3, 1, 4)
        q, k, v = qkv[0], qkv[1], qkv[2]
        weight = F.softmax(q @ k.transpose(-2, -1) * self.scale, dim=-1)
        return self.out((weight @ v).permute(0, 2, 1, 3).reshape(n, length, c))


class Block(nn.Module):
    tail = "second"

    def __init__(self, heads=4):
        super().__init__()
        self.norm1, self.norm2 = nn.LayerNorm(WIDTH), nn.LayerNorm(WIDTH)
        self.attend = Attention(heads)
        self.first, self.second = nn.Linear(WIDTH, 4 * WIDTH), nn.Linear(4 * WIDTH, WIDTH)

    def forward(self, x):
        x = x + self.attend(self.norm1(x))
        return x + self.second(F.gelu(self.first(self.norm2(x))))


class SkipBlock(Block):
    def __init__(self):
        super().__init__()
        self.join = nn.Linear(2 * WIDTH, WIDTH)

    def forward(self, x, skip):
        x = self.join(torch.cat([x, skip], dim=-1))
        x = x + self.attend(self.norm1(x))
        return x + self.second(F.gelu(self.first(self.norm2(x))))


class UViT(nn.Module):
    """extra: tokens before those of the patches."""
    ends = ("patches", "decode", "last")

    def __init__(self, extra, half=4):
        super().__init__()
        self.side, self.patch, self.channels, self.extra = SHAPE[1] // PATCH, PATCH, SHAPE[0], extra
        self.patches = nn.Conv2d(SHAPE[0], WIDTH, PATCH, stride=PATCH)
        self.position = nn.Parameter(torch.zeros(1, extra + self.side**2, WIDTH))
        self.first = nn.ModuleList([Block() for _ in range(half)])
        self.middle = Block()
        self.second = nn.ModuleList([SkipBlock() for _ in range(half)])
        self.norm = nn.LayerNorm(WIDTH)
        self.decode = nn.Linear(WIDTH, PATCH * PATCH * SHAPE[0])
        self.last = nn.Conv2d(SHAPE[0], SHAPE[0], 3, padding=1)

    def forward(self, x, tokens):
        n, side, patch = x.size(0), self.side, self.patch
        h = self.patches(x).flatten(2).transpose(1, 2)
        h = torch.cat((tokens, h), dim=1) + self.position
        skips = []
        for block in self.first:
            h = block(h)
            skips.append(h)
        h = self.middle(h)
        for block in self.second:
            h = block(h, skips.pop())
        h = self.decode(self.norm(h))[:, self.extra:, :]
        h = h.reshape(n, side, side, patch, patch, self.channels).permute(0, 5, 1, 3, 2, 4)
        return self.last(h.reshape(n, self.channels, side * patch, side * patch))


class Plain(nn.Module):
    def __init__(self):
        super().__init__()
        self.time, self.net = Time(WIDTH, WIDTH), UViT(1)

    def forward(self, x, t):
        return self.net(x, self.time(t).unsqueeze(1))


class Labelled(nn.Module):
    def __init__(self):
        super().__init__()
        self.time, self.net = Time(WIDTH, WIDTH), UViT(2)
        self.label = nn.Embedding(CLASSES + 1, WIDTH)

    def forward(self, x, t, y):
        return self.net(x, torch.stack([self.time(t), self.label(y)], dim=1))
