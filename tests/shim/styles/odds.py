# SPDX-License-Identifier: BSD-3-Clause
"""Odds and ends inside EDM's preconditioning (Karras et al. 2022): what people write out by hand, in
place or with a rarer operator; every block is there for its own few of them."""
import torch
from torch import nn
import torch.nn.functional as F

SHAPE = (3, 16, 16)
EMB = 96
WIDTH = 72


class Stem(nn.Module):
    """Pixel unshuffle, batch norm of evaluation, ReLU in place."""
    tail = "conv2"

    def __init__(self):
        super().__init__()
        self.conv1, self.norm = nn.Conv2d(4 * SHAPE[0], WIDTH, 3, padding=1), nn.BatchNorm2d(WIDTH)
        self.relu, self.conv2 = nn.ReLU(inplace=True), nn.Conv2d(WIDTH, WIDTH, 1)

    def forward(self, x):
        return self.conv2(self.relu(self.norm(self.conv1(F.pixel_unshuffle(x, 2)))))


class Basic(nn.Module):
    """Sums and products in place; a transposed convolution that a convolution could be mistaken for."""
    tail = "conv2"

    def __init__(self):
        super().__init__()
        self.conv1, self.norm1 = nn.Conv2d(WIDTH, WIDTH, 3, padding=1, bias=False), nn.BatchNorm2d(WIDTH)
        self.conv2 = nn.ConvTranspose2d(WIDTH, WIDTH, 3, padding=1, bias=False)
        self.embed = nn.Linear(EMB, WIDTH)

    def forward(self, x, e):
        h = self.norm1(self.conv1(x))
        h.add_(self.embed(e)[:, :, None, None])
        h.mul_(torch.sigmoid(h))
        h = self.conv2(h).mul_(0.5).sub_(0.1)
        h += x
        h /= 1.25
        return F.relu_(h) - 0.3 * torch.relu(-h)


class ByHand(nn.Module):
    """Norms from mean, variance and deviation, exp, pow, rsqrt, x sigmoid(x)."""
    tail = "linear2"

    def __init__(self):
        super().__init__()
        self.gain = nn.Parameter(torch.ones(WIDTH))
        self.linear1, self.linear2 = nn.Linear(WIDTH, 2 * WIDTH), nn.Linear(2 * WIDTH, WIDTH)

    def forward(self, x, e):
        z = x.movedim(1, -1)
        centred = z - z.mean(-1, keepdim=True)
        h = centred * torch.rsqrt(z.var(dim=-1, unbiased=False, keepdim=True) + 1e-5)
        h = h + 0.1 * centred / (z.std(dim=-1, keepdim=True) + 1e-3)
        h = h * (1 + self.gain[None, None, None]) * z.pow(2).mean(-1, keepdim=True).add(1e-6).pow(-0.5)
        h = self.linear1(h)
        h = h * h.sigmoid() + torch.exp(-h.square()) + torch.log1p(h.abs() + 0.5)
        return x + torch.neg(self.linear2(h)).movedim(-1, 1)


class Matrices(nn.Module):
    """addmm, baddbmm, bmm, einsum with an ellipsis, softmax written out."""
    tail = "out"

    def __init__(self):
        super().__init__()
        self.weight, self.bias = nn.Parameter(torch.zeros(3 * WIDTH, WIDTH)), nn.Parameter(torch.zeros(3 * WIDTH))
        self.table, self.out = nn.Parameter(torch.zeros(1, 64, 64)), nn.Linear(WIDTH, WIDTH)

    def forward(self, x, e):
        n, c, h, w = x.size()
        rows = x.flatten(2).permute(0, 2, 1).reshape(n * h * w, c)
        qkv = torch.addmm(self.bias, rows, self.weight.t()).view(n, h * w, 3, c)
        q, k, v = qkv.select(2, 0), qkv.narrow(2, 1, 1).squeeze(2), qkv[:, :, -1]
        score = torch.baddbmm(self.table.expand(n, -1, -1), q, k.mT, beta=0.5, alpha=c**-0.5)
        score = torch.exp(score - score.amax(dim=-1, keepdim=True))
        score = score / score.sum(dim=-1, keepdim=True)
        a = torch.bmm(score, v) + torch.einsum("...ij,...jk->...ik", score, v).mul(0.25)
        return x + self.out(a).transpose(1, 2).unflatten(2, (h, w))


class Pieces(nn.Module):
    """chunk, split, narrow, slices, stack, flip, roll, where, gated units."""
    tail = "out"

    def __init__(self):
        super().__init__()
        self.conv, self.out = nn.Conv2d(WIDTH, 2 * WIDTH, 3, padding=1, groups=4), nn.Conv2d(WIDTH, WIDTH, 1)
        self.register_buffer("mask", (torch.arange(8) % 3 == 0)[:, None].expand(8, 8).clone())

    def forward(self, x, e):
        a, b = self.conv(F.pad(x, (1, 1, 1, 1))[:, :, 1:-1, 1:-1]).chunk(2, 1)
        p, q = torch.split(a * torch.sigmoid(b), [18, 54], dim=1)
        q = torch.cat([q.narrow(1, 14, 40), q[:, :14].flip(2)], 1)
        h = torch.cat((p, torch.roll(q, 1, 3)), dim=1)
        h = torch.where(self.mask, h, 0.5 * h)
        h = torch.stack([h[..., ::2], h[..., 1::2]], dim=-1).flatten(-2)
        return x + self.out(h.masked_fill(self.mask.t(), 0.0) + 0.3 * h)


class Excite(nn.Module):
    """A gate for every channel from its mean, softplus and tanh."""
    tail = "out"

    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(WIDTH, WIDTH, 3, padding=1)
        self.first, self.second = nn.Linear(WIDTH, 16), nn.Linear(16, WIDTH)
        self.out, self.act = nn.Conv2d(WIDTH, WIDTH, 1), nn.SiLU(inplace=True)

    def forward(self, x, e):
        h = self.conv(x)
        mean = F.adaptive_avg_pool2d(h, 1).flatten(1) + h.mean(dim=[2, 3])
        gate = torch.tanh(self.second(F.softplus(self.first(mean))))
        h = h * (1.5 + gate[:, :, None, None])
        return x + self.out(self.act(h))


class Resample(nn.Module):
    """Average pooling, bilinear upsampling, pixel shuffle."""
    tail = "grow"

    def __init__(self, align):
        super().__init__()
        self.align = align
        self.conv, self.grow = nn.Conv2d(WIDTH, WIDTH, 3, padding=1), nn.Conv2d(WIDTH, 4 * WIDTH, 1)

    def forward(self, x, e):
        h = F.gelu(self.conv(F.avg_pool2d(x, 3, stride=2, padding=1)))
        wide = F.interpolate(h, scale_factor=2.0, mode="bilinear", align_corners=self.align)
        return 0.8 * x + 0.2 * wide + F.pixel_shuffle(self.grow(h), 2)


class Odds(nn.Module):
    ends = ("last",)

    def __init__(self):
        super().__init__()
        self.stem = Stem()
        self.blocks = nn.ModuleList([Basic(), ByHand(), Matrices(), Resample(False), Pieces(), Excite(),
                                     Resample(True), ByHand(), Basic()])
        self.last = nn.Conv2d(WIDTH // 4, SHAPE[0], 3, padding=1)

    def forward(self, x, t, e):
        sigma = torch.exp(t / 400.0 - 1.0).reshape(-1, 1, 1, 1)
        c_skip, c_out = 0.25 / (sigma**2 + 0.25), sigma * 0.5 / (sigma**2 + 0.25).sqrt()
        c_in = 1 / (0.25 + sigma.square()).sqrt()
        h = self.stem(c_in * x)
        for block in self.blocks:
            h = block(h, e)
        return c_skip * x + c_out * self.last(F.pixel_shuffle(h, 2))


def make():
    return Odds()
