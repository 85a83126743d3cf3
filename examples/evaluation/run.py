#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""Draws with every method, compares with test images, and keeps features and numbers: docs/evaluation.md.

    OMP_NUM_THREADS=1 /usr/bin/python3 examples/evaluation/run.py build/examples/covsamp/covsamp [--only A,B] [--budget MINUTES]
    /usr/bin/python3 examples/evaluation/run.py build/examples/covsamp/covsamp --list
    OMP_NUM_THREADS=1 /usr/bin/python3 examples/evaluation/run.py build/examples/covsamp/covsamp --judge-again [all|old]

What examples/evaluation/results has is not measured again.  A run that was stopped, however it was, goes on from its last
chunk of at most 250 samples (build/evaluation); nothing else is lost, and finished cells are in results/cells.jsonl at once.  Several
run.py may be at work, one a core: each leaves out what another is at.  Tables are A to H of cells.py, in its order: every method at
10 steps first.  --budget stops before the chunk that would end too late.  Reference: all 10 000 test images of Fashion-MNIST, which
no network here was trained on; the floor is what the first training images come to in place of samples.  Tables of noise come from
the first 400 training images.
"""
import argparse
import json
import os
import re
import subprocess
import sys
import tempfile
import time

import numpy as np

import cells
import store
from drawing import JUDGE, Drawing, Failed, call, hash_of

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))
REAL = (256, 1000, 2000, 5000)  # floors, one for each number of samples
CALIBRATED = 400
TRAIN = "train-images"  # their features
KEPT = ("frechet", "kernel", "precision", "recall", "accuracy", "nearest", "bootstrap", "bootstrap_seed", "strata", "reference")
DONE, BUSY, ENDED = range(3)  # of a cell: measured; another run.py is at it; the budget ended before
SECONDS_A_PASS = 0.006  # before anything was measured
PASSES_A_CHUNK = 5000  # at most, about: half a minute of an idle core is what a stop costs


def git(*words):
    done = subprocess.run(["git", "-C", ROOT, *words], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    return done.stdout.strip()


def within(features, labels):
    """How much samples of one class differ: the trace of the covariance of their features, mean over the classes.  None: no
    class has two."""
    x, (found, counts) = features.astype(np.float64), np.unique(labels, return_counts=True)
    several = found[counts > 1]
    return float(np.mean([x[labels == label].var(0, ddof=1).sum() for label in several])) if len(several) else None


class Grid:
    """results: what is kept.  work: chunks of unfinished runs, locks, twins.  scratch: files of this process alone."""

    def __init__(self, args, scratch):
        self.program, self.results, self.work = os.path.abspath(args.program), args.results, args.work
        self.scratch = scratch
        self.chunk, self.batch, self.budget = args.chunk, args.batch, args.budget
        self.models = os.path.join(ROOT, "examples", "models")
        self.classifier = os.path.join(self.models, JUDGE)
        self.reference = os.path.join(self.results, "reference.npz")
        self.records = store.Records(os.path.join(self.results, "cells.jsonl"))
        changed = git("status", "--porcelain", "--untracked-files=no", "--", "lib", "shim", "examples/covsamp", "examples/models")
        self.commit = (git("rev-parse", "--short=10", "HEAD") or "unknown") + ("+" if changed else "")
        self.start, self.shas = time.monotonic(), {}
        self.spread = None  # of the reference
        self.rates = []  # seconds by the clock a pass, of the last chunks

    def path(self, name):
        path = os.path.join(self.work if name.startswith("twin-") else self.models, name)
        if not os.path.exists(path):
            raise Failed("there is no %s: sh examples/evaluation/twins.sh trains it" % path)
        return path

    def sha(self, name):
        if name not in self.shas:
            self.shas[name] = hash_of(self.path(name))
        return self.shas[name]

    def images(self, part, count):
        """[count, 1, 28, 28] bytes and labels, as NPY files of this process."""
        sys.path.insert(0, os.path.join(ROOT, "examples", "train"))
        import fashion
        paths = [os.path.join(self.scratch, "%s-%d-%s.npy" % (part, count, what)) for what in ("images", "labels")]
        x, y = (fashion.read_idx(os.path.join(fashion.FOLDER, "%s-%s-ubyte.gz" % (part, name)))
                for name in ("images-idx3", "labels-idx1"))
        np.save(paths[0], x[:count, None])
        np.save(paths[1], y[:count])
        return paths

    def labels(self, part, count):
        """The first ones; kept, so that stored features can be judged without the images."""
        path = os.path.join(self.results, "labels.npz")
        if not os.path.exists(path):
            found = {name: np.load(self.images(name, n)[1]) for name, n in (("t10k", 10000), ("train", max(REAL)))}

            def write(new):
                with open(new, "wb") as file:
                    np.savez_compressed(file, **found)
            store.replace(path, write)
        with np.load(path) as archive:
            return archive[part][:count]

    def table_path(self, twin):
        return os.path.join(self.results, "calibration%s.json" % ("-twin-" + twin if twin else ""))

    def table(self, twin=None):
        """Of the covariances that need one, and of a twin's window, for which products are needed; made once, and kept."""
        path = self.table_path(twin)
        if not os.path.exists(path):
            files = [self.path("twin-%s.pt" % twin if twin else "fashion-unet.pt"), *self.images("train", CALIBRATED)]
            how = ["--at", 20] if twin else ["--at", 50, "--means-only"]

            def write(new):
                made = new + ".json"
                call(self.program, "calibrate", "--model", files[0], "--data", files[1], "--labels", files[2], *how,
                     "--batch", 50, "--quiet", "-o", made)
                with open(made, encoding="utf-8") as file:
                    text = file.read()
                os.unlink(made)
                for name in files:  # the same file on every machine
                    text = text.replace(json.dumps(name), json.dumps(os.path.basename(name)))
                with open(new, "w", encoding="utf-8") as file:
                    file.write(text)
            store.replace(path, write)
        return path

    def look(self, part, count, path):
        """Features of real images; those that are there must be of this classifier."""
        if os.path.exists(path):
            kept = store.load(path)
            if kept[2]["classifier"] != self.sha(JUDGE):
                raise SystemExit("%s was made with another classifier; move the results away to begin anew" % path)
            return kept
        images, _ = self.images(part, count)
        names = [os.path.join(self.scratch, name + ".npy") for name in ("real-features", "real-classes")]
        call(self.program, "evaluate", "--classifier", self.classifier, "--samples", images, "--write-features", names[0],
             "--write-classes", names[1], "--bootstrap", 0)
        kept = (np.load(names[0]), np.load(names[1]), {"images": "Fashion-MNIST, %s, the first %d" % (part, count),
                                                       "classifier": self.sha(JUDGE)})
        store.save(path, *kept)
        return kept

    def judge(self, features, classes, wanted):
        """What covsamp evaluate says of stored features.  wanted None: no classes were asked for."""
        files = {"features": features, "reference-features": store.load(self.reference)[0]}
        if wanted is not None:
            files.update(classes=classes, labels=wanted)
        words = []
        for name, array in files.items():
            words += ["--" + name, os.path.join(self.scratch, "judged-%s.npy" % name)]
            np.save(words[-1], array)
        text, _ = call(self.program, "evaluate", "--json", "-q", "--replicates", *words)
        judged = json.loads(text)
        for name in ("frechet", "kernel", "precision", "recall", "accuracy"):
            replicates = (judged[name] or {}).pop("replicates", None)
            if name == "frechet" and replicates:  # for differences of two cells
                judged[name]["replicates"] = [round(r, 4) for r in replicates]
        found = {key: judged[key] for key in KEPT}
        if wanted is None:
            return dict(found, spread=None)
        spread = within(features, wanted)
        return dict(found, spread=spread and spread / self.spread_of_reference())

    def spread_of_reference(self):
        if self.spread is None:
            self.spread = within(store.load(self.reference)[0], self.labels("t10k", 10000))
        return self.spread

    def measure_real(self):
        """Once for each number of samples: what the same numbers are for images."""
        self.look("t10k", 10000, self.reference)
        for count in REAL:
            name = "real/train-images/%d" % count
            if not self.records.has(name):
                x, said, _ = self.look("train", max(REAL), os.path.join(self.results, "features", TRAIN + ".npz"))
                self.records.add({"cell": name, "table": "real", "method": "training images", "steps": 0, "samples": count,
                                  "passes": 0, "commit": self.commit,
                                  "metrics": self.judge(x[:count], said[:count], self.labels("train", count))})

    def judge_again(self, which, match):
        """Metrics of finished cells from their features: nothing is drawn, and no network or image is needed."""
        failed = 0
        for line in list(self.records.lines):
            if not re.search(match, line["cell"]) or (which == "old" and set(KEPT + ("spread",)) <= set(line["metrics"])):
                continue
            name, count = TRAIN if line["table"] == "real" else line["run"], line["samples"]
            path = os.path.join(self.results, "features", name + ".npz")
            if not os.path.exists(path):
                failed += 1
                print("%s: there is no %s" % (line["cell"], path), file=sys.stderr, flush=True)
                continue
            x, said, _ = store.load(path)
            labels = self.labels("train", count) if line["table"] == "real" else np.arange(count) % cells.CLASSES
            if not line.get("told", True):
                labels = None
            self.records.add(dict(line, metrics=self.judge(x[:count], said[:count], labels)))
            print("%s: judged again" % line["cell"], flush=True)
        return failed

    def rate(self):
        if self.rates:
            return sum(self.rates[-8:]) / len(self.rates[-8:])
        known = [line["seconds"] / line["passes"] for line in self.records.lines if line["passes"] > 0]
        return known[-1] if known else SECONDS_A_PASS

    def time_left(self):
        return 60 * self.budget - (time.monotonic() - self.start)

    def measure(self, cell):
        """DONE, BUSY or ENDED."""
        locks = os.path.join(self.work, "locks")
        os.makedirs(locks, exist_ok=True)
        with store.Lock(os.path.join(locks, cell.run.name), wait=False) as ours:
            if not ours:
                return BUSY
            self.records.read()
            return DONE if self.records.has(cell.name) or self.draw(cell) else ENDED

    def draw(self, cell):
        """False: the budget ended before."""
        drawing, passes = Drawing(self, cell.run), self.passes(cell.run)
        drawing.check_options()
        while drawing.samples() < cell.samples:
            count = min(self.chunk_of(passes), cell.samples - drawing.samples())
            if self.time_left() < count * passes * self.rate():
                return False
            took = drawing.draw_chunk(count)
            self.rates.append(took / (count * passes))
            print("%s: %d of %d samples, %.0f s" % (cell.name, drawing.samples(), cell.samples, took), flush=True)
        x, said, about = drawing.join()
        self.records.add(self.record(cell, about, self.judge(
            x[:cell.samples], said[:cell.samples], np.arange(cell.samples) % cells.CLASSES if cell.run.told else None)))
        return True

    def chunk_of(self, passes):
        """Whole batches, so that all runs have the same ones; fewer where a sample costs much."""
        return max(self.batch, min(self.chunk, int(PASSES_A_CHUNK / passes)) // self.batch * self.batch)

    def passes(self, run):
        """A sample's, measured if it can be."""
        for line in self.records.lines:
            if line.get("run") == run.name:
                return line["passes"]
        return run.expected_passes()

    def record(self, cell, about, metrics):
        run, n = cell.run, about["samples"]
        a_sample = {key: about[key] / n for key in ("means", "jvps", "vjps", "seconds", "cpu")}
        return {"cell": cell.name, "table": cell.table, "label": cell.label, "run": run.name, "method": run.method.name,
                "steps": run.steps, "seed": run.seed, "set": list(run.sets), "engine": run.engine, "guide": run.guide,
                "told": run.told, "twin": run.twin, "spacing": run.spacing, "samples": cell.samples,
                "passes": cells.passes(a_sample, run.heads()), **a_sample, "commit": ",".join(about["commits"]), "metrics": metrics}


def show_left(grid, left):
    total = 0.0
    for cell in left:
        try:
            missing = cell.samples - min(Drawing(grid, cell.run).samples(), cell.samples)
        except Failed as reason:  # a twin that is not trained yet, say
            print("%-52s %s" % (cell.name, reason))
            continue
        hours = missing * grid.passes(cell.run) * grid.rate() / 3600
        total += hours
        print("%-52s %5d samples, %6.1f passes each, %6.2f h" % (cell.name, missing, grid.passes(cell.run), hours))
    print("%d cells left, %.1f hours at %.4f seconds a pass (runs that cells share are counted in each)" % (
        len(left), total, grid.rate()))


def arguments():
    p = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    p.add_argument("program")
    p.add_argument("--only", default=",".join(cells.TABLES), help="tables, separated by commas")
    p.add_argument("--methods", help="these methods, separated by commas")
    p.add_argument("--match", default="", help="cells whose names have this regular expression in them")
    p.add_argument("--steps", help="these numbers of steps, separated by commas")
    p.add_argument("--seeds", default="1", help="of the noise, separated by commas (default 1)")
    p.add_argument("--samples", type=int, help="a cell, in place of its table's: for trials")
    p.add_argument("--budget", type=float, default=float("inf"), help="minutes")
    p.add_argument("--list", action="store_true", help="what is left, and how long it takes")
    p.add_argument("--judge-again", nargs="?", const="all", choices=("all", "old"),
                   help="draw nothing: metrics of finished cells (with --match) from their features; old: where some are missing")
    p.add_argument("--chunk", type=int, default=250, help="samples between two savings")
    p.add_argument("--batch", type=int, default=50)
    p.add_argument("--results", default=os.path.join(HERE, "results"))
    p.add_argument("--work", default=os.path.join(ROOT, "build", "evaluation"))
    args = p.parse_args()
    complain(p.error, args)
    return args


def complain(fail, args):
    """Of what would otherwise be nothing to do, or a traceback; splits what commas separate."""
    def one_of(what, given, known):
        unknown = [g for g in given if g not in known]
        if unknown:
            fail("%s knows %s, not %s" % (what, ", ".join(known), ", ".join(unknown)))

    if not os.access(args.program, os.X_OK):
        fail("there is no program %s: meson compile -C build" % args.program)
    args.tables = args.only.split(",")
    one_of("--only", args.tables, cells.TABLES)
    args.methods = args.methods and args.methods.split(",")
    one_of("--methods", args.methods or (), cells.methods(args.program))
    for name in ("steps", "seeds"):
        given = getattr(args, name)
        if given is not None and not re.fullmatch(r"\d+(,\d+)*", given):
            fail("--%s must be whole numbers, separated by commas, not %s" % (name, given))
        setattr(args, name, given and [int(word) for word in given.split(",")])
    for name in ("samples", "chunk", "batch"):
        if getattr(args, name) is not None and getattr(args, name) < 1:
            fail("--%s must be at least 1, not %s" % (name, getattr(args, name)))
    try:
        re.compile(args.match)
    except re.error as reason:
        fail("--match is no regular expression: %s" % reason)


def wanted(grid, args):
    every = cells.cells(grid.program, args.tables, args.seeds)
    if args.samples:
        every = list({c.name: c for c in (cells.Cell(c.table, c.run, args.samples, c.label) for c in every)}.values())
    return [c for c in every if not grid.records.has(c.name) and
            (args.methods is None or c.run.method.name in args.methods) and
            re.search(args.match, c.name) and (args.steps is None or c.run.steps in args.steps)]


def measure_all(grid, left):
    grid.measure_real()
    failed, busy = 0, 0
    for i, cell in enumerate(left):
        try:
            outcome = grid.measure(cell)
        except Failed as reason:  # the others may be fine
            failed += 1
            print("%s: %s" % (cell.name, reason), file=sys.stderr, flush=True)
            continue
        busy += outcome == BUSY
        if outcome == ENDED:
            print("the budget is spent; %d cells are left" % (len(left) - i + failed + busy), flush=True)
            break
    else:
        print("; ".join([*(["%d cells failed" % failed] if failed else []), *(["%d are with another run.py" % busy] if busy else [])])
              or "everything is measured", flush=True)
    return 1 if failed else 0


def main():
    args = arguments()
    os.makedirs(args.work, exist_ok=True)
    for folder in (args.work, args.results, os.path.join(args.results, "features")):
        store.sweep(folder)
    with tempfile.TemporaryDirectory(dir=args.work, prefix="run-%d-" % os.getpid()) as scratch:
        grid = Grid(args, scratch)
        if args.judge_again:
            return 1 if grid.judge_again(args.judge_again, args.match) else 0
        left = wanted(grid, args)
        return show_left(grid, left) if args.list else measure_all(grid, left)


if __name__ == "__main__":
    sys.exit(main())
