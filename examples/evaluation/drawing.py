# SPDX-License-Identifier: BSD-3-Clause
"""Features of a run, however often it is stopped: a finished file in the results, and chunks in the work folder."""
import hashlib
import json
import os
import re
import resource
import subprocess
import time

import numpy as np

import cells
import store

JUDGE = "fashion-classifier.pt"
OF_A_CHUNK = {"batch", "first_sample"}  # options
SUMS = ("samples", "means", "jvps", "vjps", "seconds", "cpu")


def hash_of(path):
    with open(path, "rb") as file:
        return hashlib.sha256(file.read()).hexdigest()[:16]


class Failed(Exception):
    """What the program says of what it could not do."""


def call(program, *arguments):
    """(standard output, CPU seconds of the program)"""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    done = subprocess.run([program, *map(str, arguments)], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    if done.returncode != 0:
        raise Failed("covsamp %s: %s" % (" ".join(map(str, arguments)), done.stderr.strip()))
    return done.stdout, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


class Drawing:
    """Chunks are named by their first sample, follow each other, and are joined when a cell has what it needs."""

    def __init__(self, grid, run):
        self.grid, self.run = grid, run
        self.path = os.path.join(grid.results, "features", run.name + ".npz")
        self.folder = os.path.join(grid.work, run.name)
        self.done = store.load(self.path) if os.path.exists(self.path) else None
        self.chunks = self.find_chunks()
        self.files = self.find_files()
        for _, _, about in self.parts():
            for what, (name, sha) in self.files.items():
                if about.get(what, sha) != sha:  # older parts do not say all
                    raise Failed("%s was drawn with another %s; move it away to draw it again" % (run.name, name))

    def find_files(self):
        """What the numbers depend on beside the program: {what: (its name, its hash)}."""
        grid, run = self.grid, self.run
        found = {"network": (run.network(), grid.sha(run.network())), "judge": (JUDGE, grid.sha(JUDGE))}
        if run.guide and run.guide[0] == "--guidance":
            found["guide"] = (cells.GUIDE, grid.sha(cells.GUIDE))
        if run.needs_table() and os.path.exists(grid.table_path(run.twin)):
            found["table"] = ("calibration table", hash_of(grid.table_path(run.twin)))
        return found

    def arguments(self):
        grid, run = self.grid, self.run
        return run.arguments(grid.models, grid.path(run.network()), lambda: grid.table(run.twin))

    def check_options(self):
        """One sample, of which nothing is kept, says what options are now: presets and defaults may have changed."""
        if not self.parts():
            return
        text, _ = call(self.grid.program, "sample", *self.arguments(), "--batch", 1, "-n", 1, "-q", "--json", "-o",
                       os.path.join(self.grid.scratch, "probe.npy"))
        now = json.loads(text)["options"]
        for _, _, about in self.parts():
            for name in sorted(set(now) & set(about["options"]) - OF_A_CHUNK):
                if now[name] != about["options"][name]:
                    raise Failed("%s was drawn with %s=%s, and now it is %s; move it away to draw it again" % (
                        self.run.name, name, about["options"][name], now[name]))

    def find_chunks(self):
        chunks, at = [], self.stored()
        while os.path.exists(self.chunk_path(at)):
            chunks.append(store.load(self.chunk_path(at)))
            at += len(chunks[-1][0])
        return chunks

    def parts(self):
        return ([] if self.done is None else [self.done]) + self.chunks

    def chunk_path(self, first):
        return os.path.join(self.folder, "%06d.npz" % first)

    def stored(self):
        return 0 if self.done is None else len(self.done[0])

    def samples(self):
        return self.stored() + sum(len(chunk[0]) for chunk in self.chunks)

    def draw_chunk(self, count):
        """The next `count` samples; returns their seconds by the clock."""
        grid, first, start = self.grid, self.samples(), time.monotonic()
        names = [os.path.join(grid.scratch, name + ".npy") for name in ("features", "classes")]
        text, cpu = call(grid.program, "evaluate", "--classifier", grid.classifier, "--json", "-q", "--bootstrap", 0,
                         "--write-features", names[0], "--write-classes", names[1], "--",
                         *self.arguments(), "--batch", grid.batch, "-q", "--first-sample", first, "-n", count)
        cost = json.loads(text)["drawn"]
        about = {"samples": count, "means": cost["means"], "jvps": cost["jvps"], "vjps": cost["vjps"],
                 "seconds": cost["seconds"], "cpu": cpu, "commits": [grid.commit],
                 "options": cost["options"], **{what: sha for what, (_, sha) in self.find_files().items()}}
        chunk = (np.load(names[0]), np.load(names[1]), about)
        store.save(self.chunk_path(first), *chunk)
        self.chunks.append(chunk)
        return time.monotonic() - start

    def join(self):
        """Into the results, whole or not at all; what is left of chunks is stale then and goes."""
        if self.chunks:
            parts = self.parts()
            about = dict(parts[-1][2], **{key: sum(part[2][key] for part in parts) for key in SUMS})
            about["commits"] = sorted({commit for part in parts for commit in part[2]["commits"]})
            self.done = (np.concatenate([part[0] for part in parts]), np.concatenate([part[1] for part in parts]), about)
            store.save(self.path, *self.done)
            self.chunks = []
        if os.path.isdir(self.folder):
            for name in os.listdir(self.folder):
                if re.fullmatch(r"\d+\.npz", name):
                    os.unlink(os.path.join(self.folder, name))
            os.rmdir(self.folder)
        return self.done
