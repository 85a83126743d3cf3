#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""The networks in examples/models load, keep their limits, take any batch size and have exact
Jacobian-vector products.  How good they are is evaluate_unet.py's business."""
import os
import sys

os.environ.setdefault("OMP_WAIT_POLICY", "passive")

import torch
import torch.autograd.forward_ad as fwad

MODELS = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "examples", "models")
sys.path.insert(0, os.path.join(MODELS, "..", "train"))
import fashion  # noqa: E402

failed = []


def check(fine, what):
    print("%s %s" % ("ok  " if fine else "FAIL", what))
    if not fine:
        failed.append(what)


def parameters(net):
    return sum(p.numel() for p in net.parameters())


def test_unet():
    path, extra = os.path.join(MODELS, "fashion-unet.pt"), {"covsamp.txt": ""}
    net = torch.jit.load(path, _extra_files=extra).eval()
    text = extra["covsamp.txt"]
    about = dict(v.split("=", 1) for v in (text.decode() if isinstance(text, bytes) else text).split())
    check(os.path.getsize(path) <= 8e6 and parameters(net) <= 2e6, "unet: 8 MB and 2 M parameters at most")
    check(about.get("prediction") in ("v", "noise") and about.get("shape") == "1,28,28", "unet: metadata")
    x, t, y = torch.randn(7, 1, 28, 28), torch.linspace(0, 999, 7), torch.tensor([0, 9, 10, 3, 4, 5, 10])
    with torch.no_grad():
        whole = net(x, t, y)
        parts = torch.cat([net(x[i:j], t[i:j], y[i:j]) for i, j in ((0, 1), (1, 4), (4, 7))])
    check(whole.shape == x.shape and torch.isfinite(whole).all(), "unet: shape, finite")
    check((whole - parts).abs().max() < 1e-4, "unet: a sample does not depend on its batch")
    check(jvp_error(net.double(), x.double(), t.double(), y) < 1e-7, "unet: product against central differences")


def test_heads():
    path, extra = os.path.join(MODELS, "fashion-heads.pt"), {"covsamp.txt": ""}
    if not os.path.exists(path):
        print("skip heads: no %s, see examples/train/train_heads.py" % os.path.basename(path))
        return
    net, unet = (torch.jit.load(p).eval() for p in (path, os.path.join(MODELS, "fashion-unet.pt")))
    torch.jit.load(path, _extra_files=extra)
    text = extra["covsamp.txt"]
    about = dict(v.split("=", 1) for v in (text.decode() if isinstance(text, bytes) else text).split())
    check(os.path.getsize(path) <= 8e6, "heads: 8 MB at most")
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
    path = os.path.join(MODELS, "fashion-classifier.pt")
    net = torch.jit.load(path).eval()
    x, y = fashion.load("t10k")
    with torch.no_grad():
        hits = sum(int((net(a).argmax(1) == b).sum()) for a, b in zip(x.split(500), y.split(500)))
        features = net.features(x[:3])
    check(os.path.getsize(path) <= 2e6, "classifier: 2 MB at most")
    check(hits >= 0.9 * len(x), "classifier: %.2f %% of the test images, at least 90" % (100.0 * hits / len(x)))
    check(features.dim() == 2 and len(features) == 3, "classifier: features of shape %s" % (tuple(features.shape),))


if __name__ == "__main__":
    test_unet()
    test_heads()
    test_classifier()
    sys.exit(len(failed) > 0)
