#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""examples/evaluation: that a run which is killed loses nothing, and that its numbers are right.

    /usr/bin/python3 tests/models/test_evaluation.py build/examples/covsamp/covsamp

Eight samples of the trained network by ddpm with 5 steps, in chunks of 3, into a copy of what the results keep of real images.
"""
import os
import json
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
        for name in ("reference.npz", "labels.npz", "features/train-images.npz"):
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
    check(near["strata"] == 8 and len(near["frechet"]["replicates"]) == 200 and "replicates" not in near["recall"], "replicates",
          near["strata"])
    check(not os.path.exists(os.path.join(place.work, RUN)), "no chunk is left")
    check("0 cells left" in place.run(8, "--list").stdout, "--list")


def test_stored(place):
    """Features that are kept, without those that are always 0, of which scipy's root loses digits."""
    x = store.load(os.path.join(EVALUATION, "results", "features", "lgs_t10_s1.npz"))[0][:1000]
    y = store.load(os.path.join(place.results, "reference.npz"))[0][:1500]
    live = y.any(0) | x.any(0)
    names = [os.path.join(place.work, name + ".npy") for name in "xy"]
    for name, array in zip(names, (x, y)):
        np.save(name, np.ascontiguousarray(array[:, live]))
    words = [place.program, "evaluate", "--json", "-q", "--bootstrap", "0", "--features", names[0], "--reference-features", names[1]]
    got = json.loads(subprocess.run(words, stdout=subprocess.PIPE, text=True, check=True).stdout)
    for name, estimate in evaluate_reference.evaluate(x[:, live], y[:, live]).items():
        off = abs(got[name]["value"] / estimate["value"] - 1)
        check(off <= 1e-6, "%s of kept features" % name, (off, got[name]["value"], estimate["value"]))
    for name in names:
        os.unlink(name)


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


def test_together(place):
    """Two at once: a run is drawn by one of them, and no line is lost."""
    words = place.command(6)
    words[words.index("ddpm")] = "ddpm-2m,ddpm-large,analytic-ddpm"
    both = [subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) for _ in range(2)]
    said = [process.communicate() for process in both]
    text = "".join(out for out, _ in said)
    check(all(process.returncode == 0 for process in both), "both end well", said)
    for name in ("ddpm-2m", "ddpm-large", "analytic-ddpm"):
        cell = "A/%s_t5_s1/6" % name
        check(store.Records(place.cells()).has(cell) and text.count("%s: 3 of 6" % cell) == 1, "once " + name, text)
    with store.Lock(os.path.join(place.work, "locks", RUN)) as ours:
        done = place.run(8)
        check(ours and done.returncode == 0 and "1 are with another run.py" in done.stdout and place.line(8) is None, "busy", done)
    check(os.listdir(place.work) == ["locks"], "nothing is left in the work folder", os.listdir(place.work))


def test_more(place):
    before = place.features()[0]
    check(place.run(11).returncode == 0, "more samples of the same run")
    after, _, about = place.features()
    check(after.shape == (11, 128) and (after[:8] == before).all(), "the first ones stay")
    check(about["means"] == 55 and place.line(11) and place.line(8), "both cells", about)


def test_judged_again(place):
    """From the features alone, in the place of what was there."""
    before = store.Records(place.cells()).lines
    spoilt = [dict(line, metrics=dict(line["metrics"], frechet={"value": 0}, spread=0)) for line in before]
    spoilt[0]["metrics"] = before[0]["metrics"]
    with open(place.cells(), "w", encoding="utf-8") as file:
        file.writelines(json.dumps(line) + "\n" for line in spoilt[:-1])
        file.write(json.dumps(dict(before[-1], metrics={})) + "\n")
    os.rename(os.path.join(place.results, "features", RUN + ".npz"), place.work + ".npz")
    done = place.run(8, "--judge-again", "--match", "^A/")
    check(done.returncode == 1 and "there is no" in done.stderr, "without features", done)
    os.rename(place.work + ".npz", os.path.join(place.results, "features", RUN + ".npz"))
    done = place.run(8, "--judge-again", "old")
    after = store.Records(place.cells()).lines
    check(done.returncode == 0 and after[:-1] == spoilt[:-1] and after[-1] == before[-1], "what lacks something", (done, after[-1]))
    done = place.run(8, "--judge-again")
    check(done.returncode == 0 and store.Records(place.cells()).lines == before, "all of them", done)


def test_refused(place):
    """Another network, judge or option; older files say less and are taken."""
    path = os.path.join(place.results, "features", RUN + ".npz")
    x, said, about = store.load(path)
    check({"network", "judge", "options"} <= set(about) and not {"guide", "table"} & set(about), "what it depends on", about)

    def run(samples, change):
        store.save(path, x, said, change)
        return place.run(samples)

    for samples in (10, 12):  # all are there; some are to be drawn
        for change, what in ((dict(about, network="0"), "another fashion-unet.pt"), (dict(about, judge="0"), "another fashion-classifier.pt"),
                             (dict(about, options=dict(about["options"], eta="0.5")), "eta=0.5, and now it is 1")):
            done = run(samples, change)
            check(done.returncode == 1 and "was drawn with " + what in done.stderr and place.line(samples) is None, what, done)
    old = {key: value for key, value in about.items() if key != "judge"}
    done = run(10, dict(old, options={"eta": "1", "gone": "3"}))
    check(done.returncode == 0 and place.line(10), "an older file", done)
    for words, said in ((("--only", "Z"), "--only knows A, B, C, D, E, F, G, H, not Z"), (("--methods", "lsg"), "not lsg"),
                        (("--match", "["), "--match is no regular expression"), (("--seeds", "x"), "--seeds must be whole numbers"),
                        (("--steps", "5;10"), "not 5;10"), (("--samples", "0"), "--samples must be at least 1, not 0")):
        done = place.run(12, *words)
        check(done.returncode == 2 and said in done.stderr, " ".join(words), done)


def test_twin(place):
    """A twin has its own window, by a table that is made once."""
    tiny = ["--widths", "8,8,8", "--images", "64", "--minutes", "10", "--threads", "1", "--keep", "64", "--work", place.work + "/train"]
    made = subprocess.run([sys.executable, "-B", os.path.join(HERE, "..", "..", "examples", "train", "train_unet.py"), *tiny, "--out",
                           place.work + "/twin-v.pt"], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    check(made.returncode == 0, "a tiny network", made)
    os.rename(place.work + "/twin-v-64.pt", place.work + "/twin-v-24000.pt")
    done = subprocess.run([*place.command(6), "--only", "G", "--methods", "ddpm,lgs", "--steps", "10", "--match", "v-24000/"],
                          stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    lines = {line["label"]: line for line in store.Records(place.cells()).lines if line["table"] == "G"}
    check(done.returncode == 0 and set(lines) == {"ddpm, v-24000", "lgs with its own window, v-24000",
                                                  "lgs without a window, v-24000"}, "cells of a twin", (done, set(lines)))
    table = os.path.join(place.results, "calibration-twin-v-24000.json")
    check(os.path.exists(table), "its table")
    own, without = (store.load(os.path.join(place.results, "features", lines["lgs %s, v-24000" % what]["run"] + ".npz"))[2]
                    for what in ("with its own window", "without a window"))
    check("table" in own and "table" not in without and without["options"]["window_high"] == "0", "whose window", own)
    check(own["options"]["window_high"] != "701", "not the large network's", own["options"]["window_high"])
    with open(table, "a", encoding="utf-8") as file:
        file.write("\n")
    done = subprocess.run([*place.command(9), "--only", "G", "--methods", "lgs", "--steps", "10", "--match", "t10_s1_v-24000/"],
                          stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    check(done.returncode == 1 and "another calibration table" in done.stderr, "another table", done)


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
        whole, killed, shared = (Place(os.path.join(folder, name), os.path.abspath(program)) for name in ("whole", "killed", "shared"))
        test_whole(whole)
        test_stored(whole)
        test_together(shared)
        test_killed(killed, whole)
        test_more(killed)
        test_report(whole, folder)
        test_judged_again(whole)
        test_refused(killed)
        test_twin(killed)
    return done()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
