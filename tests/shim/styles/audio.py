# SPDX-License-Identifier: BSD-3-Clause
"""A one-dimensional UNet in the style of waveform diffusion: strided and dilated convolutions, gated
units, snake, mish and softplus, instance norm, linear attention, standardised weights."""
import torch
from torch import nn
import torch.nn.functional as F

SHAPE = (2, 128)
EMB = 96


class Snake(nn.Module):
    """x + sin(a x)^2 / a (Liu et al. 2020)"""

    def __init__(self, channels):
        super().__init__()
        self.alpha = nn.Parameter(torch.ones(channels))

    def forward(self, x):
        a = self.alpha[None, :, None]
        return x + (1.0 / (a + 1e-9)) * torch.sin(a * x).pow(2)


class Standardised(nn.Conv1d):
    """The weights of every output channel have mean 0 and variance 1."""

    def forward(self, x):
        w = self.weight
        mean = w.mean(dim=[1, 2], keepdim=True)
        variance = w.var(dim=[1, 2], unbiased=False, keepdim=True)
        scaled = (w - mean) * (variance + 1e-5).rsqrt() * (w.size(1) * w.size(2))**-0.5
        return F.conv1d(x, scaled, self.bias, padding=1)


class ResBlock(nn.Module):
    tail = "conv2"

    def __init__(self, c_in, c_out, act):
        super().__init__()
        self.norm1, self.conv1 = nn.InstanceNorm1d(c_in, affine=True), Standardised(c_in, c_out, 3, padding=1)
        self.act1 = Snake(c_in) if act == "snake" else nn.Mish()
        self.embed = nn.Linear(EMB, c_out)
        self.norm2, self.conv2 = nn.GroupNorm(8, c_out), nn.Conv1d(c_out, c_out, 3, padding=2, dilation=2)
        self.act2 = nn.Softplus() if act == "softplus" else nn.Mish()
        self.skip = nn.Conv1d(c_in, c_out, 1) if c_in != c_out else nn.Identity()

    def forward(self, x, e):
        h = self.conv1(self.act1(self.norm1(x)))
        h = self.norm2(h + self.embed(F.mish(e)).unsqueeze(-1))
        return self.skip(x) + self.conv2(self.act2(h))


class Gated(nn.Module):
    """A dilated convolution into tanh times sigmoid."""
    tail = "out"

    def __init__(self, channels, dilation):
        super().__init__()
        self.conv = nn.Conv1d(channels, 2 * channels, 3, padding=dilation, dilation=dilation)
        self.embed, self.out = nn.Linear(EMB, channels), nn.Conv1d(channels, channels, 1)

    def forward(self, x, e):
        gate, value = torch.chunk(self.conv(x + self.embed(e)[..., None]), 2, dim=1)
        return (x + self.out(torch.sigmoid(gate) * torch.tanh(value))) / 2.0**0.5


class LinearAttention(nn.Module):
    """Softmax of queries and of keys, each by itself: linear in the length (Shen et al. 2021)."""
    tail = "out"

    def __init__(self, channels, heads=4):
        super().__init__()
        self.heads = heads
        self.norm = nn.InstanceNorm1d(channels, affine=True)
        self.qkv, self.out = nn.Conv1d(channels, 3 * channels, 1, bias=False), nn.Conv1d(channels, channels, 1)

    def forward(self, x):
        n, c, length = x.shape
        qkv = self.qkv(self.norm(x)).chunk(3, dim=1)
        q = qkv[0].reshape(n, self.heads, -1, length).softmax(dim=-2) * (c // self.heads)**-0.5
        k = qkv[1].reshape(n, self.heads, -1, length).softmax(dim=-1)
        v = qkv[2].reshape(n, self.heads, -1, length)
        context = torch.einsum("bhdn,bhen->bhde", k, v)
        a = torch.einsum("bhde,bhdn->bhen", context, q)
        return x + 4 * self.out(a.reshape(n, c, length))


class Audio(nn.Module):
    ends = ("stem", "shrink1", "shrink2", "grow2", "grow1", "last")

    def __init__(self, widths=(32, 64, 96)):
        super().__init__()
        a, b, c = widths
        self.stem = nn.Conv1d(SHAPE[0], a, 7, padding=3)
        self.down1, self.shrink1 = ResBlock(a, a, "snake"), nn.Conv1d(a, b, 4, stride=2, padding=1)
        self.down2, self.shrink2 = ResBlock(b, b, "softplus"), nn.Conv1d(b, c, 4, stride=2, padding=1)
        self.middle1, self.attend = ResBlock(c, c, "mish"), LinearAttention(c)
        self.gated1, self.gated2 = Gated(c, 1), Gated(c, 4)
        self.middle2 = ResBlock(c, c, "snake")
        self.grow2 = nn.ConvTranspose1d(c, b, 4, stride=2, padding=1)
        self.up2 = ResBlock(2 * b, b, "softplus")
        self.grow1 = nn.Conv1d(b, a, 3, padding=1)
        self.up1 = ResBlock(2 * a, a, "snake")
        self.last = nn.Conv1d(a, SHAPE[0], 7, padding=3)

    def forward(self, x, t, e):
        h1 = self.down1(self.stem(x), e)
        h2 = self.down2(self.shrink1(h1), e)
        h = self.attend(self.middle1(self.shrink2(h2), e))
        h = self.middle2(self.gated2(self.gated1(h, e), e), e)
        h = self.up2(torch.cat([self.grow2(h), h2], dim=1), e)
        h = F.interpolate(h, scale_factor=2.0, mode="linear", align_corners=False)
        low = F.interpolate(F.avg_pool1d(h, 2), scale_factor=2.0, mode="nearest")
        h = self.up1(torch.cat([self.grow1(0.5 * (h + low)), h1], dim=1), e)
        return torch.tanh(self.last(F.leaky_relu(h, 0.2)) * 0.25) * 4.0


def make():
    return Audio()
