#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""examples/evaluation: that a run which is killed loses nothing, and that its numbers are right.

    /usr/bin/python3 tests/models/test_evaluation.py build/examples/covsamp/covsamp

Eight samples of the trained network by ddpm with 5 steps, in chunks of 3, into a copy of what the results keep of real images.
"""
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time

os.environ.setdefault("OMP_NUM_THREADS", "1")

import numpy as np

HERE = os.path.dirname(os.path.abspath(__file__))
EVALUATION = os.path.join(HERE, "..", "..", "examples", "evaluation")
sys.path[:0] = [EVALUATION, os.path.join(HERE, "..", "cli"), os.path.join(HERE, "..")]
import evaluate_reference  # noqa: E402
import store  # noqa: E402
from counted import check, done  # noqa: E402

CELL, RUN = "A/ddpm_t5_s1/%d", "ddpm_t5_s1"
class Place:
    def __init__(self, folder, program):
        self.results, self.work, self.program = os.path.join(folder, "results"), os.path.join(folder, "work"), program
        kept = os.path.join(EVALUATION, "results")
        os.makedirs(os.path.join(self.results, "features"))
        for name in ("reference.npz", "features/train-images.npz"):
            shutil.copy(os.path.join(kept, name), os.path.join(self.results, name))
        with open(self.cells(), "w", encoding="utf-8") as file:
            file.writelines(line for line in open(os.path.join(kept, "cells.jsonl"), encoding="utf-8") if '"real"' in line)

    def cells(self):
        return os.path.join(self.results, "cells.jsonl")

    def command(self, samples, *more):
        return [sys.executable, "-B", os.path.join(EVALUATION, "run.py"), self.program, "--only", "A", "--methods", "ddpm", "--steps",
                "5", "--samples", str(samples), "--chunk", "3", "--batch", "3", "--results", self.results, "--work", self.work,
                *map(str, more)]

    def run(self, samples, *more):
        return subprocess.run(self.command(samples, *more), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)

    def line(self, samples):
        found = [line for line in store.Records(self.cells()).lines if line["cell"] == CELL % samples]
        return found[0] if len(found) == 1 else None

    def features(self):
        return store.load(os.path.join(self.results, "features", RUN + ".npz"))


def test_whole(place):
    done = place.run(8)
    check(done.returncode == 0 and "everything is measured" in done.stdout, "a run", done)
    line, (x, said, about) = place.line(8), place.features()
    check(x.shape == (8, 128) and x.dtype == np.float16 and said.shape == (8,), "features", (x.shape, x.dtype))
    check(line["means"] == line["passes"] == 5 and line["jvps"] == 0 and about["samples"] == 8, "cost", line)
    reference = store.load(os.path.join(place.results, "reference.npz"))[0]
    check(reference.shape == (10000, 128), "all test images", reference.shape)
    near = line["metrics"]
    whole = evaluate_reference.frechet(x.astype(float), reference.astype(float))
    check(abs(near["frechet"]["value"] - whole) < 1e-5 * whole, "the distance by scipy", (near["frechet"], whole))
    check(near["accuracy"]["value"] == (said == np.arange(8) % 10).mean(), "accuracy", near["accuracy"])
    check(not os.path.exists(os.path.join(place.work, RUN)), "no chunk is left")
    check("0 cells left" in place.run(8, "--list").stdout, "--list")


def test_killed(place, whole):
    check("the budget is spent; 1 cells are left" in place.run(8, "--budget", 0).stdout, "no budget")
    with subprocess.Popen(place.command(8), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
        end = time.time() + 600
        while not os.path.exists(os.path.join(place.work, RUN, "000003.npz")) and time.time() < end:
            time.sleep(0.05)
        process.send_signal(signal.SIGKILL)
    check(place.line(8) is None and os.path.exists(os.path.join(place.work, RUN, "000000.npz")), "killed half-way")
    with open(place.cells(), "a", encoding="utf-8") as file:
        file.write('{"cell": "A/ddpm_t5')  # as a full disk leaves it
    done = place.run(8)
    check(done.returncode == 0 and "3 of 8" not in done.stdout, "it goes on", done)
    ours, theirs = place.features(), whole.features()
    check((ours[0] == theirs[0]).all() and (ours[1] == theirs[1]).all(), "the same features")
    check(place.line(8)["metrics"] == whole.line(8)["metrics"], "the same numbers")


def test_more(place):
    before = place.features()[0]
    check(place.run(11).returncode == 0, "more samples of the same run")
    after, _, about = place.features()
    check(after.shape == (11, 128) and (after[:8] == before).all(), "the first ones stay")
    check(about["means"] == 55 and place.line(11) and place.line(8), "both cells", about)


def test_refused(place):
    path = os.path.join(place.results, "features", RUN + ".npz")
    x, said, about = store.load(path)
    store.save(path, x, said, dict(about, network="0"))
    done = place.run(12)
    check(done.returncode == 1 and "was drawn with another fashion-unet.pt" in done.stderr, "another network", done)
    done = subprocess.run([*place.command(12), "--only", "Z"], stderr=subprocess.PIPE, text=True)
    check(done.returncode == 2 and "--only knows A, B, C, D, E, F, G, not Z" in done.stderr, "no such table", done)


def test_report(place, folder):
    page = os.path.join(folder, "evaluation.md")
    with open(page, "w", encoding="utf-8") as file:
        file.write("before\n<!-- tables of report.py: begin -->\nold\n<!-- tables of report.py: end -->\nafter\n")
    done = subprocess.run([sys.executable, "-B", os.path.join(EVALUATION, "report.py"), "--results", place.results, "--docs", folder],
                          stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    text = open(page, encoding="utf-8").read()
    value = "%.2f (" % place.line(8)["metrics"]["frechet"]["value"]
    check(done.returncode == 0 and "| ddpm | 5 | 5.0 |" in text and value in text, "the table", (done, text))
    check(text.startswith("before\n") and text.endswith("after\n") and "old" not in text, "the page around it", text)


def main(program):
    if "not in this build" in subprocess.run([program, "version"], stdout=subprocess.PIPE, text=True).stdout:
        print("skipped: a program without TorchScript")
        return 77
    with tempfile.TemporaryDirectory() as folder:
        whole, killed = (Place(os.path.join(folder, name), os.path.abspath(program)) for name in ("whole", "killed"))
        test_whole(whole)
        test_killed(killed, whole)
        test_more(killed)
        test_report(whole, folder)
        test_refused(killed)
    return done()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
