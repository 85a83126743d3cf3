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
    check_unet("unet", net, (1, 28, 28))


def check_unet(name, net, shape):
    x, t, y = torch.randn(7, *shape), torch.linspace(0, 999, 7), torch.tensor([0, 9, 10, 3, 4, 5, 10])
    with torch.no_grad():
        whole = net(x, t, y)
        parts = torch.cat([net(x[i:j], t[i:j], y[i:j]) for i, j in ((0, 1), (1, 4), (4, 7))])
        other = net(x, t, (y + 1) % 11)
    check(whole.shape == x.shape and torch.isfinite(whole).all(), name + ": shape, finite")
    check((whole - parts).abs().max() < 1e-4, name + ": a sample does not depend on its batch")
    check((whole - other).flatten(1).norm(dim=1).min() > 1e-3, name + ": every label matters")
    check(jvp_error(net.double(), x.double(), t.double(), y) < 1e-7, name + ": product against central differences")


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


def test_autoencoder():
    encoder, of_encoder, size_e = load("fashion-encoder.pt")
    decoder, of_decoder, size_d = load("fashion-decoder.pt")
    check(max(size_e, size_d) <= 4e6, "autoencoder: 4 MB at most")
    check(of_encoder.get("kind") == "encoder" and of_encoder.get("latent") == "4,7,7" and
          of_decoder.get("kind") == "decoder" and of_decoder.get("shape") == "4,7,7", "autoencoder: metadata")
    x = fashion.load("t10k")[0][:1000]
    with torch.no_grad():
        z = encoder(x)
        back, alone = decoder(z), decoder(encoder(x[:1]))
    error = float((back - x).pow(2).mean() / (x - x.mean(0)).pow(2).mean())
    mean, sd = z.mean(dim=(0, 2, 3)), z.std(dim=(0, 2, 3))
    check(z.shape == (1000, 4, 7, 7) and back.shape == x.shape, "autoencoder: shapes")
    check(error < 0.06, "autoencoder: error %.3f of the images' variance, at most 0.06" % error)
    # the mean of 1000 images in a channel has a standard error of about 0.03, which their brightness sets
    check(mean.abs().max() < 0.1 and (sd - 1).abs().max() < 0.1, "autoencoder: channels have mean 0 and variance 1")
    check((back[:1] - alone).abs().max() < 1e-4, "autoencoder: a sample does not depend on its batch")


def test_latent_unet():
    net, about, size = load("fashion-latent-unet.pt")
    check(size <= 4e6, "latent unet: 4 MB at most")
    check(about.get("prediction") == "v" and about.get("shape") == "4,7,7" and about.get("classes") == "10",
          "latent unet: metadata")
    x, y = (v[:500] for v in fashion.load("t10k"))
    alpha, sigma = fashion.alpha_sigma()
    with torch.no_grad():
        z = load("fashion-encoder.pt")[0](x)
        for t in (100, 500):
            noisy = alpha[t] * z + sigma[t] * torch.randn_like(z)
            guess = alpha[t] * noisy - sigma[t] * net(noisy, torch.full((len(z),), float(t)), y)
            error, linear = float((guess - z).pow(2).mean()), float(sigma[t] ** 2)
            # sigma^2 is the error of the best linear guess where values are independent, of variance 1
            check(error < 0.9 * linear, "latent unet: t = %d, error %.4f, at most 0.9 of %.4f" % (t, error, linear))
    check_unet("latent unet", net, (4, 7, 7))


if __name__ == "__main__":
    torch.manual_seed(1)
    test_unet()
    test_heads()
    test_classifier()
    test_noisy_classifier()
    test_autoencoder()
    test_latent_unet()
    sys.exit(len(failed) > 0)
