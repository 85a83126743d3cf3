# SPDX-License-Identifier: BSD-3-Clause
"""covsamp nelbo: test_nelbo.py PROGRAM MODEL"""
import json
import sys

try:
    import numpy
except ImportError:
    numpy = None

from program import bad, check, good, run_all, skip

KRYLOV = ["--method", "lgs", "--set", "krylov_steps=64", "--set", "probes=100"]


def terms(*arguments):
    return json.loads(good(*arguments, "--json").stdout)


def close(a, b, share):
    return abs(a - b) <= share * abs(b)


def test_nelbo(model, folder):
    if numpy is None or not model.tiny:
        skip("nelbo, without numpy or python3-torch")
        return
    images = numpy.random.default_rng(0).integers(0, 256, size=(12, 1, 8, 8)).astype("u1")
    numpy.save(folder + "/u1.npy", images)
    numpy.save(folder + "/f8.npy", images / 127.5 - 1)
    numpy.save(folder + "/wide.npy", images / 127.5)
    numpy.save(folder + "/labels.npy", numpy.arange(12) % 3)
    base = ["nelbo", "--model", model.path, "--steps", 5, "-q"]
    data = [*base, "--data", folder + "/u1.npy"]
    small = terms(*data, "--method", "ddpm")
    check([t["term"] for t in small["terms"]] == ["prior"] + ["step"] * 4 + ["decoder"], "the terms", small)
    check(close(sum(t["nats"] for t in small["terms"]), small["nats"], 1e-12), "they add up", small)
    check(close(small["bits"] * 64 * numpy.log(2), small["nats"], 1e-12), "bits per value", small)
    for extra in [["--data", folder + "/f8.npy"], ["--batch", 5], ["--dtype", "f64"]]:
        check(close(terms(*data, "--method", "ddpm", *extra)["nats"], small["nats"], 1e-4), "the same with %s" % extra)
    check(terms(*data, "--method", "ddpm", "--labels", folder + "/labels.npy")["nats"] != small["nats"], "--labels")
    check(terms(*data, "--method", "ddpm", "-n", 5)["samples"] == 5, "-n")
    check(terms(*data, "--method", "ddpm", "--spacing", "even")["nats"] == small["nats"], "even levels by default")
    dense = terms(*data, "--method", "full-ddpm", "--dtype", "f64")
    krylov = terms(*data, *KRYLOV, "--dtype", "f64", "--set", "window_high=0")
    for exact, estimate in zip(dense["terms"], krylov["terms"]):
        off = abs(exact["nats"] - estimate["nats"])
        check(off <= 4 * estimate.get("probe_deviation", 0) + 1e-9 * abs(exact["nats"]), "krylov as dense",
              (exact, estimate))
    check_files(data, folder, small)
    check_refusals(base, data, folder)


def check_files(data, folder, small):
    good(*data, "--method", "ddpm", "-o", folder + "/x.json")
    saved = json.load(open(folder + "/x.json"))
    check(saved["terms"] == small["terms"] and saved["method"] == "ddpm", "the file is what --json prints", saved)
    good(*data, "--method", "ddpm", "-o", folder + "/x.npy")
    table = numpy.load(folder + "/x.npy")
    check(table.shape == (6, 9) and table[:, 0].tolist() == [1, 2, 2, 2, 2, 3], "the NPY table", table)
    check(close(table[:, 3].sum(), small["nats"], 1e-12), "its column of nats", table)
    check("bits per value" in good(*data, "--method", "ddpm").stdout, "the text")


def check_refusals(base, data, folder):
    bad(2, "nelbo needs --model FILE and --data FILE.npy", *base)
    bad(2, "must be in [-1, 1] for --bins 256", *base, "--data", folder + "/wide.npy", "--method", "ddpm")
    bad(2, "eta is 0, must be above 0", *data, "--method", "lgs-ddim")
    bad(2, "solver is heun, must be ancestral", *data, "--method", "heun")
    bad(2, "probes is 1, must be at least 2", *data, "--set", "probes=1")
    bad(2, "needs --calibration FILE", *data, "--method", "analytic-ddpm")
    bad(2, "ends in .json or .npy", *data, "-o", folder + "/x.txt")
    bad(2, "--bins", *data, "--bins", 65537)
    good(*base, "--data", folder + "/wide.npy", "--method", "ddpm", "--bins", 0)


if __name__ == "__main__":
    sys.exit(run_all([], [test_nelbo]))
