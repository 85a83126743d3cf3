#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""Are the variances that the heads imply as large as the errors that the network makes?

    /usr/bin/python3 tests/models/evaluate_heads.py examples/models/fashion-heads.pt

On test images, for each head: mean implied variance of x0 divided by the mean squared error of
x0 (not clipped), its standard error, and the correlation of the two over blocks of 4 x 4 pixels.
"""
import argparse
import os
import sys

os.environ.setdefault("OMP_WAIT_POLICY", "passive")

import torch
import torch.nn.functional as F

ROOT = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..")
sys.path.insert(0, os.path.join(ROOT, "examples", "train"))
import fashion  # noqa: E402

NAMES = ("ocm", "sn", "npr", "iddpm")


def implied(out, eps, a, s, t):
    """[N,4,28,28]: the variance of x0 that each head stands for; iddpm's by its step's variance."""
    unit = (s / a) ** 2
    beta = torch.linspace(1e-4, 0.02, 1000, dtype=torch.double)
    bar = torch.cumprod(1 - beta, 0)
    small = beta[t] * (1 - bar[t - 1]) / (1 - bar[t])
    pull = bar[t - 1] * (beta[t] / (1 - bar[t])) ** 2
    ratio = torch.log(beta[t] / small)
    step = small * torch.expm1((out[:, 4:5] + 1) / 2 * ratio) / pull
    return torch.cat([unit * (1 + out[:, 1:2]), unit * (out[:, 2:3] - eps * eps), unit * out[:, 3:4], step], 1)


@torch.no_grad()
def measure(net, x0, y, t, batch):
    """(squared error [N,1,28,28], implied variances [N,4,28,28])"""
    a, s = (float(v[t].double()) for v in fashion.alpha_sigma())
    errors, variances = [], []
    for image, label in zip(x0.split(batch), y.split(batch)):
        x = a * image + s * torch.randn_like(image)
        out = net(x, torch.full((len(x),), float(t)), label).double()
        x, v = x.double(), out[:, 0:1]
        errors.append((a * x - s * v - image.double()) ** 2)
        variances.append(implied(out, s * x + a * v, a, s, t))
    return torch.cat(errors), torch.cat(variances)


def ratio(variance, error):
    """mean over mean, and its standard error over samples."""
    v, e = variance.mean((1, 2, 3)), error.mean((1, 2, 3))
    r = float(v.mean() / e.mean())
    return r, float((v - r * e).std() / e.mean() / len(e) ** 0.5)


def correlation(variance, error):
    """Over blocks of 4 x 4 pixels of all samples: squared errors of single pixels say little."""
    pair = torch.stack([F.avg_pool2d(q, 4).flatten() for q in (variance, error)])
    return float(torch.corrcoef(pair)[0, 1])


def main():
    p = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    p.add_argument("file", nargs="?", default=os.path.join(ROOT, "examples", "models", "fashion-heads.pt"))
    p.add_argument("--images", type=int, default=200)
    p.add_argument("--levels", type=int, nargs="+", default=[20, 100, 300, 500, 700])
    p.add_argument("--batch", type=int, default=50)
    p.add_argument("--seed", type=int, default=1)
    args = p.parse_args()
    if min(args.levels) < 1 or max(args.levels) > 999:
        p.error("--levels: 1 to 999 (the step to the data adds no noise)")
    net = torch.jit.load(args.file, map_location="cpu").eval()
    x, y = fashion.load("t10k")
    torch.manual_seed(args.seed)
    print("| t | MSE of x0 | %s |\n| ---: | ---: |%s" % (" | ".join(NAMES), " ---: |" * 4))
    for t in args.levels:
        error, variance = measure(net, x[:args.images], y[:args.images], t, args.batch)
        cells = []
        for k in range(len(NAMES)):
            v = variance[:, k:k + 1]
            cells.append("%.3f (%.3f), %.2f" % (*ratio(v, error), correlation(v, error)))
        print("| %d | %.5f | %s |" % (t, float(error.mean()), " | ".join(cells)), flush=True)


if __name__ == "__main__":
    main()
