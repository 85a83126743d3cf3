#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""The networks in examples/models load, keep their limits, take any batch size and have exact
derivatives.  How good they are is the business of the programs evaluate_*.py."""
import os
import sys

os.environ.setdefault("OMP_WAIT_POLICY", "passive")

import torch
import torch.autograd.forward_ad as fwad

MODELS = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "examples", "models")
sys.path.insert(0, os.path.join(MODELS, "..", "train"))
import fashion  # noqa: E402
from evaluate_classifier import gradient_error, log_probabilities, noisy  # noqa: E402

failed = []


def check(fine, what):
    print("%s %s" % ("ok  " if fine else "FAIL", what))
    if not fine:
        failed.append(what)


def parameters(net):
    return sum(p.numel() for p in net.parameters())


def load(name):
    """(network, its metadata, its size in bytes)"""
    path, extra = os.path.join(MODELS, name), {"covsamp.txt": ""}
    net = torch.jit.load(path, _extra_files=extra).eval()
    text = extra["covsamp.txt"]
    about = dict(v.split("=", 1) for v in (text.decode() if isinstance(text, bytes) else text).split())
    return net, about, os.path.getsize(path)


def test_unet():
    net, about, size = load("fashion-unet.pt")
    check(size <= 8e6 and parameters(net) <= 2e6, "unet: 8 MB and 2 M parameters at most")
    check(about.get("prediction") in ("v", "noise") and about.get("shape") == "1,28,28", "unet: metadata")
    x, t, y = torch.randn(7, 1, 28, 28), torch.linspace(0, 999, 7), torch.tensor([0, 9, 10, 3, 4, 5, 10])
    with torch.no_grad():
        whole = net(x, t, y)
        parts = torch.cat([net(x[i:j], t[i:j], y[i:j]) for i, j in ((0, 1), (1, 4), (4, 7))])
    check(whole.shape == x.shape and torch.isfinite(whole).all(), "unet: shape, finite")
    check((whole - parts).abs().max() < 1e-4, "unet: a sample does not depend on its batch")
    check(jvp_error(net.double(), x.double(), t.double(), y) < 1e-7, "unet: product against central differences")


def test_heads():
    if not os.path.exists(os.path.join(MODELS, "fashion-heads.pt")):
        print("skip heads: no fashion-heads.pt, see examples/train/train_heads.py")
        return
    net, about, size = load("fashion-heads.pt")
    unet = load("fashion-unet.pt")[0]
    check(size <= 8e6, "heads: 8 MB at most")
    check(about.get("heads") == "ocm,sn,npr,iddpm" and about.get("prediction") == "v", "heads: metadata")
    check_heads(net, unet)


def check_heads(net, unet):
    x, t, y = torch.randn(5, 1, 28, 28), torch.linspace(0, 999, 5), torch.tensor([0, 9, 10, 3, 4])
    with torch.no_grad():
        out, alone = net(x, t, y), net(x[:1], t[:1], y[:1])
        v = unet(x, t, y)
    check(out.shape == (5, 5, 28, 28) and torch.isfinite(out).all(), "heads: prediction and four channels, finite")
    check((out[:, :1] - v).abs().max() < 1e-5, "heads: the prediction is the unet's")
    check((out[:1] - alone).abs().max() < 1e-4, "heads: a sample does not depend on its batch")
    check((out[:, 1] >= -1).all() and (out[:, 3] >= 0).all() and (out[:, 4] >= -1).all(), "heads: variances >= 0")
    first = lambda x, t, y: net.double()(x, t, y)[:, :1]
    check(jvp_error(first, x.double(), t.double(), y) < 1e-7, "heads: product against central differences")


def jvp_error(net, x, t, y):
    """Worst relative error over calls in a row; scripted modules change plans at the second."""
    worst, step = 0.0, 1e-5
    with torch.no_grad(), torch.jit.optimized_execution(False):
        for _ in range(4):
            p = torch.randn_like(x)
            with fwad.dual_level():
                product = fwad.unpack_dual(net(fwad.make_dual(x, p), t, y)).tangent
            slope = (net(x + step * p, t, y) - net(x - step * p, t, y)) / (2 * step)
            worst = max(worst, float((product - slope).norm() / slope.norm()))
    return worst


def test_classifier():
    net, _, size = load("fashion-classifier.pt")
    x, y = fashion.load("t10k")
    with torch.no_grad():
        hits = sum(int((net(a).argmax(1) == b).sum()) for a, b in zip(x.split(500), y.split(500)))
        features = net.features(x[:3])
    check(size <= 2e6, "classifier: 2 MB at most")
    check(hits >= 0.9 * len(x), "classifier: %.2f %% of the test images, at least 90" % (100.0 * hits / len(x)))
    check(features.dim() == 2 and len(features) == 3, "classifier: features of shape %s" % (tuple(features.shape),))


def test_noisy_classifier():
    net, about, size = load("fashion-classifier-noisy.pt")
    check(size <= 4e6, "noisy classifier: 4 MB at most")
    check(about.get("kind") == "classifier" and about.get("shape") == "1,28,28" and about.get("classes") == "10",
          "noisy classifier: metadata")
    x, y = (v[:1000] for v in fashion.load("t10k"))
    # 1000 images have a standard error of 1 % at 88 %, 1.6 % at 60 %; 10 % is guessing
    for t, least in ((-1, 0.86), (100, 0.85), (300, 0.75), (500, 0.50)):
        log_p = log_probabilities(net, noisy(x, t, 2), t)
        share, loss = float((log_p.argmax(1) == y).double().mean()), float(-log_p[torch.arange(len(y)), y].mean())
        check(share >= least and loss < 1.2, "noisy classifier: t = %d, %.1f %% right, at least %.0f, loss %.3f" % (
            t, 100 * share, 100 * least, loss))
    with torch.no_grad():
        log_p = log_probabilities(net, noisy(x[:3], 300, 2), 300)
        alone = log_probabilities(net, noisy(x[:3], 300, 2)[1:2], 300)
    check((log_p[1:2] - alone).abs().max() < 1e-4, "noisy classifier: a sample does not depend on its batch")
    net = net.double()
    worst = max(gradient_error(net, x[:5], y[:5], t, 3) for t in (-1, 100, 900))
    check(worst < 1e-5, "noisy classifier: gradient against central differences, %.1e" % worst)


if __name__ == "__main__":
    test_unet()
    test_heads()
    test_classifier()
    test_noisy_classifier()
    sys.exit(len(failed) > 0)
