#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""What does the way through the latents lose, and are latents what a diffusion supposes?

    /usr/bin/python3 tests/models/evaluate_autoencoder.py

On all test images: the error of decode(encode(x)) beside the images' variance and, with
--noise, that of decode(encode(x) + noise); the shares of right answers that the judge gives to
reconstructions and to the images themselves; mean and standard deviation of every channel.

    ... evaluate_autoencoder.py --write build/latents

writes latents.npy and labels.npy of the first --images test images, for `covsamp calibrate`.

    ... evaluate_autoencoder.py --judge samples.npy

decodes latents that `covsamp sample --label all` drew and says how many the judge takes for
what was asked for; --decoded FILE.npy keeps the images, --sheet FILE.png shows the first 80.
"""
import argparse
import os
import sys

os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("OMP_WAIT_POLICY", "passive")

import numpy as np
import torch

ROOT = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..")
MODELS = os.path.join(ROOT, "examples", "models")
sys.path.insert(0, os.path.join(ROOT, "examples", "train"))
import fashion  # noqa: E402
from evaluate_unet import labelled, write_sheet  # noqa: E402


@torch.no_grad()
def through(net, x):
    return torch.cat([net(part) for part in x.split(500)])


def errors(encoder, decoder, judge, noise):
    x, y = fashion.load("t10k")
    z = through(encoder, x)
    generator = torch.Generator().manual_seed(1)
    blurred = z + noise * torch.randn(z.shape, generator=generator)
    back = through(decoder, z)
    print("%d test images, variance of a pixel %.4f" % (len(x), float((x - x.mean(0)).pow(2).mean())))
    print("mean squared error %.5f, mean absolute error %.4f; with noise of %g in the latents %.5f, %.4f" % (
        float((back - x).pow(2).mean()), float((back - x).abs().mean()), noise,
        float((through(decoder, blurred) - x).pow(2).mean()), float((through(decoder, blurred) - x).abs().mean())))
    print("judge: %.2f %% of the images right, %.2f %% of the reconstructions" % tuple(
        100 * float((labelled(judge, v) == y).double().mean()) for v in (x, back)))
    print("channels: mean %s, standard deviation %s, largest value %.2f" % (
        " ".join("%.3f" % v for v in z.mean(dim=(0, 2, 3))), " ".join("%.3f" % v for v in z.std(dim=(0, 2, 3))),
        float(z.abs().max())))


def write_latents(encoder, folder, count):
    x, y = (v[:count] for v in fashion.load("t10k"))
    os.makedirs(folder, exist_ok=True)
    np.save(os.path.join(folder, "latents.npy"), through(encoder, x).numpy())
    np.save(os.path.join(folder, "labels.npy"), y.numpy())


def judge_samples(decoder, judge, args):
    images = through(decoder, torch.from_numpy(np.load(args.judge)))
    asked = torch.arange(len(images)) % 10
    hit = (labelled(judge, images.clamp(-1, 1)) == asked).double()
    share = float(hit.mean())
    print("requested label given to %.1f %% +- %.1f of %d samples; values %.2f ... %.2f" % (
        100 * share, 100 * (share * (1 - share) / len(images)) ** 0.5, len(images), images.min(), images.max()))
    print("by class: " + " ".join("%s %.0f" % (name, 100 * float(hit[asked == k].mean()))
                                  for k, name in enumerate(fashion.NAMES)))
    if args.decoded:
        np.save(args.decoded, images.numpy())
    if args.sheet:
        write_sheet(args.sheet, images[:80])


def main():
    p = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    p.add_argument("--encoder", default=os.path.join(MODELS, "fashion-encoder.pt"))
    p.add_argument("--decoder", default=os.path.join(MODELS, "fashion-decoder.pt"))
    p.add_argument("--noise", type=float, default=0.1)
    p.add_argument("--write", metavar="FOLDER")
    p.add_argument("--images", type=int, default=500)
    p.add_argument("--judge", metavar="FILE.npy")
    p.add_argument("--decoded", metavar="FILE.npy")
    p.add_argument("--sheet", metavar="FILE.png")
    args = p.parse_args()
    load = lambda path: torch.jit.load(path, map_location="cpu").eval()
    encoder, decoder = load(args.encoder), load(args.decoder)
    judge = load(os.path.join(MODELS, "fashion-classifier.pt"))
    if args.write:
        write_latents(encoder, args.write, args.images)
    elif args.judge:
        judge_samples(decoder, judge, args)
    else:
        errors(encoder, decoder, judge, args.noise)


if __name__ == "__main__":
    main()
