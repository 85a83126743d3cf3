#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""How good is a classifier of noisy images, does it know how good it is, and is its gradient one?

    /usr/bin/python3 tests/models/evaluate_classifier.py examples/models/fashion-classifier-noisy.pt

On all test images, at each training step t (-1: clean): the share of right answers; the mean
negative log-likelihood of the labels and the mean entropy of the answers, which are equal where
the network is calibrated; the expected calibration error over 15 equal bins of confidence.
Then, on a few images, the gradient of log p(y|x) against central differences in double precision.
"""
import argparse
import math
import os
import sys

os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("OMP_WAIT_POLICY", "passive")

import torch
import torch.nn.functional as F

ROOT = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..")
sys.path.insert(0, os.path.join(ROOT, "examples", "train"))
import fashion  # noqa: E402

STEPS = (-1, 0, 20, 100, 200, 300, 500, 700, 900)


def noisy(x, t, seed):
    if t < 0:
        return x
    alpha, sigma = fashion.alpha_sigma()
    generator = torch.Generator().manual_seed(1000 * seed + t)
    return alpha[t] * x + sigma[t] * torch.randn(x.shape, generator=generator)


@torch.no_grad()
def log_probabilities(net, x, t):
    logits = [net(part, torch.full((len(part),), float(t))) for part in x.split(500)]
    return F.log_softmax(torch.cat(logits).double(), dim=1)


def calibration_error(log_p, y, bins=15):
    confidence, answer = log_p.exp().max(1)
    bin_of = (confidence * bins).long().clamp_(max=bins - 1)
    excess = confidence - (answer == y).double()
    return float(sum(excess[bin_of == b].sum().abs() for b in range(bins))) / len(y)


def one_level(net, x, y, t, seed):
    log_p = log_probabilities(net, noisy(x, t, seed), t)
    loss = -log_p[torch.arange(len(y)), y]
    return {"t": t, "right": float((log_p.argmax(1) == y).double().mean()), "nll": float(loss.mean()),
            "nll_se": float(loss.std()) / math.sqrt(len(y)), "entropy": float(-(log_p.exp() * log_p).sum(1).mean()),
            "ece": calibration_error(log_p, y)}


def gradient_error(net, x, y, t, seed, step=1e-5):
    """Relative error of the derivative of log p(y|x) along a random direction, the worst image's."""
    generator = torch.Generator().manual_seed(seed)
    x = noisy(x, t, seed).double()
    along = torch.randn(x.shape, generator=generator, dtype=torch.float64)
    time = torch.full((len(x),), float(t), dtype=torch.float64)
    score = lambda x: -F.cross_entropy(net(x, time), y, reduction="none")
    here = x.clone().requires_grad_()
    gradient, = torch.autograd.grad(score(here).sum(), here)
    with torch.no_grad():
        slope = (score(x + step * along) - score(x - step * along)) / (2 * step)
    scale = gradient.flatten(1).norm(dim=1) * along.flatten(1).norm(dim=1) / math.sqrt(along[0].numel())
    return float((((gradient * along).flatten(1).sum(1) - slope).abs() / scale).max())


def main():
    p = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    p.add_argument("model")
    p.add_argument("--images", type=int, default=10000)
    p.add_argument("--steps", type=int, nargs="+", default=STEPS)
    p.add_argument("--seed", type=int, default=1)
    args = p.parse_args()
    net = torch.jit.load(args.model, map_location="cpu").eval()
    x, y = (v[:args.images] for v in fashion.load("t10k"))
    print("%d test images\n   t  right %%  NLL (se)          entropy  calibration error" % len(x))
    for t in args.steps:
        r = one_level(net, x, y, t, args.seed)
        print("%4d  %6.2f   %.4f (%.4f)   %.4f   %.4f" % (
            t, 100 * r["right"], r["nll"], r["nll_se"], r["entropy"], r["ece"]), flush=True)
    net = net.double()
    print("gradient against central differences, worst of 20 images and all t: %.1e" % max(
        gradient_error(net, x[:20], y[:20], t, args.seed) for t in args.steps))


if __name__ == "__main__":
    main()
