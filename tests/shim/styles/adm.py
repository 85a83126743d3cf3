# SPDX-License-Identifier: BSD-3-Clause
"""DDPM and ADM: residual blocks with scale-shift conditioning that also resample, multi-head
attention by one-dimensional convolutions (Dhariwal & Nichol 2021, from the paper's description)."""
import math

import torch
from torch import nn
import torch.nn.functional as F

SHAPE = (3, 12, 12)
EMB = 128


class Norm(nn.GroupNorm):
    """In single precision whatever comes in, if `single`."""

    def __init__(self, channels, single):
        super().__init__(min(16, channels // 4), channels)
        self.single = single

    def forward(self, x):
        if self.single:
            return F.group_norm(x.float(), self.num_groups, self.weight.float(), self.bias.float(),
                                self.eps).type_as(x)
        return F.group_norm(x, self.num_groups, self.weight, self.bias, self.eps)


class ResBlock(nn.Module):
    tail = "conv2"

    def __init__(self, c_in, c_out, emb, way="", single=False):
        super().__init__()
        self.norm1, self.conv1 = Norm(c_in, single), nn.Conv2d(c_in, c_out, 3, padding=1)
        self.embed = nn.Sequential(nn.SiLU(), nn.Linear(emb, 2 * c_out))
        self.norm2, self.drop = Norm(c_out, single), nn.Dropout(0.1)
        self.conv2 = nn.Conv2d(c_out, c_out, 3, padding=1)
        self.skip = nn.Identity() if c_in == c_out else nn.Conv2d(c_in, c_out, 1)
        self.up, self.down = way == "up", way == "down"

    def resample(self, x):
        if self.up:
            return F.interpolate(x, scale_factor=2.0, mode="nearest")
        if self.down:
            return F.avg_pool2d(x, 2, 2)
        return x

    def forward(self, x, e):
        h = self.conv1(self.resample(F.silu(self.norm1(x))))
        scale, shift = torch.chunk(self.embed(e)[:, :, None, None], 2, dim=1)
        h = self.norm2(h) * (1 + scale) + shift
        return self.skip(self.resample(x)) + self.conv2(self.drop(F.silu(h)))


class Attention(nn.Module):
    tail = "out"

    def __init__(self, channels, heads, batched=False, single=False):
        super().__init__()
        self.heads, self.batched = heads, batched
        self.norm = Norm(channels, single)
        self.qkv = nn.Conv1d(channels, 3 * channels, 1)
        self.out = nn.Conv1d(channels, channels, 1)

    def forward(self, x):
        n, c = x.shape[0], x.shape[1]
        flat = x.reshape(n, c, -1)
        width = c // self.heads
        qkv = self.qkv(self.norm(flat)).reshape(n * self.heads, 3 * width, flat.shape[2])
        q, k, v = qkv.split(width, dim=1)
        scale = 1 / math.sqrt(math.sqrt(width))
        if self.batched:
            weight = torch.softmax(torch.bmm((q * scale).transpose(1, 2), k * scale), dim=-1)
            a = torch.bmm(v, weight.transpose(1, 2))
        else:
            weight = torch.softmax(torch.einsum("bct,bcs->bts", q * scale, k * scale), dim=-1)
            a = torch.einsum("bts,bcs->bct", weight, v)
        return (flat + self.out(a.reshape(n, c, -1))).reshape(x.shape)


class UNet(nn.Module):
    """A level for each width, `blocks` residual blocks in each, attention where the factor of the
    resolution is in `attend`."""
    ends = ("stem", "last")

    def __init__(self, channels=3, out=6, widths=(32, 48, 64), blocks=1, attend=(2, 4), heads=4,
                 emb=EMB, single=False):
        super().__init__()
        self.stem = nn.Conv2d(channels, widths[0], 3, padding=1)
        self.down, self.up = nn.ModuleList(), nn.ModuleList()
        self.down_attend, self.up_attend = nn.ModuleList(), nn.ModuleList()
        skips, c = [widths[0]], widths[0]

        def attention(factor, batched):
            return Attention(c, heads, batched, single) if factor in attend else nn.Identity()

        for level, width in enumerate(widths):
            for _ in range(blocks):
                self.down.append(ResBlock(c, width, emb, single=single))
                c = width
                self.down_attend.append(attention(2**level, False))
                skips.append(c)
            if level + 1 < len(widths):
                self.down.append(ResBlock(c, c, emb, "down", single))
                self.down_attend.append(nn.Identity())
                skips.append(c)
        self.middle1, self.middle2 = ResBlock(c, c, emb, single=single), ResBlock(c, c, emb, single=single)
        self.middle_attend = Attention(c, heads, True, single)
        for level, width in reversed(list(enumerate(widths))):
            for i in range(blocks + 1):
                self.up.append(nn.ModuleList([ResBlock(c + skips.pop(), width, emb, single=single)]))
                c = width
                self.up_attend.append(attention(2**level, True))
                if i == blocks and level > 0:
                    self.up[-1].append(ResBlock(c, c, emb, "up", single))
        self.norm, self.last = Norm(c, single), nn.Conv2d(c, out, 3, padding=1)

    def forward(self, x, t, e):
        h = self.stem(x)
        skips = [h]
        for block, attend in zip(self.down, self.down_attend):
            h = attend(block(h, e))
            skips.append(h)
        h = self.middle2(self.middle_attend(self.middle1(h, e)), e)
        for pair, attend in zip(self.up, self.up_attend):
            h = torch.cat([h, skips.pop()], dim=1)
            for i, block in enumerate(pair):
                h = block(h, e)
                if i == 0:
                    h = attend(h)
        return self.last(F.silu(self.norm(h)))


def make():
    return UNet()


def make_single():
    """As published: norms insist on single precision."""
    return UNet(out=3, single=True)
