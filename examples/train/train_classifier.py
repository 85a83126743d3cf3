#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""Trains the small classifier that judges the samples, and writes it as TorchScript.

    /usr/bin/python3 examples/train/train_classifier.py
    /usr/bin/python3 examples/train/train_classifier.py --noisy --minutes 17

The first: forward(x[N,1,28,28] in [-1,1]) -> logits[N,10]; features(x) -> [N,128], what a Frechet
distance between sets of images is taken on.  It sees real images only.

--noisy: the classifier that steers samples (noisy_classifier.py), another network from another
seed, so that it shares no error with the judge.  Its learning rate falls with the share of
--minutes or --images that is spent; the same command goes on from the checkpoint in --work.
"""
import argparse
import math
import os
import time

# See train_unet.py: more threads spin at barriers, and are slow on shared cores.
os.environ.setdefault("OMP_NUM_THREADS", "1")

import torch
from torch import nn
import torch.nn.functional as F

import fashion
from precision import mixed


class Classifier(nn.Module):
    """Convolutions with batch norm (folded into constants by eval()), three resolutions."""

    def __init__(self, widths=(32, 64, 96), classes=10):
        super().__init__()
        a, b, c = widths
        self.convs = nn.Sequential(
            nn.Conv2d(1, a, 3, padding=1), nn.BatchNorm2d(a), nn.ReLU(),
            nn.Conv2d(a, a, 3, padding=1), nn.BatchNorm2d(a), nn.ReLU(), nn.MaxPool2d(2),
            nn.Conv2d(a, b, 3, padding=1), nn.BatchNorm2d(b), nn.ReLU(),
            nn.Conv2d(b, b, 3, padding=1), nn.BatchNorm2d(b), nn.ReLU(), nn.MaxPool2d(2),
            nn.Conv2d(b, c, 3, padding=1), nn.BatchNorm2d(c), nn.ReLU())
        self.hidden = nn.Linear(c * 9, 128)
        self.drop = nn.Dropout(0.3)
        self.out = nn.Linear(128, classes)

    @torch.jit.export
    def features(self, x):
        h = F.max_pool2d(self.convs(x), 2)
        return F.relu(self.hidden(h.flatten(1)))

    def forward(self, x):
        return self.out(self.drop(self.features(x)))


def augment(x):
    """Shifts by up to two pixels and mirrors half of the images; the border is black, -1."""
    i, j = (int(v) for v in torch.randint(0, 5, (2,)))
    x = F.pad(x, (2, 2, 2, 2), value=-1.0)[:, :, i:i + 28, j:j + 28]
    return torch.where((torch.rand(len(x)) < 0.5)[:, None, None, None], x.flip(3), x)


def accuracy(net, x, y):
    with torch.no_grad():
        hits = [(net(a).argmax(1) == b).sum() for a, b in zip(x.split(500), y.split(500))]
    return float(sum(hits)) / len(x)


def train(net, epochs, batch, rate):
    x, y = fashion.load("train")
    opt = torch.optim.Adam(net.parameters(), lr=rate, weight_decay=1e-5)
    steps, start = epochs * (len(x) // batch), time.time()
    done = 0
    for epoch in range(epochs):
        total = 0.0
        for pick in torch.randperm(len(x)).split(batch)[:len(x) // batch]:
            for group in opt.param_groups:
                group["lr"] = rate * 0.5 * (1 + math.cos(math.pi * done / steps))
            image = augment(x[pick]).contiguous(memory_format=torch.channels_last)
            with mixed():
                logits = net(image)
            loss = F.cross_entropy(logits.float(), y[pick], label_smoothing=0.02)
            opt.zero_grad(set_to_none=True)
            loss.backward()
            opt.step()
            done += 1
            total += float(loss)
        print("epoch %d  loss %.4f  %.0f s" % (epoch + 1, total / (len(x) // batch), time.time() - start), flush=True)


def arguments():
    p = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    p.add_argument("--noisy", action="store_true", help="the classifier of noisy images")
    p.add_argument("--out", help="default: fashion-classifier.pt or fashion-classifier-noisy.pt in examples/models")
    p.add_argument("--epochs", type=int, default=6, help="not for --noisy")
    p.add_argument("--batch", type=int, default=128)
    p.add_argument("--rate", type=float, default=2e-3)
    p.add_argument("--seed", type=int, help="default 1, with --noisy 2")
    p.add_argument("--minutes", type=float, default=17, help="for --noisy: time to spend, over all runs")
    p.add_argument("--images", type=float, default=math.inf, help="for --noisy: stop after this many")
    p.add_argument("--work", default="build/train", help="for --noisy: folder of the checkpoint")
    args = p.parse_args()
    args.out = args.out or "examples/models/fashion-classifier%s.pt" % ("-noisy" if args.noisy else "")
    args.seed = (2 if args.noisy else 1) if args.seed is None else args.seed
    return args


def main():
    args = arguments()
    if args.noisy:
        import noisy_classifier
        return noisy_classifier.train(args)
    torch.manual_seed(args.seed)
    net = Classifier().to(memory_format=torch.channels_last)
    train(net, args.epochs, args.batch, args.rate)
    net = net.to(memory_format=torch.contiguous_format).eval()
    share = accuracy(net, *fashion.load("t10k"))
    print("accuracy on the 10000 test images %.4f, %d parameters" % (share, sum(v.numel() for v in net.parameters())))
    torch.jit.script(net).save(args.out, _extra_files={"covsamp.txt": "kind=classifier\naccuracy=%.4f\n" % share})


if __name__ == "__main__":
    main()
