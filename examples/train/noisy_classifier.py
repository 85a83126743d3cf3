# SPDX-License-Identifier: BSD-3-Clause
"""The classifier of noisy images whose gradient steers samples, and its training.

forward(x[N,1,28,28], t[N]) -> logits[N,10]; x = alpha x0 + sigma noise, t the 0-based training
step as a float, -1 for clean images.  Smooth everywhere, since the input gradient is what is
used: SiLU, strides and a mean in place of ReLU and max-pooling.  Neither augmentation nor label
smoothing: log p(y | x_t) is wanted for the data as they are, and the noise itself regularises.
"""
from loop import Loop, write  # first: it sets the number of threads

import torch
from torch import nn
import torch.nn.functional as F

import fashion
from fused_norm import training_norm
from precision import mixed
from train_unet import levels
from unet import Norm, ResBlock, TimeEmbedding

CLEAN = 0.15  # share of clean images, level 0, which the last steps of every guided run ask for


class NoisyClassifier(nn.Module):
    """Residual blocks that know the level at 28, 14 and 7 pixels, then one linear layer."""

    def __init__(self, widths=(24, 48, 80), emb=96, classes=10, norm=Norm):
        super().__init__()
        a, b, c = widths
        self.time = TimeEmbedding(2 * a, emb)
        self.stem = nn.Conv2d(1, a, 3, padding=1)
        self.block1 = ResBlock(a, a, emb, norm)
        self.shrink1 = nn.Conv2d(a, b, 3, stride=2, padding=1)
        self.block2 = nn.ModuleList([ResBlock(b, b, emb, norm), ResBlock(b, b, emb, norm)])
        self.shrink2 = nn.Conv2d(b, c, 3, stride=2, padding=1)
        self.block3 = nn.ModuleList([ResBlock(c, c, emb, norm), ResBlock(c, c, emb, norm)])
        self.hidden = nn.Conv2d(c, 2 * c, 3, stride=2, padding=1)
        self.last_norm, self.last = norm(2 * c), nn.Linear(2 * c, classes)

    def forward(self, x, t):
        e = F.silu(self.time(t))
        h = self.shrink1(self.block1(self.stem(x), e))
        h = self.shrink2(self.block2[1](self.block2[0](h, e), e))
        h = self.hidden(self.block3[1](self.block3[0](h, e), e))
        return self.last(self.last_norm(h).mean(dim=(2, 3)))


def draw(count, x, y, alpha, sigma):
    """One batch: (image, step, label); every level as often, a share of clean images aside."""
    pick, t = torch.randint(0, len(x), (count,)), levels(count)
    a, s = alpha[t][:, None, None, None], sigma[t][:, None, None, None]
    clean = torch.rand(count) < CLEAN
    noisy = torch.where(clean[:, None, None, None], x[pick], a * x[pick] + s * torch.randn(count, 1, 28, 28))
    return noisy, torch.where(clean, -torch.ones(count), t.float()), y[pick]


def loss_of(args, x, y):
    alpha, sigma = fashion.alpha_sigma()

    def loss(net):
        noisy, t, label = draw(args.batch, x, y, alpha, sigma)
        with mixed():
            logits = net(noisy.contiguous(memory_format=torch.channels_last), t)
        return F.cross_entropy(logits.float(), label)
    return loss


def train(args):
    """args: those of Loop, and out.  Goes on from the checkpoint in args.work."""
    torch.manual_seed(args.seed)
    loop = Loop(args, "noisy-classifier", NoisyClassifier(norm=training_norm(args.work)), decay=0.02)
    trained = loop.run(loss_of(args, *fashion.load("train")))
    net = NoisyClassifier()  # with the plain norm, which the file needs
    net.load_state_dict(trained.state_dict())
    write(args.out, net, {
        "kind": "classifier", "shape": "1,28,28", "classes": 10, "schedule": "linear", "levels": 1000, "time": "step",
        "images": loop.state["images"], "seed": args.seed, "loss": "%.5f" % loop.state["loss"]})
