#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""Guided sampling of the trained networks: labels and diversity over the weight of guidance.

    /usr/bin/python3 tests/models/guidance_table.py build/examples/covsamp/covsamp --out build/guidance [--docs docs]

100 samples a cell with 10 steps, 50 with more (recall depends on it, so compare cells of equal steps), as many of
each class, by the class-conditional network without a class ("no class"), steered by
fashion-classifier-noisy.pt, or with classifier-free guidance (--cfg).  The judge is fashion-classifier.pt, which
has neither seen noise nor steered anything:
    accuracy   share of samples to which the judge gives the class that was wanted
    distance   mean distance |x - x'| of two samples of a class (of test images: beside the table)
    recall     share of test images (1000) with a sample among the 3 nearest images of their own class in the judge's
               features: within the distance of the image's third neighbour (Kynkaanniemi et al. 2019)
Under the classifier the network is run with "no class", so that w = 0 draws any class and is right by chance;
--cfg 0 is the class-conditional network itself.  What is in --out is not drawn again, so that a run that was stopped
goes on; --steps 10,25 draws those alone.  --docs DIR rewrites the table in DIR/methods.md, and DIR/guidance.png.
"""
import argparse
import json
import os
import subprocess
import sys
import time

os.environ.setdefault("OMP_WAIT_POLICY", "passive")

import numpy as np
import torch

HERE = os.path.dirname(os.path.abspath(__file__))
MODELS = os.path.join(HERE, "..", "..", "examples", "models")
sys.path.insert(0, os.path.join(HERE, "..", "..", "examples", "train"))
import fashion  # noqa: E402
import gray_png  # noqa: E402

IMAGES, NEAREST, SEED = 1000, 3, 1
STEPS, COUNT = (10, 25, 50), {10: 100, 25: 50, 50: 50}  # samples by steps
WEIGHTS = {10: (0, 1, 4), 25: (0, 1, 4), 50: (0, 4)}
METHODS = (("ddpm-large", "unet", ()), ("ocm-ddpm", "heads", ()), ("lgs", "unet", ()))
EXTRA = (  # at 10 steps and one weight: what the forms are worth
    ("lgs", "unet", ("--set", "guidance_form=state")),
    ("lgs", "unet", ("--set", "guidance_form=score")),
    ("lgs", "unet", ("--set", "guidance_product=basis")),
    ("ddim", "unet", ()))
EXTRA_WEIGHT, EXTRA_STEPS = 4, (10,)
CFG, CFG_STEPS = (0, 1), (10,)
BEGIN, END = "<!-- guided samples: begin -->", "<!-- guided samples: end -->"
CLASSES = 10


class Cell:
    """One run of the program: method, options, steps, weight; kind: classifier or cfg."""

    def __init__(self, kind, method, network, options, steps, weight):
        self.kind, self.method, self.network, self.steps, self.weight = kind, method, network, steps, weight
        self.options = list(options)
        tag = "".join(o.replace("guidance_", "").replace("=", "-") for o in options if o != "--set")
        self.name = "%s-%s%s-%d-%g" % (kind, method, "-" + tag if tag else "", steps, weight)

    def arguments(self):
        words = ["sample", "--model", os.path.join(MODELS, "fashion-%s.pt" % self.network), "--method", self.method,
                 "--steps", self.steps, "--spacing", "even", "--seed", SEED, "--batch", 50, "-n", COUNT[self.steps],
                 "--json", *self.options]
        if self.kind == "cfg":
            return words + ["--label", "all", "--cfg", self.weight]
        if self.weight == 0:
            return words + ["--label", "none"]  # and nothing that steers
        return words + ["--classifier", os.path.join(MODELS, "fashion-classifier-noisy.pt"), "--label", "all",
                        "--guidance", self.weight]


def draw(program, folder, cell):
    path = os.path.join(folder, cell.name + ".npy")
    if not os.path.exists(path):
        start, new = time.time(), os.path.join(folder, "part-" + cell.name + ".npy")
        done = subprocess.run([program, *map(str, cell.arguments()), "-o", new], stdout=subprocess.PIPE,
                              stderr=subprocess.PIPE, text=True)
        if done.returncode != 0:
            sys.exit("covsamp %s: %s" % (" ".join(map(str, cell.arguments())), done.stderr))
        os.rename(new, path)
        print("%s: %.0f s" % (cell.name, time.time() - start), flush=True)
    return torch.from_numpy(np.load(path)).float().reshape(-1, 1, 28, 28)


class Judge:
    def __init__(self):
        self.module = torch.jit.load(os.path.join(MODELS, "fashion-classifier.pt")).eval()
        x, y = fashion.load("t10k")
        self.images, self.labels, self.others = x[:IMAGES], y[:IMAGES], (x[IMAGES:], y[IMAGES:])
        self.features = self.look(self.images)[1]
        self.reach = []
        for c in range(CLASSES):
            own = self.features[self.labels == c]
            self.reach.append(torch.cdist(own, own).topk(NEAREST + 1, largest=False).values[:, NEAREST])

    def look(self, x):
        with torch.no_grad():
            return self.module(x.clamp(-1, 1)), self.module.features(x.clamp(-1, 1))

    def measure(self, x):
        wanted = torch.arange(len(x)) % CLASSES
        logits, features = self.look(x)
        return {"accuracy": float((logits.argmax(1) == wanted).float().mean()), "distance": distance(x, wanted),
                "recall": self.recall(features, wanted)}

    def of_images(self, count):
        """As many test images as a cell has samples, none of those that recall is about."""
        x, y = self.others
        order = torch.stack([(y == c).nonzero()[:count // CLASSES, 0] for c in range(CLASSES)], 1).flatten()
        m = self.measure(x[order])
        return 100 * m["accuracy"], m["distance"], m["recall"]

    def recall(self, features, wanted):
        found = 0
        for c in range(CLASSES):
            near = torch.cdist(self.features[self.labels == c], features[wanted == c]).min(1).values
            found += int((near <= self.reach[c]).sum())
        return found / IMAGES


def distance(x, labels):
    """Of two different samples of one class."""
    sums = [torch.cdist(own, own).sum() / (len(own) * (len(own) - 1))
            for own in (x[labels == c].flatten(1) for c in range(CLASSES))]
    return float(torch.stack(sums).mean())


def cells(wanted_steps):
    plain = [Cell("classifier", *m, s, w) for s in STEPS for m in METHODS for w in WEIGHTS[s]]
    forms = [Cell("classifier", *m, s, EXTRA_WEIGHT) for s in EXTRA_STEPS for m in EXTRA]
    free = [Cell("cfg", *m, s, w) for s in CFG_STEPS for m in METHODS for w in CFG]
    return [c for c in sorted(plain + forms + free, key=lambda c: c.steps) if c.steps in wanted_steps]


def picture(folder, path):
    """Rows of ten samples, a class in each column: lgs with 10 steps."""
    rows = [Cell(kind, *METHODS[2], 10, w) for kind, w in (("classifier", 0), ("classifier", 1), ("classifier", 4),
                                                           ("cfg", 0), ("cfg", 1))]
    if not all(os.path.exists(os.path.join(folder, cell.name + ".npy")) for cell in rows):
        return
    sheet = np.full((len(rows) * 30, CLASSES * 30), 255, np.uint8)
    for i, cell in enumerate(rows):
        x = np.load(os.path.join(folder, cell.name + ".npy"))
        for c in range(CLASSES):
            sheet[i * 30:i * 30 + 28, c * 30:c * 30 + 28] = ((x[c, 0].clip(-1, 1) + 1) * 127.5).round()
    gray_png.write(path, sheet)


def row(cell, m):
    what = " ".join(["--method", cell.method, *cell.options])
    return "| %s | `%s` | %d | %d | %g | %.0f %% | %.1f | %.2f |" % (
        cell.kind, what, cell.steps, COUNT[cell.steps], cell.weight, 100 * m["accuracy"], m["distance"], m["recall"])


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("program")
    parser.add_argument("--out", required=True)
    parser.add_argument("--docs")
    parser.add_argument("--steps", default=",".join(map(str, STEPS)))
    wanted = parser.parse_args()
    os.makedirs(wanted.out, exist_ok=True)
    judge = Judge()
    lines = ["| guidance | method | steps | samples | w | accuracy | distance | recall |", "| --- | --- | ---: | ---: | ---: | ---: | ---: | ---: |"]
    for cell in cells([int(s) for s in wanted.steps.split(",")]):
        m = judge.measure(draw(wanted.program, wanted.out, cell))
        with open(os.path.join(wanted.out, cell.name + ".json"), "w") as file:
            json.dump(m, file)
        lines.append(row(cell, m))
    for count in sorted(set(COUNT.values())):
        lines.append("| none | test images | | %d | | %.0f %% | %.1f | %.2f |" % (count, *judge.of_images(count)))
    text = "\n".join(lines)
    print(text)
    if wanted.docs:
        path = os.path.join(wanted.docs, "methods.md")
        with open(path) as file:
            head, rest = file.read().split(BEGIN)
        with open(path, "w") as file:
            file.write(head + BEGIN + "\n\n" + text + "\n\n" + END + rest.split(END)[1])
        picture(wanted.out, os.path.join(wanted.docs, "guidance.png"))


main()
