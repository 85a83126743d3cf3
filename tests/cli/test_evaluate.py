# SPDX-License-Identifier: BSD-3-Clause
"""covsamp evaluate: test_evaluate.py PROGRAM MODEL"""
import json
import os
import sys

try:
    import numpy as np
    import evaluate_reference as reference
except ImportError:  # numpy or scipy
    np = reference = None

from program import NETWORK, PROGRAM, bad, check, good, interrupt_in_the_middle, run, run_all, skip

JUDGE = os.path.join(os.path.dirname(NETWORK), "fashion-classifier.pt")
NAMES = ("frechet", "kernel", "precision", "recall", "accuracy")


def numbers(*arguments):
    return json.loads(good("evaluate", "--json", "-q", *arguments).stdout)


def agree(got, wanted, tolerance, what):
    for name, estimate in wanted.items():
        for key, value in estimate.items():
            if key in got[name] or key != "replicates":  # of --replicates only
                off = np.abs(np.array(got[name][key]) - value) / np.maximum(np.abs(value), 1e-2)
                check(off.max() <= tolerance, "%s: %s, %s" % (what, name, key), (got[name], estimate))


def vectors(n, width, seed, scale=1.0, dead=0):
    """Like a layer behind a ReLU: not Gaussian, with features that are always 0."""
    g = np.random.default_rng(seed)
    x = np.maximum(g.normal(size=(n, width)) @ np.random.default_rng(9).normal(size=(width, width)) * scale + 0.3, 0)
    x[:, :dead] = 0
    return x.astype(np.float16)


def test_numbers(folder):
    """Stored features need neither a network nor the shim."""
    if np is None:
        skip("the numbers, without numpy or scipy")
        return
    for n, m, width, dead in ((60, 80, 12, 0), (200, 300, 32, 0), (200, 150, 32, 5), (20, 90, 32, 0), (4, 4, 1, 0)):
        x, y = vectors(n, width, 1, 0.3, dead), vectors(m, width, 2, 0.35, dead // 2)
        np.save(folder + "/x.npy", x)
        np.save(folder + "/y.npy", y)
        files = ["--features", folder + "/x.npy", "--reference-features", folder + "/y.npy"]
        # scipy's root of a covariance without full rank is itself good to the root of rounding only
        allowed = 1e-6 if n > width and not dead else 1e-5
        what = "%d and %d of %d features" % (n, m, width)
        got = numbers(*files, "--bootstrap", 10, "--bootstrap-seed", 5, "--replicates")
        agree(got, reference.evaluate(x, y, 10, 5), allowed, what)
        check(got["samples"] == n and got["reference"] == m and got["features"] == width, "sizes of " + what, got)
        check(("low" in reference.evaluate(x, y, 2)["recall"]) == (got["recall"]["low"] is not None) and got["strata"] == 1,
              "recall's interval needs halves of more than the neighbours, " + what, got)
        agree(numbers(*files, "--nearest", 2, "--bootstrap", 0), reference.evaluate(x, y, nearest=2), allowed,
              "2 neighbours, " + what)
    same = numbers("--features", folder + "/y.npy", "--reference-features", folder + "/y.npy")
    check(same["frechet"]["value"] < 1e-12 and same["precision"]["value"] == same["recall"]["value"] == 1,
          "a set and itself", same)


def test_labelled(folder):
    """Samples are resampled within their labels, of which there are odd and even numbers, and one alone."""
    if np is None:
        skip("the replicates, without numpy or scipy")
        return
    x, y = vectors(61, 10, 5, 0.3), vectors(70, 10, 6, 0.35)
    labels = np.array([3, -2, 3, 7, 3, -2, 7, 3] * 8)[:61]
    labels[11], said = 12, np.where(np.arange(61) % 5, labels, 0)
    for name, array in (("x", x), ("y", y), ("labels", labels), ("said", said)):
        np.save(folder + "/%s.npy" % name, array)
    asked = ["--features", folder + "/x.npy", "--reference-features", folder + "/y.npy", "--classes", folder + "/said.npy",
             "--labels", folder + "/labels.npy", "--bootstrap-seed", 2]
    got = numbers(*asked, "--bootstrap", 30, "--replicates")
    check(got["strata"] == 4 and all(len(got[name]["replicates"]) == 30 for name in NAMES), "all replicates", got)
    agree(got, reference.evaluate(x, y, 30, 2, right=said == labels, labels=labels), 1e-6, "by labels")
    for name in ("precision", "accuracy", "frechet", "kernel", "recall"):
        e = got[name]
        check(abs(np.mean(e["replicates"]) - e["value"]) < 1e-9 * max(1, abs(e["value"])) and
              abs(np.std(e["replicates"], ddof=1) - e["deviation"]) <= 1e-9 * e["deviation"], "moved, " + name, e)
    same = numbers(*asked[:4], "--bootstrap-seed", 2, "--bootstrap", 30, "--replicates")
    check(same["accuracy"] is None and same["strata"] == 1 and same["frechet"]["replicates"] != got["frechet"]["replicates"],
          "without labels all are drawn from all", same)
    check("replicates" not in numbers(*asked)["frechet"] and
          "replicates" not in numbers(*asked, "--bootstrap", 0, "--replicates")["frechet"], "only where asked for")
    check("with as many of each label" in good("evaluate", *asked).stdout, "the table says so")
    bad(2, "--replicates needs --json", "evaluate", *asked, "--replicates")


def test_recall(folder):
    """Its interval is about as wide as what other samples give."""
    if np is None:
        skip("the interval of recall, without numpy or scipy")
        return
    g = np.random.default_rng(3)
    np.save(folder + "/y.npy", g.normal(size=(800, 4)))
    values, deviations = [], []
    for _ in range(24):
        np.save(folder + "/x.npy", 0.8 * g.normal(size=(200, 4)))
        found = numbers("--features", folder + "/x.npy", "--reference-features", folder + "/y.npy", "--bootstrap", 100)["recall"]
        values.append(found["value"])
        deviations.append(found["deviation"])
    ratio = np.sqrt(np.mean(np.square(deviations))) / np.std(values, ddof=1)
    check(0.7 < ratio < 1.5, "recall's deviation against that of 24 sets of samples", (ratio, values, deviations))


def test_files(folder):
    if np is None:
        skip("the files, without numpy or scipy")
        return
    x, y = vectors(50, 8, 3), vectors(70, 8, 4)
    for kind in ("f2", "f4", "f8"):
        np.save(folder + "/x-%s.npy" % kind, x.astype(kind))
    np.save(folder + "/y.npy", y)
    other = ["--reference-features", folder + "/y.npy"]
    half, single, double = (numbers("--features", folder + "/x-%s.npy" % k, *other) for k in ("f2", "f4", "f8"))
    check(half == single == double, "f2, f4, f8", (half, single))
    first = numbers("--features", folder + "/x-f2.npy", *other, "-n", 30, "--bootstrap", 0)
    agree(first, reference.evaluate(x[:30], y), 1e-6, "-n")
    said, wanted = np.arange(50) % 3, np.arange(50) % 4
    np.save(folder + "/said.npy", said)
    np.save(folder + "/wanted.npy", wanted.astype("u1"))
    asked = ["--features", folder + "/x-f2.npy", "--classes", folder + "/said.npy", "--labels", folder + "/wanted.npy"]
    agree(numbers(*asked, *other, "--bootstrap", 50, "--bootstrap-seed", 1),
          reference.evaluate(x, y, 50, 1, right=said == wanted, labels=wanted), 1e-6, "accuracy")
    alone = numbers(*asked)
    check(alone["frechet"] is None and alone["accuracy"]["value"] == (said == wanted).mean(), "labels alone", alone)
    narrow = numbers(*asked, "--confidence", 0.5)["accuracy"]
    check(alone["accuracy"]["low"] < narrow["low"] < narrow["high"] < alone["accuracy"]["high"], "--confidence", narrow)
    table = good("evaluate", *asked, *other).stdout
    check(all("\n%s " % name in table for name in NAMES), "the table", table)
    refused(folder, ["evaluate", "--features", folder + "/x-f2.npy"], other)


def refused(folder, given, other):
    def save(name, array):
        np.save(folder + "/" + name, array)
        return folder + "/" + name

    start = ["evaluate", "--features"]
    hole = vectors(50, 8, 3)
    hole[7, 2] = np.nan
    bad(2, "needs one of --samples FILE.npy, --features FILE.npy and --", "evaluate", *other)
    bad(2, "needs one of", *given, "--samples", "x.npy", *other)
    bad(2, "needs --reference or --reference-features", *given)
    bad(2, "exclude each other", *given, *other, "--reference", "x.npy", "--classifier", "x.pt")
    bad(2, "needs --classifier FILE", *given, "--reference", "x.npy")
    bad(2, "needs --classifier FILE", "evaluate", "--samples", "x.npy", *other)
    bad(2, "needs --classes FILE.npy", *given, *other, "--labels", "x.npy")
    bad(2, "--write-classes needs images", *given, *other, "--write-classes", "x.npy")
    bad(2, "--write-reference needs --reference", *given, *other, "--write-reference", "x.npy")
    bad(1, "cannot be read", *start, folder + "/absent.npy", *other)
    bad(2, "features are an array of shape [n, width]", *start, save("flat.npy", np.ones(5)), *other)
    bad(2, "features are an array of shape [n, width]", *start, save("deep.npy", np.ones((5, 2, 2))), *other)
    bad(2, "features are an array of shape [n, width]", *start, save("whole.npy", np.ones((9, 8), int)), *other)
    bad(2, "the samples have 9 features each, and the reference has 8", *start, save("wide.npy", np.ones((9, 9))),
        *other)
    bad(1, "feature 2 of sample 7 is a NaN", *start, save("hole.npy", hole), *other)
    bad(2, "--nearest 3 needs at least 4 of each, and the samples are 3", *given, *other, "-n", 3)
    bad(2, "-n must be 1 to 50, as many as %s/x-f2.npy has, not 51" % folder, *given, *other, "-n", 51)
    bad(2, "--bootstrap must be 0 or 2 to 10000, not 1", *given, *other, "--bootstrap", 1)
    bad(2, "must be 50 whole numbers", *given, *other, "--classes", save("few.npy", np.zeros(49, int)))
    bad(2, "must be 50 whole numbers", *given, *other, "--classes", save("many.npy", np.zeros(51, int)))
    few = [*given, *other, "--bootstrap", 0, "-n", 30, "--classes"]
    bad(2, "must be 30 whole numbers", *few, save("some.npy", np.zeros(40, int)))
    check(run(*few, save("all.npy", np.zeros(50, int))).returncode == run(*few, save("used.npy", np.zeros(30, int))).returncode
          == 0, "with -n, one for each sample used or one for each of the file")
    bad(2, "--confidence takes a number in 0 ... 1", *given, *other, "--confidence", 2)
    result = run(*given, *other, "-n", 8, "--bootstrap", 0)
    check(result.returncode == 0 and "8 samples do not fill 8 features" in result.stderr, "a note on few", result)


def test_without_shim(folder):
    """What needs a network says so in builds that have none."""
    if np is None or "not in this build" not in run("version").stdout:
        return
    np.save(folder + "/images.npy", np.zeros((9, 1, 28, 28), np.float32))
    bad(1, "no TorchScript support", "evaluate", "--samples", folder + "/images.npy", "--classifier", JUDGE,
        "--reference", folder + "/images.npy")


def judge(model, folder):
    path = folder + "/judge.pt"
    return path if model.tiny and model.make(path, "judge") else None


def test_images(model, folder):
    path = judge(model, folder)
    if np is None or path is None:
        skip("evaluate from images, without numpy, scipy or python3-torch")
        return
    import torch
    g = np.random.default_rng(0)
    x, y = g.uniform(-1.3, 1.3, (40, 1, 8, 8)), g.uniform(-1, 1, (60, 1, 8, 8))
    np.save(folder + "/x.npy", x)
    np.save(folder + "/y.npy", y[:, 0].astype("f4"))  # without its channel
    np.save(folder + "/labels.npy", np.arange(40) % 3)
    module = torch.jit.load(path)
    look = [module.features(torch.from_numpy(v).float()).double().numpy() for v in (x.clip(-1, 1), y)]
    said = module(torch.from_numpy(x.clip(-1, 1)).float()).argmax(1).numpy()
    base = ["--classifier", path, "--samples", folder + "/x.npy", "--labels", folder + "/labels.npy"]
    got = numbers(*base, "--reference", folder + "/y.npy", "--shape", "1,8,8", "--bootstrap", 20, "--batch", 7,
                  "--write-features", folder + "/fx.npy", "--write-reference", folder + "/fy.npy",
                  "--write-classes", folder + "/cx.npy")
    asked = {"right": said == np.arange(40) % 3, "labels": np.arange(40) % 3}
    agree(got, reference.evaluate(*look, 20, **asked), 1e-5, "from images")
    fx, fy, cx = (np.load(folder + "/%s.npy" % name) for name in ("fx", "fy", "cx"))
    check(fx.dtype == np.float16 and (fx == look[0].astype("f4").astype("f2")).all(), "features as float16", fx)
    check((fy == look[1].astype("f4").astype("f2")).all() and (cx == said).all(), "the reference's, and classes", fy)
    stored = ["--features", folder + "/fx.npy", "--classes", folder + "/cx.npy", "--labels", folder + "/labels.npy"]
    again = numbers(*stored, "--reference-features", folder + "/fy.npy", "--bootstrap", 20)
    agree(again, reference.evaluate(fx, fy, 20, **asked), 1e-6, "from what was written")
    wide = numbers(*base, "--reference", folder + "/y.npy", "--shape", "1,8,8", "--clip", 0, "--bootstrap", 0)
    agree(wide, {"frechet": {"value": reference.frechet(module.features(torch.from_numpy(x).float()).double().numpy(),
                                                        look[1])}}, 1e-5, "--clip 0")
    refused_images(folder, path, ["evaluate", "--classifier", path, "--reference-features", folder + "/fy.npy"], x)


def refused_images(folder, path, start, x):
    x[3, 0, 2, 2] = np.inf
    np.save(folder + "/hole.npy", x)
    np.save(folder + "/side.npy", np.zeros((5, 1, 9, 9)))
    np.save(folder + "/flat.npy", np.zeros(5))
    samples = [*start, "--samples", folder + "/x.npy"]
    bad(1, "sample 3 holds a NaN or infinity", *start, "--samples", folder + "/hole.npy")
    bad(2, "takes samples of shape [1, 8, 8]", *start, "--samples", folder + "/side.npy")
    bad(2, "images are an array of shape [n, ...shape]", *start, "--samples", folder + "/flat.npy")
    bad(2, "is of shape [40, 1, 8, 8], must be [1, 9, 8]", *samples, "--shape", "1,9,8")
    bad(1, "the module has no method elsewhere", *samples, "--layer", "elsewhere")
    bad(1, "absent.pt", *samples, "--classifier", folder + "/absent.pt")
    bad(1, "cannot be written", *samples, "--write-features", folder + "/absent/x.npy")


def test_drawn(model, folder):
    """What is drawn on the fly is what covsamp sample draws."""
    path = judge(model, folder)
    if np is None or path is None:
        skip("evaluate while drawing, without numpy, scipy or python3-torch")
        return
    np.save(folder + "/y.npy", np.random.default_rng(1).uniform(-1, 1, (60, 1, 8, 8)))
    method = ["--model", model.path, "--method", "lgs", "--steps", 5, "-n", 20, "--first-sample", 4, "--seed", 3]
    good("sample", *method, "-q", "-o", folder + "/x.npy")
    np.save(folder + "/labels.npy", (4 + np.arange(20)) % 3)
    base = ["--classifier", path, "--reference", folder + "/y.npy"]
    given = numbers(*base, "--samples", folder + "/x.npy", "--labels", folder + "/labels.npy")
    drawn = numbers(*base, "--", *method)
    check(all(given[k] == drawn[k] for k in NAMES), "drawn as from a file", (given, drawn))
    check(drawn["drawn"]["means"] == 100 and drawn["drawn"]["method"] == "lgs", "their cost", drawn["drawn"])
    check(numbers(*base, "--", *method, "--label", "none")["accuracy"] is None, "no labels, no accuracy")
    text = good("evaluate", *base, "--", *method)
    check("frechet" in text.stdout and "JVPs" in text.stderr, "table and cost", text)
    check("usage: covsamp sample" in good("evaluate", *base, "--", "--help").stdout, "sample's help behind --")
    code, seen = interrupt_in_the_middle([PROGRAM, "evaluate", *base, "--write-features", folder + "/cut.npy", "--", *method[:6],
                                          "-n", 4000, "--batch", 4], 8)
    check(code == 130 and "nothing was evaluated" in seen and not os.path.exists(folder + "/cut.npy"), "Ctrl-C", (code, seen[-300:]))
    bad(2, "no -o", "evaluate", *base, "--", *method, "-o", folder + "/z.npy")
    bad(2, "--label, behind the --", "evaluate", *base, "--labels", "x.npy", "--", *method)
    bad(2, "sample needs --model FILE", "evaluate", *base, "--")


if __name__ == "__main__":
    sys.exit(run_all([test_numbers, test_labelled, test_recall, test_files, test_without_shim], [test_images, test_drawn]))
