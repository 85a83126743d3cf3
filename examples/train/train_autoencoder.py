#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""Trains the autoencoder of the latent example and writes both halves as TorchScript.

    /usr/bin/python3 examples/train/train_autoencoder.py --minutes 8

The decoder sees latents with noise of standard deviation --noise, a tenth of theirs, so that
nothing hangs on digits that a sampler cannot get right.  The loss is mean squared plus mean
absolute error, the second because black backgrounds and edges come out sharper.  The same
command goes on from the checkpoint in --work.
"""
import argparse
import math

from loop import Loop, write  # first: it sets the number of threads

import torch
from torch import nn
import torch.nn.functional as F

import fashion
from autoencoder import LATENT, Decoder, Encoder
from fused_norm import training_norm
from precision import mixed


class Autoencoder(nn.Module):
    def __init__(self, **options):
        super().__init__()
        self.encoder, self.decoder = Encoder(**options), Decoder(**options)


def arguments():
    p = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    p.add_argument("--encoder", default="examples/models/fashion-encoder.pt")
    p.add_argument("--decoder", default="examples/models/fashion-decoder.pt")
    p.add_argument("--work", default="build/train", help="folder of the resumable checkpoint")
    p.add_argument("--minutes", type=float, default=8, help="time to spend, over all runs")
    p.add_argument("--images", type=float, default=math.inf, help="stop after this many images")
    p.add_argument("--batch", type=int, default=64)
    p.add_argument("--rate", type=float, default=1.5e-3)
    p.add_argument("--noise", type=float, default=0.1)
    p.add_argument("--seed", type=int, default=3)
    return p.parse_args()


def loss_of(args, x):
    def loss(net):
        image = x[torch.randint(0, len(x), (args.batch,))]
        with mixed():
            z = net.encoder(image.contiguous(memory_format=torch.channels_last))
            z = (z + args.noise * torch.randn_like(z)).contiguous(memory_format=torch.channels_last)
            out = net.decoder(z).float()
        return F.mse_loss(out, image) + F.l1_loss(out, image)
    return loss


def normalise(encoder, x):
    """Sets the encoder's normalisation to the statistics of all latents."""
    with torch.no_grad():
        z = torch.cat([encoder.raw(part) for part in x.split(500)]).double()
    encoder.normal.running_mean.copy_(z.mean(dim=(0, 2, 3)))
    encoder.normal.running_var.copy_(z.var(dim=(0, 2, 3)))


def main():
    args = arguments()
    torch.manual_seed(args.seed)
    x, _ = fashion.load("train")
    loop = Loop(args, "autoencoder", Autoencoder(norm=training_norm(args.work)))
    trained = loop.run(loss_of(args, x))
    net = Autoencoder()  # with the plain norm, which the files need
    net.load_state_dict(trained.state_dict())
    net.eval()
    normalise(net.encoder, x)
    about = {"images": loop.state["images"], "seed": args.seed, "loss": "%.5f" % loop.state["loss"]}
    latent = ",".join(str(v) for v in LATENT)
    write(args.encoder, net.encoder, {"kind": "encoder", "shape": "1,28,28", "latent": latent, **about})
    write(args.decoder, net.decoder, {"kind": "decoder", "shape": latent, "image": "1,28,28", **about})


if __name__ == "__main__":
    main()
