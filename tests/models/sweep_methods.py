#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""Every method of the program by name on the trained networks.

    /usr/bin/python3 tests/models/sweep_methods.py build/examples/covsamp/covsamp --out build/sweep

The names come from `covsamp sample --help`, so that none is forgotten: 10 and 25 steps, 64 samples, a
class in turn (full-ddpm, at 784 products a step: 5 steps, 2 samples).  Checked are the exit, the NPY
file, the contact sheet, the range, the cost that covsamp_sampler_stats() counted against what the
options say, and that two methods draw the same samples if and only if they are the same method.  The
table says besides what a classifier makes of the samples.  What is in --out already is not drawn
again; without --out everything goes to a temporary folder.  --docs DIR rewrites the table in
DIR/methods.md and DIR/methods.png.
"""
import argparse
import json
import os
import re
import subprocess
import sys
import tempfile
import time

os.environ.setdefault("OMP_WAIT_POLICY", "passive")

import numpy as np
import torch

HERE = os.path.dirname(os.path.abspath(__file__))
MODELS = os.path.join(HERE, "..", "..", "examples", "models")
sys.path[:0] = [os.path.join(HERE, "..", "..", "examples", "train"), os.path.join(HERE, "..")]
import fashion  # noqa: E402
import gray_png  # noqa: E402
from counted import check, done  # noqa: E402

PLAIN, SLOW = ((10, 64), (25, 64)), ((5, 2),)  # (steps, samples)
SHEET = 4  # samples of the contact sheet
SEED, CLASSES, WINDOW = 1, 10, 701
SAME = ({"ddim", "euler"}, {"ddpm-2m", "dpmpp-2m-sde"})  # two names, one method

class Method:
    """A line of the help: its name, its options, whether it takes the window of the model file."""

    def __init__(self, name, options):
        words, _, rest = options.partition("; ")
        self.name, self.window = name, "window" in rest
        self.options = dict(word.split("=") for word in words.split(", "))
        self.covariance, self.solver = (self.options.get(k, "") for k in ("covariance", "solver"))
        self.runs = SLOW if self.covariance == "dense" else PLAIN

    def model(self):
        return "fashion-heads.pt" if self.covariance == "diag_model" else "fashion-unet.pt"

    def needs_table(self):
        return self.covariance == "analytic" or self.solver == "addim"

    def means(self, steps):
        """A sample's; on the step to data the second evaluation is left out."""
        return 2 * steps - 1 if self.solver in ("heun", "dpmpp_2s") else steps

    def products(self, steps):
        """A sample's; none on the step to data, which has no noise, nor above the window."""
        a_step = {"krylov": int(self.options.get("krylov_steps", 2)), "dense": 784,
                  "diag_probe": int(self.options.get("probes", 1)),
                  "state_isotropic": int(self.options.get("probes", 1)),
                  "spectral": int(self.options.get("probes", 1))}.get(self.covariance, 0)
        levels = np.arange(2, steps + 1) * 1000 / steps  # the last one, below them, goes to data
        return a_step * int((levels <= (WINDOW if self.window else 1000)).sum())


def run(program, *arguments):
    return subprocess.run([program, *map(str, arguments)], stdout=subprocess.PIPE,
                          stderr=subprocess.PIPE, text=True)


def methods(program):
    text = run(program, "sample", "--help").stdout
    found = re.findall(r"^  ([a-z0-9-]+) +\S[^\n]*\n +\(([^)]*)\)$", text[text.index("methods:"):], re.MULTILINE)
    return [Method(*pair) for pair in found]


def calibrate(program, folder, images):
    """The tables of `analytic` and aDDIM, from real images that the networks were not trained on."""
    path = os.path.join(folder, "calibration.json")
    if not os.path.exists(path):
        x, y = fashion.load("t10k")
        np.save(folder + "/images.npy", ((x[:images] + 1) * 127.5).round().byte().numpy())
        np.save(folder + "/labels.npy", y[:images].numpy())
        done = run(program, "calibrate", "--model", os.path.join(MODELS, "fashion-unet.pt"), "--data",
                   folder + "/images.npy", "--labels", folder + "/labels.npy", "--means-only", "--at", 25,
                   "--batch", 50, "--quiet", "-o", path)
        check(done.returncode == 0, "covsamp calibrate", done.stderr)
    return path


def draw(program, folder, method, steps, count, table):
    """Draws once for NPY and, few samples, for PNG; or takes what is there.  None if that failed."""
    stem = os.path.join(folder, "%s-%d" % (method.name, steps))
    arguments = ["sample", "--model", os.path.join(MODELS, method.model()), "--method", method.name,
                 "--steps", steps, "--seed", SEED, "--label", "all", "--batch", 32, "--json"]
    if method.needs_table():
        arguments += ["--calibration", table]
    if not os.path.exists(stem + ".json"):
        start = time.time()
        whole = run(program, *arguments, "-n", count, "-o", stem + ".npy")
        few = ["--steps", 2] if method.runs == SLOW else []  # the last one counts
        sheet = run(program, *arguments, *few, "-n", min(SHEET, count), "-o", stem + ".png")
        for result in (whole, sheet):
            if not check(result.returncode == 0, "exit 0 of %s, %d steps" % (method.name, steps), result.stderr):
                return None
        with open(stem + ".new", "w") as file:
            file.write(whole.stdout)
        os.rename(stem + ".new", stem + ".json")
        print("%s, %d steps: %.0f s" % (method.name, steps, time.time() - start), flush=True)
    try:
        with open(stem + ".json") as file:
            return json.load(file), np.load(stem + ".npy"), gray_png.read(stem + ".png")
    except Exception as damage:  # whatever the readers make of it
        check(False, "%s, %d steps: files that can be read" % (method.name, steps), damage)
        return None


def check_cost(method, steps, count, cost):
    what, batches = "%s, %d steps: " % (method.name, steps), -(-count // 32)
    means, products = method.means(steps), method.products(steps)
    check(cost["samples"] == count and cost["batches"] == batches, what + "samples", cost)
    check(cost["means"] == count * means, what + "%d means a sample" % means, cost["means"] / count)
    check(cost["jvps"] == count * products, what + "%d products a sample" % products, cost["jvps"] / count)
    check(cost["jvps_used"] <= cost["jvps"] and (cost["jvps_used"] > 0) == (products > 0),
          what + "products used", (cost["jvps_used"], cost["jvps"]))
    check(cost["options"]["window_high"] == str(WINDOW if method.window else 0), what + "window", cost["options"])
    for name, value in method.options.items():
        check(cost["options"][name] == value, what + "option " + name, cost["options"][name])


def check_samples(method, steps, count, x, sheet):
    """Whether they can be looked at."""
    what = "%s, %d steps: " % (method.name, steps)
    fits = check(x.shape == (count, 1, 28, 28) and x.dtype == np.float32, what + "NPY", (x.shape, x.dtype))
    check(bool(np.isfinite(x).all()), what + "finite")
    if "clip_x0" in method.options:
        check(np.abs(x).max() <= 1.0001, what + "clipped", np.abs(x).max())
    columns = min(SHEET, count)
    framed = check(sheet.shape == (32, 30 * columns + 2), what + "contact sheet", sheet.shape)
    if not fits or not framed or method.runs == SLOW:  # a slow method's sheet has other samples
        return fits
    drawn = np.stack([sheet[2:30, 2 + 30 * k:30 + 30 * k] for k in range(columns)]) / 127.5 - 1
    # another batch: the last bits differ, and so may what is at an edge
    check(np.abs(drawn - x[:columns, 0].clip(-1, 1)).mean() < 0.01, what + "the sheet shows the samples")
    return fits


def same_pixels(a, b):
    """But for rounding: the network's last bits depend on the number of threads.  The two closest
    methods that differ, paper-ocm and paper-sn, are 8e-4 apart."""
    return a.shape == b.shape and float(np.abs(a - b).mean()) < 1e-4


def check_differences(drawn):
    """Methods draw equal samples if they are the same, and only then."""
    keys = sorted(drawn)
    for i, one in enumerate(keys):
        for other in keys[i + 1:]:
            if one[1] != other[1]:
                continue
            equal = same_pixels(drawn[one][1], drawn[other][1])
            wanted = any({one[0], other[0]} <= names for names in SAME)
            check(equal == wanted, "%s and %s at %d steps %s" % (one[0], other[0], one[1], (
                "are the same" if wanted else "differ")))


class Judge:
    """What the samples look like, in three numbers."""

    def __init__(self):
        self.net = torch.jit.load(os.path.join(MODELS, "fashion-classifier.pt"), map_location="cpu").eval()
        real, labels = fashion.load("t10k")
        self.rough = 1.0
        self.rough = self.look(real[:2000].numpy(), labels[:2000].numpy())[2]
        self.real = self.look(real[:2000].numpy(), labels[:2000].numpy())

    @torch.no_grad()
    def look(self, x, labels):
        """(share with the requested label, mean pixel, squared differences of neighbours; real images: 1)"""
        said = self.net(torch.from_numpy(x)).argmax(1).numpy()
        rough = float((np.diff(x, axis=3) ** 2).mean() + (np.diff(x, axis=2) ** 2).mean())
        return float((said == labels).mean()), float(x.mean()), rough / self.rough


def table(found, drawn, judge):
    lines = ["| row | method | steps | means | products | label | mean | rough | range |",
             "| ---: | --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: |"]
    for i, method in enumerate(found):
        for steps, count in method.runs:
            if (method.name, steps) not in drawn:
                continue
            cost, x = drawn[method.name, steps]
            share, mean, rough = judge.look(x, np.arange(count) % CLASSES)
            lines.append("| %d | `%s` | %d | %d | %d | %.0f %% | %.2f | %.2f | %.2f ... %.2f |" % (
                i + 1, method.name, steps, cost["means"] // count, cost["jvps"] // count, 100 * share, mean,
                rough, x.min(), x.max()))
    lines.append("|  | real images |  |  |  | %.0f %% | %.2f | %.2f | -1.00 ... 1.00 |" % (
        100 * judge.real[0], *judge.real[1:]))
    return "\n".join(lines) + "\n"


def picture(found, drawn):
    """A row a method in the order of the table: a class a column, 10 steps at the left, 25 at the right."""
    sheet = np.full((len(found) * 30, 2 * 30 * CLASSES + 10), 255, np.uint8)
    for i, method in enumerate(found):
        for k, (steps, count) in enumerate(method.runs):
            if (method.name, steps) not in drawn:
                continue
            x = drawn[method.name, steps][1]
            for c in range(min(count, CLASSES)):
                at = k * (30 * CLASSES + 10) + 30 * c
                sheet[i * 30:i * 30 + 28, at:at + 28] = ((x[c, 0].clip(-1, 1) + 1) * 127.5).round()
    return sheet


def write_docs(folder, found, drawn, text):
    path = os.path.join(folder, "methods.md")
    with open(path) as file:
        page = file.read()
    parts = re.split(r"(<!-- (?:end of )?table of sweep_methods.py -->\n)", page)
    assert len(parts) == 5, "%s lacks the two marks around its table" % path
    with open(path, "w") as file:
        file.write("".join([*parts[:2], "\n" + text + "\n", *parts[3:]]))
    gray_png.write(os.path.join(folder, "methods.png"), picture(found, drawn))


def sweep(args, folder):
    every = methods(args.program)
    names = [m.name for m in every]
    check(len(names) >= 31 and len(set(names)) == len(names), "the names of the help", names)
    found = [m for m in every if args.only is None or m.name in args.only.split(",")]
    path = calibrate(args.program, folder, args.images)
    drawn = {}
    for method in found:
        for steps, count in method.runs:
            got = draw(args.program, folder, method, steps, count, path)
            if got is not None:
                check_cost(method, steps, count, got[0])
                if check_samples(method, steps, count, *got[1:]):
                    drawn[method.name, steps] = got[:2]
    check_differences(drawn)
    judge = Judge()
    text = table(found, drawn, judge)
    print(text)
    if args.docs:
        write_docs(args.docs, found, drawn, text)


def main():
    p = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    p.add_argument("program")
    p.add_argument("--out", help="keeps the samples here, and takes those that are here")
    p.add_argument("--only", help="these methods, separated by commas")
    p.add_argument("--images", type=int, default=200, help="for the calibration")
    p.add_argument("--docs", help="the folder of methods.md and methods.png")
    args = p.parse_args()
    args.program = os.path.abspath(args.program)
    if "not in this build" in run(args.program, "version").stdout:
        print("skipped: a program without TorchScript")
        return 77
    if args.out:
        os.makedirs(args.out, exist_ok=True)
        sweep(args, args.out)
    else:
        with tempfile.TemporaryDirectory() as folder:
            sweep(args, folder)
    return done()


if __name__ == "__main__":
    sys.exit(main())
