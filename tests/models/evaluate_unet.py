#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""Is a TorchScript diffusion network good enough to judge samplers with?

    /usr/bin/python3 tests/models/evaluate_unet.py examples/models/fashion-unet.pt

(a) A classifier trained on real images gives the requested label to >= 80 % of class-conditional
    samples drawn with DDIM, eta = 0, 100 steps, x0 clipped to [-1,1] (the noise estimate is not
    recomputed after clipping).
(b) The covariance that the network's Jacobian implies is as large as the error it really makes:
    on test images the probed trace of C/D is within 10 % of the mean squared error of x0 up to
    t = 500.  x0 is not clipped here.  Jacobian-vector products are exact (forward mode).
Exits 1 when either fails.
"""
import argparse
import json
import os
import struct
import sys
import zlib

os.environ.setdefault("OMP_WAIT_POLICY", "passive")

import numpy as np
import torch
import torch.autograd.forward_ad as fwad

ROOT = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..")
sys.path.insert(0, os.path.join(ROOT, "examples", "train"))
import fashion  # noqa: E402

STEPS = (20, 50, 100, 200, 300, 500, 700, 900)
JUDGED, WITHIN, SHARE = 500, 0.10, 0.80


class Network:
    """x0, its noise and the covariance of x0 given x, from a network of either prediction type."""

    def __init__(self, path):
        extra = {"covsamp.txt": ""}
        self.net = torch.jit.load(path, map_location="cpu", _extra_files=extra).eval()
        text = extra["covsamp.txt"]
        text = text.decode() if isinstance(text, bytes) else text
        self.about = dict(line.split("=", 1) for line in text.splitlines() if line)
        self.kind = self.about["prediction"]
        if self.kind not in ("v", "noise"):
            raise SystemExit("%s: prediction is %r, not v or noise" % (path, self.kind))
        self.alpha, self.sigma = (v.double() for v in fashion.alpha_sigma())

    def out(self, x, t, y):
        return self.net(x, torch.full((len(x),), float(t)), y)

    def split(self, x, out, t):
        """(x0, noise) that the output stands for."""
        a, s = float(self.alpha[t]), float(self.sigma[t])
        if self.kind == "v":
            return a * x - s * out, s * x + a * out
        return (x - s * out) / a, out

    def covariance(self, probe, product, t):
        """C p from p and the network's Jacobian times p."""
        a, s = float(self.alpha[t]), float(self.sigma[t])
        if self.kind == "v":
            return (s * s / a) * (a * probe - s * product)
        return (s * s / (a * a)) * (probe - s * product)

    def product(self, x, probe, t, y):
        """(output, Jacobian times probe)"""
        with torch.no_grad(), torch.jit.optimized_execution(False), fwad.dual_level():
            out = self.out(fwad.make_dual(x, probe), t, y)
            value, product = fwad.unpack_dual(out)
            if product is None:
                raise SystemExit("the network has no forward-mode derivative")
            return value, product


def even_levels(count, total=1000):
    """1-based levels ns[i] = round(1 + i (N-1)/(K-1)), halves to even."""
    return np.rint(1 + np.arange(count) * (total - 1) / (count - 1)).astype(int)


@torch.no_grad()
def ddim(network, labels, count, seed, batch):
    generator = torch.Generator().manual_seed(seed)
    x_all = torch.randn(len(labels), 1, 28, 28, generator=generator)
    steps = (even_levels(count) - 1).tolist()
    done = []
    for x, y in zip(x_all.split(batch), labels.split(batch)):
        for i in reversed(range(count)):
            x0, noise = network.split(x, network.out(x, steps[i], y), steps[i])
            x = x0.clamp(-1, 1)
            if i > 0:
                s = steps[i - 1]
                x = float(network.alpha[s]) * x + float(network.sigma[s]) * noise
        done.append(x)
    return torch.cat(done)


@torch.no_grad()
def labelled(classifier, x):
    return torch.cat([classifier(part).argmax(1) for part in x.split(500)])


def conditional(network, classifier, args):
    labels = torch.arange(10).repeat(args.samples // 10)
    samples = ddim(network, labels, args.ddim_steps, args.seed, args.batch)
    hit = labelled(classifier, samples) == labels
    if args.sheet:
        write_sheet(args.sheet, samples[:80])
    share = float(hit.double().mean())
    return {"samples": len(labels), "steps": args.ddim_steps, "share": share,
            "se": (share * (1 - share) / len(labels)) ** 0.5,
            "by_class": [float(hit[labels == k].double().mean()) for k in range(10)]}


def write_sheet(path, samples):
    """Eight rows of ten as a grey PNG, written here so that no image library is needed."""
    rows = samples.reshape(8, 10, 28, 28).permute(0, 2, 1, 3).reshape(224, 280)
    pixels = ((rows + 1) * 127.5).round().clamp(0, 255).byte().numpy()
    chunk = lambda kind, body: (struct.pack(">I", len(body)) + kind + body +
                                struct.pack(">I", zlib.crc32(kind + body)))
    with open(path, "wb") as f:
        f.write(b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", struct.pack(">IIBBBBB", 280, 224, 8, 0, 0, 0, 0)) +
                chunk(b"IDAT", zlib.compress(b"".join(b"\0" + row.tobytes() for row in pixels))) + chunk(b"IEND", b""))


def one_level(network, x, y, t, args):
    generator = torch.Generator().manual_seed(1000 * args.seed + t)
    errors, traces = [], []
    for x0, label in zip(x.split(args.batch), y.split(args.batch)):
        noise = torch.randn(x0.shape, generator=generator)
        noisy = float(network.alpha[t]) * x0 + float(network.sigma[t]) * noise
        trace = torch.zeros(len(x0), dtype=torch.float64)
        for _ in range(args.probes):
            probe = torch.randint(0, 2, x0.shape, generator=generator) * 2.0 - 1.0
            out, product = network.product(noisy, probe, t, label)
            column = network.covariance(probe.double(), product.double(), t)
            trace += (probe.double() * column).flatten(1).mean(1) / args.probes
        guess = network.split(noisy.double(), out.double(), t)[0]
        errors.append((guess - x0.double()).pow(2).flatten(1).mean(1))
        traces.append(trace)
    e, c = torch.cat(errors), torch.cat(traces)
    root = len(e) ** 0.5
    ratio = float(c.mean() / e.mean())
    # delta method: the two means are taken on the same images
    return {"t": t, "mse": float(e.mean()), "mse_se": float(e.std()) / root, "trace": float(c.mean()),
            "trace_se": float(c.std()) / root, "ratio": ratio,
            "ratio_se": float((c - ratio * e).std()) / root / float(e.mean())}


def arguments():
    p = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    p.add_argument("model")
    p.add_argument("--classifier", default=os.path.join(ROOT, "examples", "models", "fashion-classifier.pt"))
    p.add_argument("--only", choices=("a", "b"))
    p.add_argument("--samples", type=int, default=500, help="for (a), a multiple of 10")
    p.add_argument("--ddim-steps", type=int, default=100)
    p.add_argument("--images", type=int, default=500, help="test images for (b)")
    p.add_argument("--probes", type=int, default=2, help="Rademacher probes an image and level")
    p.add_argument("--batch", type=int, default=100)
    p.add_argument("--seed", type=int, default=1)
    p.add_argument("--threads", type=int, default=2)
    p.add_argument("--sheet", help="write the first 80 samples of (a) as a PNG image")
    p.add_argument("--json", action="store_true")
    args = p.parse_args()
    if args.samples % 10 or args.samples < 10 or (args.sheet and args.samples < 80):
        p.error("--samples must be a multiple of 10, and at least 80 for --sheet")
    return args


def report(result):
    about = result["model"]
    print(", ".join("%s=%s" % pair for pair in about.items()))
    if "a" in result:
        a = result["a"]
        print("(a) requested label given to %.1f %% +- %.1f of %d samples, DDIM %d steps (real test images: %.1f %%)" %
              (100 * a["share"], 100 * a["se"], a["samples"], a["steps"], 100 * a["real"]))
        print("    by class: " + " ".join("%s %.0f" % (n, 100 * v) for n, v in zip(fashion.NAMES, a["by_class"])))
    if "b" in result:
        print("(b)   t    MSE of x0 (se)       trace of C/D (se)    ratio (se)")
        for r in result["b"]:
            print("    %3d  %.5f (%.5f)  %9.5f (%.5f)  %6.3f (%.3f)%s" %
                  (r["t"], r["mse"], r["mse_se"], r["trace"], r["trace_se"], r["ratio"], r["ratio_se"],
                   "" if abs(r["ratio"] - 1) <= WITHIN else "  *"))
        print("    * misses 10 %%; judged up to t = %d" % JUDGED if any(
            abs(r["ratio"] - 1) > WITHIN for r in result["b"]) else "    every level within 10 %")
    print("good enough" if result["good"] else "NOT good enough")


def main():
    args = arguments()
    torch.set_num_threads(args.threads)
    network = Network(args.model)
    x, y = fashion.load("t10k")
    result, good = {"model": network.about}, True
    if args.only != "b":
        classifier = torch.jit.load(args.classifier, map_location="cpu").eval()
        result["a"] = conditional(network, classifier, args)
        result["a"]["real"] = float((labelled(classifier, x) == y).double().mean())
        good &= result["a"]["share"] >= SHARE
    if args.only != "a":
        x, y = x[:args.images], y[:args.images]
        result["b"] = [one_level(network, x, y, t, args) for t in STEPS]
        good &= all(abs(r["ratio"] - 1) <= WITHIN for r in result["b"] if r["t"] <= JUDGED)
    result["good"] = bool(good)
    print(json.dumps(result)) if args.json else report(result)
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
