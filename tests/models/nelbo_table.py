#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""Bits per value of Fashion-MNIST's test images under the covariances of the trained networks.

    /usr/bin/python3 tests/models/nelbo_table.py build/examples/covsamp/covsamp --out build/nelbo [--docs docs]

512 images, for the full covariance 128 of them with 3 probes and Krylov spaces to a tolerance of 3e-3 (a JVP
and a VJP a product), at 10, 25, 50 and 100 steps.  Tables of noise come from 400 training images.  What is in --out is
not computed again, so that a run that was stopped goes on.  --steps 10,25 and --methods lgs measure those alone.
--docs DIR rewrites the tables in DIR/diagnostics.md, where cells that --out does not have stay as they are (a dash
where nothing was ever measured), and so does the table of steps.
"""
import argparse
import json
import os
import subprocess
import sys
import time

os.environ.setdefault("OMP_WAIT_POLICY", "passive")

HERE = os.path.dirname(os.path.abspath(__file__))
MODELS = os.path.join(HERE, "..", "..", "examples", "models")
STEPS = (10, 25, 50, 100)
FALLBACK = ["--set", "window_fallback=analytic"]  # above level 701, where the Jacobian is not calibrated
METHODS = (  # name, what the table calls it, network, images, options
    ("ddpm", "small (beta-tilde)", "unet", 512, []),
    ("ddpm-large", "large (beta)", "unet", 512, []),
    ("analytic-ddpm", "analytic", "unet", 512, []),
    ("npr-ddpm", "NPR head", "heads", 512, []),
    ("sn-ddpm", "SN head", "heads", 512, []),
    ("ocm-ddpm", "OCM head", "heads", 512, []),
    ("hutchinson-ddpm", "diagonal, 2 probes", "unet", 512, FALLBACK),
    ("lgs", "full", "unet", 128, FALLBACK + ["--set", "tolerance=0.003"]),
)
BEGIN, END = "<!-- bits per value: begin -->", "<!-- bits per value: end -->"


def write_images(folder, part, count):
    """[count, 1, 28, 28] bytes and labels, as .npy files."""
    stem = os.path.join(folder, part)
    if not os.path.exists(stem + "-labels.npy"):
        sys.path.insert(0, os.path.join(HERE, "..", "..", "examples", "train"))
        import fashion
        import numpy as np
        x, y = fashion.load(part)
        np.save(stem + ".npy", ((x[:count] + 1) * 127.5).round().byte().numpy())
        np.save(stem + "-labels.npy", y[:count].numpy())
    return ["--data", stem + ".npy", "--labels", stem + "-labels.npy"]


def run(program, *arguments):
    done = subprocess.run([program, *map(str, arguments)], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    if done.returncode != 0:
        sys.exit("covsamp %s: %s" % (" ".join(map(str, arguments)), done.stderr))


def calibrate(program, folder, network):
    path = os.path.join(folder, network + "-calibration.json")
    if not os.path.exists(path):
        run(program, "calibrate", "--model", os.path.join(MODELS, "fashion-%s.pt" % network),
            *write_images(folder, "train", 400), "--means-only", "--at", 50, "--batch", 50, "--quiet", "-o", path)
    return path


def bound(program, folder, method, steps, wait):
    name, _, network, images, options = method
    path = os.path.join(folder, "%s-%d.json" % (name, steps))
    if not os.path.exists(path):
        if wait:
            return None
        start = time.time()
        run(program, "nelbo", "--model", os.path.join(MODELS, "fashion-%s.pt" % network), "--method", name,
            *write_images(folder, "t10k", 512), "--calibration", calibrate(program, folder, network),
            "--steps", steps, "-n", images, "--batch", 32, *options, "--quiet", "-o", path)
        print("%s, %d steps: %.0f s" % (name, steps, time.time() - start), flush=True)
    with open(path) as file:
        return json.load(file)


def cells_of(page):
    """What the tables of the page say already, by covariance and steps."""
    rows = [line.strip("| ").split(" | ") for line in page.splitlines() if line.startswith("| ")]
    return {(row[0], s): cell for row in rows if len(row) == 2 + len(STEPS) and row[0] in {m[1] for m in METHODS}
            for s, cell in zip(STEPS, row[2:])}


def table(results, known):
    lines = ["| covariance | images |" + "".join(" T = %d |" % s for s in STEPS), "| --- | ---: |" + " ---: |" * len(STEPS)]
    for method in METHODS:
        cells = [known.get((method[1], s), "-") if r is None else "%.3f ± %.3f" % (r["bits"], r["bits_deviation"])
                 for s, r in ((s, results[method[0], s]) for s in STEPS)]
        lines.append("| %s | %d | %s |" % (method[1], method[3], " | ".join(cells)))
    return "\n".join(lines)


def steps_table(results, steps):
    """Nats of every step, level by level: where a covariance gains and where it loses."""
    runs = [(m[1], results[m[0], steps]) for m in METHODS if results[m[0], steps] is not None]
    if not runs:
        return ""
    rows = runs[0][1]["terms"]
    lines = ["| T = %d, nats of |" % steps + "".join(" %s |" % name for name, _ in runs),
             "| --- |" + " ---: |" * len(runs)]
    for i, row in enumerate(rows):
        what = "%d to %d" % (row["level"], row["to"]) if row["term"] == "step" else row["term"]
        lines.append("| %s |" % what + "".join(" %.1f |" % run["terms"][i]["nats"] for _, run in runs))
    return "\n".join(lines)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("program")
    parser.add_argument("--out", required=True)
    parser.add_argument("--docs")
    parser.add_argument("--steps", default=",".join(map(str, STEPS)))
    parser.add_argument("--methods", default=",".join(m[0] for m in METHODS))
    wanted = parser.parse_args()
    os.makedirs(wanted.out, exist_ok=True)
    steps, methods = [int(s) for s in wanted.steps.split(",")], wanted.methods.split(",")
    results = {(m[0], s): bound(wanted.program, wanted.out, m, s, s not in steps or m[0] not in methods)
               for s in STEPS for m in METHODS}
    path = os.path.join(wanted.docs or HERE, "diagnostics.md")
    head, old, rest = "", "", ""
    if wanted.docs:
        with open(path) as file:
            head, rest = file.read().split(BEGIN)
        old, rest = rest.split(END)
    steps_text = steps_table(results, 10) if all(results[m[0], 10] for m in METHODS) else old[old.find("| T = 10, nats"):].strip()
    text = table(results, cells_of(old)) + "\n\n" + steps_text
    print(text)
    if wanted.docs:
        with open(path, "w") as file:
            file.write(head + BEGIN + "\n" + text + "\n" + END + rest)


main()
