# SPDX-License-Identifier: BSD-3-Clause
"""DDIM, DDPM and DPM-Solver++ 2M as a PyTorch user writes them: a loop, tensors, schedules as arrays.  The same
arithmetic as libcovsamp's; noise comes from outside, so that both can be given the same."""
import torch


def schedule(levels=1000, first=1e-4, last=0.02):
    """alpha and sigma of levels 0 ... N, level 0 the data."""
    keep = torch.cat([torch.ones(1, dtype=torch.float64),
                      torch.cumprod(1 - torch.linspace(first, last, levels, dtype=torch.float64), 0)])
    return keep.sqrt(), (1 - keep).sqrt()


def even(levels, count):
    """As many of 1 ... N as there are steps, evenly spaced, noisiest first, then the data."""
    spaced = torch.linspace(1, levels, count, dtype=torch.float64).round().long()
    return spaced.flip(0).tolist() + [0]


def denoised(model, prediction, x, alpha, sigma, level):
    """E[x0 | x] and the noise estimate, of a model that predicts noise or v = alpha e - sigma x0."""
    t = torch.full((x.shape[0],), float(level - 1), dtype=x.dtype)
    out = model(x, t)
    if prediction == "v":
        return alpha * x - sigma * out, sigma * x + alpha * out
    return (x - sigma * out) / alpha, out


def ddim(model, prediction, x, alpha, sigma, levels, noise):
    for at, to in zip(levels, levels[1:]):
        x0, e = denoised(model, prediction, x, alpha[at], sigma[at], at)
        x = alpha[to] * x0 + sigma[to] * e
    return x


def ddpm(model, prediction, x, alpha, sigma, levels, noise):
    for step, (at, to) in enumerate(zip(levels, levels[1:])):
        x0, _ = denoised(model, prediction, x, alpha[at], sigma[at], at)
        ratio = alpha[at] / alpha[to]
        beta = 1 - ratio ** 2
        x = ratio * sigma[to] ** 2 / sigma[at] ** 2 * x + alpha[to] * beta / sigma[at] ** 2 * x0
        if to > 0:
            x = x + sigma[to] / sigma[at] * beta ** 0.5 * noise(step)
    return x


def dpmpp_2m(model, prediction, x, alpha, sigma, levels, noise):
    """Lu et al. 2022, algorithm 2; the step to data is of first order."""
    old, h_old = None, None
    for at, to in zip(levels, levels[1:]):
        x0, _ = denoised(model, prediction, x, alpha[at], sigma[at], at)
        if to == 0:
            return x0
        h = (alpha[to] / sigma[to]).log() - (alpha[at] / sigma[at]).log()
        d = x0 if old is None else x0 + (x0 - old) * (h / (2 * h_old))
        x = sigma[to] / sigma[at] * x - alpha[to] * torch.expm1(-h) * d
        old, h_old = x0, h
    return x


SOLVERS = {"ddim": ddim, "ddpm": ddpm, "dpmpp_2m": dpmpp_2m}


class Mixture(torch.nn.Module):
    """E[noise | x] of a Gaussian mixture with diagonal covariances, the one of bench_samplers.c."""

    def __init__(self, alpha, sigma, components=4, dim=16):
        super().__init__()
        k, i = torch.arange(components)[:, None], torch.arange(dim)[None]
        self.log_weights = torch.arange(1, components + 1, dtype=torch.float64).log()
        self.means = ((k * 5 + i * 3) % 9 - 4).double() * 0.25
        self.variances = (1 + (k + i) % 4).double() * 0.0625
        self.alpha, self.sigma = alpha, sigma

    def forward(self, x, t):
        level = int(t[0]) + 1
        a, s = self.alpha[level], self.sigma[level]
        y = x.double()[:, None]
        variance = a * a * self.variances + s * s
        rest = y - a * self.means
        score = rest / variance
        logs = self.log_weights - 0.5 * (variance.log() + rest * score).sum(2)
        weights = torch.softmax(logs, 1)
        return (s * (weights[:, :, None] * score).sum(1)).to(x.dtype)
