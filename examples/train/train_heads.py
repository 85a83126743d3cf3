#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""Trains heads for learned covariances on the frozen UNet, and writes both as one TorchScript file.

    /usr/bin/python3 examples/train/train_heads.py --minutes 7

All four objectives at once.  Each is a squared error (iddpm: a term of the bound) whose weight
depends on x_t and t only, so that the minimiser is the paper's:

    ocm    h against v (sigma^2 J_s^T v), s = -eps/sigma, one Rademacher probe v (Ou et al. 2025)
    sn     e against eps^2, d against (eps - eps_hat)^2: npr (Bao et al. 2022, extended)
    iddpm  the bound's term of the chain of 1000 steps, its mean fixed (Nichol & Dhariwal 2021)

The learning rate falls with the share of --minutes that is spent; the same command continues
from the checkpoint in --work.
"""
import argparse
import copy
import json
import math
import os
import time
from concurrent.futures import ThreadPoolExecutor

from train_unet import draw, update_average  # first: it sets the number of threads

import torch

import fashion
from fused_norm import training_norm
from heads import NAMES, Heads, WithHeads
from precision import mixed
from unet import UNet

BINS = 10  # of levels, each with its own estimate of how noisy an objective is


def arguments():
    p = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    p.add_argument("--unet", default="examples/models/fashion-unet.pt")
    p.add_argument("--out", default="examples/models/fashion-heads.pt")
    p.add_argument("--work", default="build/train", help="folder of the resumable checkpoint")
    p.add_argument("--minutes", type=float, default=7, help="time to spend, over all runs")
    p.add_argument("--images", type=float, default=math.inf, help="stop after this many images")
    p.add_argument("--batch", type=int, default=64)
    p.add_argument("--rate", type=float, default=2e-3)
    p.add_argument("--threads", type=int, default=2, help="a divisor of --batch")
    p.add_argument("--seed", type=int, default=1)
    args = p.parse_args()
    args.prediction = "v"
    return args


def read_unet(path):
    """(weights, metadata) of the backbone, which must predict v."""
    extra = {"covsamp.txt": ""}
    weights = torch.jit.load(path, map_location="cpu", _extra_files=extra).state_dict()
    text = extra["covsamp.txt"]
    text = text.decode() if isinstance(text, bytes) else text
    if "prediction=v" not in text.split():
        raise SystemExit("%s does not predict v" % path)
    return weights, text


def export(path, weights, heads, text, state):
    unet, plain = UNet(), Heads()
    unet.load_state_dict(weights)
    plain.load_state_dict(heads.state_dict())
    about = text + "heads=%s\nhead_images=%d\n" % (",".join(NAMES), state["images"])
    torch.jit.script(WithHeads(unet, plain).eval()).save(path + ".new", _extra_files={"covsamp.txt": about})
    os.replace(path + ".new", path)


def chain():
    """(what the posterior's own variance adds, gamma, log beta - log beta-tilde) of every step.

    In units of beta-tilde, whose first value, 0, is replaced by the second as in its source."""
    beta = torch.linspace(1e-4, 0.02, 1000, dtype=torch.double)
    bar = torch.cumprod(1 - beta, 0)
    before = torch.cat([torch.ones(1, dtype=torch.double), bar[:-1]])
    small = beta * (1 - before) / (1 - bar)
    own = (small > 0).double()
    small[0] = small[1]
    pull = before * (beta / (1 - bar)) ** 2
    return [v[:, None, None, None] for v in (own, pull / small, beta.log() - small.log())]


def backbone(model, x, t, y):
    """(features, v, probe, its product with the transposed Jacobian of v); nothing of it is trained."""
    x = x.contiguous(memory_format=torch.channels_last).requires_grad_(True)
    probe = torch.randint(0, 2, x.shape).float() * 2 - 1
    with mixed():
        features = model.unet.features(x, t, y)
        v = model.unet.last(features).float()
    product, = torch.autograd.grad(v, x, probe)
    return features.detach().float(), v.detach(), probe, product.float()


def iddpm_loss(r, d_true, t, unit, k, tables):
    """The bound's term, weighted so that it is about (r - ...)^2 at every level."""
    own, gamma, ratio = (table[t.long()] for table in tables)
    v = k.double() * r.double() * ratio  # log variance minus log beta-tilde
    term = 0.5 * (v + (own + gamma * unit.double() * d_true.double()) * torch.exp(-v))
    return (term * 4 / (k.double() * ratio) ** 2).mean((1, 2, 3)).float()


def losses(model, heads, part, tables):
    """[4, n]: each objective for each sample."""
    x, t, y, goal = part
    features, v, probe, product = backbone(model, x, t, y)
    alpha, sigma, scale = model.level(t)
    with torch.no_grad():
        e = model.embedding(t, y)
        eps, true = sigma * x + alpha * v, sigma * x + alpha * goal
        squared = (true - eps) ** 2
        ocm = 1 - sigma * probe * (sigma * probe + alpha * product)  # 1 + target
        weight = 1 / (2 + 4 * eps * eps / scale)  # what 2 eps_hat (eps - eps_hat) does to the noise
        weight = weight / weight.mean((1, 2, 3), keepdim=True)
        unit, k = (sigma / alpha) ** 2, scale / (alpha * alpha)
    r = heads(features, e)
    each = lambda loss: loss.mean((1, 2, 3))
    return torch.stack([each((r[:, 0:1] - ocm / scale) ** 2),
                        each(weight * (r[:, 1:2] - (true * true - eps * eps) / scale) ** 2),
                        each((r[:, 2:3] - squared / scale) ** 2),
                        iddpm_loss(r[:, 3:4], squared, t, unit, k, tables)])


def gradient(model, heads, part, noisiness, tables):
    loss = losses(model, heads, part, tables)
    bins = (part[1] * BINS / 1000).long()
    total = (loss / noisiness[:, bins]).mean(1).sum()
    return loss.detach(), bins, torch.autograd.grad(total, list(heads.parameters()))


def remember(noisiness, loss, bins):
    """Running means; iddpm's value has a constant in it, and goes with npr's."""
    for b in bins.unique():
        now = loss[:, bins == b].mean(1)
        now[3] = now[2]
        noisiness[:, b] += 0.02 * (now - noisiness[:, b])


def train_step(args, model, heads, opt, pool, batch, state, tables):
    """Every thread takes every threads-th image, so that each sees all noise levels."""
    parts = [[v[k::args.threads] for v in batch] for k in range(args.threads)]
    loss, bins, grads = zip(*pool.map(lambda p: gradient(model, heads, p, state["noisiness"], tables), parts))
    for p, *shares in zip(heads.parameters(), *grads):
        p.grad = sum(shares) / args.threads
    torch.nn.utils.clip_grad_norm_(heads.parameters(), 1.0)
    opt.step()
    remember(state["noisiness"], torch.cat(loss, 1), torch.cat(bins))
    state["images"] += args.batch


def learning_rate(args, state):
    spent = max(min(state["seconds"] / (60 * args.minutes), 1), min(state["images"] / args.images, 1))
    warm = min(state["images"] / (100 * args.batch), 1)
    return args.rate * warm * (0.01 + 0.99 * 0.5 * (1 + math.cos(math.pi * spent)))


def checkpoint(args):
    return os.path.join(args.work, "heads.ckpt")


def save(args, heads, ema, opt, state):
    torch.save({"heads": heads.state_dict(), "ema": ema.state_dict(), "opt": opt.state_dict(),
                "state": state}, checkpoint(args) + ".new")
    os.replace(checkpoint(args) + ".new", checkpoint(args))


def resume(args, heads, ema, opt):
    state = {"images": 0, "seconds": 0.0, "noisiness": torch.full((len(NAMES), BINS), 10.0)}
    if os.path.exists(checkpoint(args)):
        saved = torch.load(checkpoint(args))
        heads.load_state_dict(saved["heads"])
        ema.load_state_dict(saved["ema"])
        opt.load_state_dict(saved["opt"])
        state = saved["state"]
    return state


def report(state, what="at"):
    rows = {n: [round(float(v), 2) for v in row] for n, row in zip(NAMES[:3], state["noisiness"])}
    print(json.dumps({what: state["images"], "seconds": round(state["seconds"]), **rows}), flush=True)


def train(args, model, heads, ema, opt, state):
    x, y = fashion.load("train")
    alpha, sigma = fashion.alpha_sigma()
    pool, tables = ThreadPoolExecutor(args.threads), chain()
    saved, shown = time.time(), state["images"]
    while state["seconds"] < 60 * args.minutes and state["images"] < args.images:
        start = time.time()
        for group in opt.param_groups:
            group["lr"] = learning_rate(args, state)
        train_step(args, model, heads, opt, pool, draw(args, x, y, alpha, sigma), state, tables)
        update_average(ema, heads, state["images"], args.batch)
        state["seconds"] += time.time() - start
        if state["images"] - shown >= 6400:
            shown = state["images"]
            report(state)
        if time.time() - saved > 120:
            saved = time.time()
            save(args, heads, ema, opt, state)


def main():
    args = arguments()
    os.makedirs(args.work, exist_ok=True)
    weights, text = read_unet(args.unet)
    norm = training_norm(args.work)
    unet = UNet(norm=norm)
    unet.load_state_dict(weights)
    model = WithHeads(unet.eval().requires_grad_(False), torch.nn.Identity()).to(memory_format=torch.channels_last)
    torch.manual_seed(args.seed)
    heads = Heads(norm=norm).to(memory_format=torch.channels_last)
    ema = copy.deepcopy(heads)
    opt = torch.optim.Adam(heads.parameters(), lr=args.rate, betas=(0.9, 0.99))
    state = resume(args, heads, ema, opt)
    torch.manual_seed(args.seed + state["images"])
    report(state, "start")
    train(args, model, heads, ema, opt, state)
    save(args, heads, ema, opt, state)
    export(args.out, weights, ema, text, state)
    report(state, "end")


if __name__ == "__main__":
    main()
