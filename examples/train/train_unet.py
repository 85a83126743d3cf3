#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""Trains the class-conditional UNet on Fashion-MNIST and writes it as TorchScript.

    /usr/bin/python3 examples/train/train_unet.py --minutes 120
    /usr/bin/python3 examples/train/train_unet.py --latent examples/models/fashion-encoder.pt --threads 1 --minutes 20

The second trains on latents, which the given encoder makes of the images, and a smaller network.  --widths makes the first
smaller, and --keep keeps copies on the way: examples/evaluation/twins.sh compares networks so.
The learning rate falls with the share of --minutes that is spent, so the budget is the only
knob that matters.  Every few minutes a checkpoint goes to --work and the network (its
exponential moving average) to --out; the same command continues from the checkpoint.  On a
machine without it, --out itself is the starting point: the averaged weights, a fresh optimiser.
"""
import argparse
import copy
import json
import math
import os
import shutil
import time
from concurrent.futures import ThreadPoolExecutor

# Each half of a batch has a thread of its own, and the libraries below use that one thread:
# oneDNN's weight gradient otherwise spins at barriers, which is some ten times slower as soon
# as anything else runs on the same cores.  Read when torch is imported.
os.environ["OMP_NUM_THREADS"] = "1"

import torch
import torch.nn.functional as F

import fashion
from fused_norm import training_norm
from latent_unet import LatentUNet
from precision import mixed
from unet import UNet


def arguments():
    p = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    p.add_argument("--prediction", choices=("v", "noise"), default="v")
    p.add_argument("--latent", metavar="ENCODER", help="train on latents, which this file's network makes")
    p.add_argument("--out", help="default: fashion-unet.pt or fashion-latent-unet.pt in examples/models")
    p.add_argument("--work", default="build/train", help="folder of the resumable checkpoint")
    p.add_argument("--minutes", type=float, default=120, help="time to spend, over all runs")
    p.add_argument("--images", type=float, default=math.inf, help="stop after this many images")
    p.add_argument("--widths", default="32,64,96", help="channels at the three resolutions")
    p.add_argument("--keep", default="", help="numbers of images after which a copy of --out stays, as NAME-IMAGES.pt")
    p.add_argument("--batch", type=int, default=64)
    p.add_argument("--rate", type=float, default=6e-4)
    p.add_argument("--threads", type=int, default=2, help="a divisor of --batch")
    p.add_argument("--seed", type=int, default=1)
    args = p.parse_args()
    args.out = args.out or "examples/models/fashion-%sunet.pt" % ("latent-" if args.latent else "")
    args.widths = tuple(map(int, args.widths.split(",")))
    args.keep = sorted(int(n) for n in args.keep.split(",") if n)
    args.checkpoint = os.path.join(args.work, ("latent-" if args.latent else "") + args.prediction + ".ckpt")
    return args


def network(args, **options):
    return LatentUNet(**options) if args.latent else UNet(widths=args.widths, **options)


def load(args):
    """(images or their latents, labels)"""
    x, y = fashion.load("train")
    if args.latent:
        encoder = torch.jit.load(args.latent).eval()
        with torch.no_grad():
            x = torch.cat([encoder(part) for part in x.split(500)])
    return x, y


def levels(count):
    """Random training steps, one in each of `count` equal ranges: less noise in the gradient."""
    return ((torch.arange(count) + torch.rand(count)) * (1000 / count)).long().clamp_(max=999)


def target(prediction, x0, noise, alpha, sigma):
    return noise if prediction == "noise" else alpha * noise - sigma * x0


def metadata(args, state):
    """What a sampler must know of the file: read by covsamp_torch_metadata()."""
    pairs = {"prediction": args.prediction, "schedule": "linear", "levels": 1000,
             "shape": "4,7,7" if args.latent else "1,28,28", "classes": 10, "time": "step",
             "images": state["images"], "loss": "%.5f" % state["loss"]}
    return "".join("%s=%s\n" % kv for kv in pairs.items())


def export(args, weights, state):
    net = network(args)
    net.load_state_dict(weights)
    script = torch.jit.script(net.eval())
    script.save(args.out + ".new", _extra_files={"covsamp.txt": metadata(args, state)})
    os.replace(args.out + ".new", args.out)


def keep(args, ema, state, before):
    """A copy where one of --keep lies between the images before and now."""
    if any(before < images <= state["images"] for images in args.keep):
        export(args, ema.state_dict(), state)
        shutil.copyfile(args.out, "%s-%d.pt" % (os.path.splitext(args.out)[0], state["images"]))


def resume(args, net, ema, opt, state):
    """Returns the number of images that the optimiser has seen, which its warm-up goes by."""
    fresh = 0
    if os.path.exists(args.checkpoint):
        saved = torch.load(args.checkpoint)
        net.load_state_dict(saved["net"])
        ema.load_state_dict(saved["ema"])
        opt.load_state_dict(saved["opt"])
        state.update(saved["state"])
        fresh = state["images"]
    elif os.path.exists(args.out):
        extra = {"covsamp.txt": ""}
        weights = torch.jit.load(args.out, _extra_files=extra).state_dict()
        text = extra["covsamp.txt"].decode() if isinstance(extra["covsamp.txt"], bytes) else extra["covsamp.txt"]
        pairs = dict(line.split("=") for line in text.splitlines())
        if pairs["prediction"] != args.prediction:
            raise SystemExit("%s predicts %s: give another --out" % (args.out, pairs["prediction"]))
        net.load_state_dict(weights)
        ema.load_state_dict(weights)
        state["images"] = int(pairs["images"])
    print(json.dumps({"start": dict(state)}), flush=True)
    return fresh


def save(args, net, ema, opt, state):
    torch.save({"net": net.state_dict(), "ema": ema.state_dict(), "opt": opt.state_dict(),
                "state": state}, args.checkpoint + ".new")
    os.replace(args.checkpoint + ".new", args.checkpoint)
    export(args, ema.state_dict(), state)


def learning_rate(args, state, fresh_images):
    spent = max(min(state["seconds"] / (60 * args.minutes), 1), min(state["images"] / args.images, 1))
    warm = min(fresh_images / (500 * args.batch), 1)
    return args.rate * warm * (0.02 + 0.98 * 0.5 * (1 + math.cos(math.pi * spent)))


def update_average(ema, net, images, batch):
    step = images / batch
    decay = min(0.9995, (1 + step) / (10 + step))
    with torch.no_grad():
        for a, b in zip(ema.parameters(), net.parameters()):
            a.lerp_(b, 1 - decay)


def draw(args, x, y, alpha, sigma):
    """One batch: (noisy image, step, label, what the network should answer)."""
    pick, t = torch.randint(0, len(x), (args.batch,)), levels(args.batch)
    a, s = alpha[t][:, None, None, None], sigma[t][:, None, None, None]
    label = torch.where(torch.rand(args.batch) < 0.1, torch.full_like(t, 10), y[pick])
    noise = torch.randn(x[pick].shape)
    return a * x[pick] + s * noise, t.float(), label, target(args.prediction, x[pick], noise, a, s)


def gradient(net, part):
    noisy, t, label, goal = part
    with mixed():
        out = net(noisy.contiguous(memory_format=torch.channels_last), t, label)
    loss = F.mse_loss(out.float(), goal)
    return float(loss), torch.autograd.grad(loss, list(net.parameters()))


def train_step(args, net, opt, pool, batch):
    """Every thread takes every threads-th image, so that each sees all noise levels."""
    parts = [[v[k::args.threads] for v in batch] for k in range(args.threads)]
    losses, grads = zip(*pool.map(lambda part: gradient(net, part), parts))
    for p, *shares in zip(net.parameters(), *grads):
        p.grad = sum(shares) / args.threads
    torch.nn.utils.clip_grad_norm_(net.parameters(), 1.0)
    opt.step()
    return sum(losses) / args.threads


def main():
    args = arguments()
    os.makedirs(args.work, exist_ok=True)
    net = network(args, norm=training_norm(args.work)).to(memory_format=torch.channels_last)
    ema = copy.deepcopy(net)
    opt = torch.optim.Adam(net.parameters(), lr=args.rate, betas=(0.9, 0.99))
    state = {"images": 0, "seconds": 0.0, "loss": 1.0}
    fresh = resume(args, net, ema, opt, state)
    torch.manual_seed(args.seed + state["images"])
    x, y = load(args)
    alpha, sigma = fashion.alpha_sigma()
    pool = ThreadPoolExecutor(args.threads)
    saved, shown = time.time(), state["images"]
    while state["seconds"] < 60 * args.minutes and state["images"] < args.images:
        start = time.time()
        for group in opt.param_groups:
            group["lr"] = learning_rate(args, state, fresh)
        loss = train_step(args, net, opt, pool, draw(args, x, y, alpha, sigma))
        fresh += args.batch
        state["images"] += args.batch
        state["loss"] += 0.005 * (loss - state["loss"])
        update_average(ema, net, state["images"], args.batch)
        state["seconds"] += time.time() - start
        keep(args, ema, state, state["images"] - args.batch)
        if state["images"] - shown >= 12800:
            shown = state["images"]
            print(json.dumps({**state, "lr": opt.param_groups[0]["lr"]}), flush=True)
        if time.time() - saved > 180:
            saved = time.time()
            save(args, net, ema, opt, state)
    save(args, net, ema, opt, state)
    print(json.dumps({"end": dict(state)}), flush=True)


if __name__ == "__main__":
    main()
