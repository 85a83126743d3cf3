# SPDX-License-Identifier: BSD-3-Clause
"""Video: convolutions factored into space and time, attention over space, then over time with a bias
for the distance of frames (Ho et al. 2022, from the paper's description)."""
import torch
from torch import nn
import torch.nn.functional as F

SHAPE = (2, 4, 6, 6)
EMB = 96


class ResBlock(nn.Module):
    tail = "conv2"

    def __init__(self, c_in, c_out):
        super().__init__()
        self.norm1, self.norm2 = nn.GroupNorm(8, c_in), nn.GroupNorm(8, c_out)
        self.conv1 = nn.Conv3d(c_in, c_out, (1, 3, 3), padding=(0, 1, 1))
        self.time = nn.Conv3d(c_out, c_out, (3, 1, 1), padding=(1, 0, 0))
        self.conv2 = nn.Conv3d(c_out, c_out, 3, padding=1)
        self.embed = nn.Linear(EMB, 2 * c_out)
        self.skip = nn.Conv3d(c_in, c_out, 1) if c_in != c_out else nn.Identity()

    def forward(self, x, e):
        h = self.time(self.conv1(F.silu(self.norm1(x))))
        scale, shift = self.embed(F.silu(e))[:, :, None, None, None].chunk(2, dim=1)
        h = self.norm2(h) * (scale + 1) + shift
        return self.conv2(F.silu(h)) + self.skip(x)


class Tokens(nn.Module):
    """Multi-head attention over the second dimension, with a bias where one is given."""

    def __init__(self, width, heads):
        super().__init__()
        self.heads = heads
        self.norm = nn.LayerNorm(width)
        self.qkv, self.out = nn.Linear(width, 3 * width, bias=False), nn.Linear(width, width)

    def forward(self, x, bias):
        n, length, c = x.shape
        q, k, v = self.qkv(self.norm(x)).chunk(3, dim=-1)
        shape = [n, length, self.heads, c // self.heads]
        q = q.reshape(shape).transpose(1, 2)
        k = k.reshape(shape).transpose(1, 2)
        v = v.reshape(shape).transpose(1, 2)
        scores = torch.matmul(q, k.transpose(2, 3)) * (c // self.heads)**-0.5 + bias
        a = torch.matmul(scores.softmax(dim=-1), v)
        return x + self.out(a.transpose(1, 2).reshape(n, length, c))


class Space(nn.Module):
    tail = "attend.out"

    def __init__(self, width, heads=4):
        super().__init__()
        self.attend = Tokens(width, heads)
        self.register_buffer("none", torch.zeros(1))

    def forward(self, x):
        n, c, f, h, w = x.shape
        y = self.attend(x.permute(0, 2, 3, 4, 1).reshape(n * f, h * w, c), self.none)
        return y.reshape(n, f, h, w, c).permute(0, 4, 1, 2, 3)


class Frames(nn.Module):
    tail = "attend.out"

    def __init__(self, width, frames, heads=4):
        super().__init__()
        self.attend = Tokens(width, heads)
        self.table = nn.Parameter(torch.zeros(2 * frames - 1, heads))
        at = torch.arange(frames)
        self.register_buffer("distance", at[:, None] - at[None] + frames - 1)

    def forward(self, x):
        n, c, f, h, w = x.shape
        bias = self.table[self.distance].permute(2, 0, 1)
        y = self.attend(x.permute(0, 3, 4, 2, 1).reshape(n * h * w, f, c), bias)
        return y.view(n, h, w, f, c).permute(0, 4, 3, 1, 2).contiguous()


class Video(nn.Module):
    ends = ("stem", "last")

    def __init__(self, widths=(32, 48)):
        super().__init__()
        a, b = widths
        self.stem = nn.Conv3d(SHAPE[0], a, (1, 5, 5), padding=(0, 2, 2))
        self.down1, self.space1, self.frames1 = ResBlock(a, a), Space(a), Frames(a, 4)
        self.down2, self.space2, self.frames2 = ResBlock(a, b), Space(b), Frames(b, 4)
        self.middle1, self.middle2 = ResBlock(b, b), ResBlock(b, b)
        self.up2, self.space3, self.frames3 = ResBlock(2 * b, b), Space(b), Frames(b, 2)
        self.up1 = ResBlock(a + b, a)
        self.norm, self.last = nn.GroupNorm(8, a), nn.Conv3d(a, SHAPE[0], 1)

    def forward(self, x, t, e):
        h1 = self.frames1(self.space1(self.down1(self.stem(x), e)))
        h2 = self.frames2(self.space2(self.down2(F.avg_pool3d(h1, [1, 2, 2]), e)))
        h = self.middle1(F.avg_pool3d(h2, 2, stride=[2, 1, 1], padding=[0, 1, 1],
                                      count_include_pad=False)[:, :, :, :3, :3], e)
        h = self.middle2(h, e)
        h = F.interpolate(h, scale_factor=[2.0, 1.0, 1.0], mode="nearest")
        h = self.up2(torch.cat((h, h2), dim=1), e)
        h = self.frames3(self.space3(h[:, :, ::2]))
        h = F.interpolate(h, size=[4, 6, 6], mode="nearest")
        h = self.up1(torch.cat((h, h1), dim=1), e)
        return self.last(F.silu(self.norm(h)))


def make():
    return Video()
