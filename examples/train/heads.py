# SPDX-License-Identifier: BSD-3-Clause
"""Learned heads beside the UNet's prediction: the diagonal of the covariance of x0, four ways.

Every head says the same thing in its own words: variance of x0 = unit * scale * r, where
unit = sigma^2 / alpha^2, scale(t) is roughly right at every level, and r > 0 comes from the
network.  So all of them learn numbers of order one at all levels:

    ocm    h = scale r - 1                       sigma^2 times the diagonal of the Hessian of log q
    sn     e = eps_hat^2 + scale r               E[eps^2 | x_t]
    npr    d = scale r                           E[(eps - eps_hat)^2 | x_t]
    iddpm  v = 2 (scale / alpha^2) r - 1         log variance between log beta-tilde and log beta
"""
import torch
from torch import nn
import torch.nn.functional as F

import fashion
from unet import Norm, ResBlock

NAMES = ("ocm", "sn", "npr", "iddpm")


class Heads(nn.Module):
    """One residual block that knows the level and the label, then norm, SiLU and convolution."""

    def __init__(self, channels=32, emb=128, norm=Norm):
        super().__init__()
        self.first = nn.GroupNorm(8, channels)
        self.block = ResBlock(channels, channels, emb, norm)
        self.norm = norm(channels)
        self.out = nn.Conv2d(channels, len(NAMES), 3, padding=1)
        nn.init.zeros_(self.out.weight)
        nn.init.constant_(self.out.bias, 0.5413)  # softplus of it is 1

    def forward(self, features, e):
        return F.softplus(self.out(self.norm(self.block(self.first(features), e))))


class WithHeads(nn.Module):
    """forward(x, t, y) -> [N, 1 + 4, H, W]: the UNet's v, then the heads in the order of NAMES."""

    def __init__(self, unet, heads):
        super().__init__()
        self.unet, self.heads = unet, heads
        self.register_buffer("log_bar", (2 * fashion.alpha_sigma()[0].double().log()).float())

    def level(self, t):
        """(alpha, sigma, scale), each [N,1,1,1]; between two levels log alpha is linear."""
        low = t.floor().clamp(0, 998)
        at = low.long()
        bar = torch.lerp(self.log_bar[at], self.log_bar[at + 1], t - low)[:, None, None, None]
        unit = torch.expm1(-bar)
        return torch.exp(0.5 * bar), torch.sqrt(-torch.expm1(bar)), 1 / (2.5 + 16 * torch.sqrt(unit) + 4.8 * unit)

    def embedding(self, t, y):
        return F.silu(self.unet.time(t) + self.unet.label(y))

    def forward(self, x, t, y):
        features = self.unet.features(x, t, y)
        v = self.unet.last(features)
        r = self.heads(features, self.embedding(t, y))
        alpha, sigma, scale = self.level(t)
        eps = sigma * x + alpha * v
        d = scale * r
        return torch.cat([v, d[:, 0:1] - 1, eps * eps + d[:, 1:2], d[:, 2:3],
                          2 * d[:, 3:4] / (alpha * alpha) - 1], dim=1)
