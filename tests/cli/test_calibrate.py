# SPDX-License-Identifier: BSD-3-Clause
"""covsamp calibrate, what sample makes of its files, and every method: test_calibrate.py PROGRAM MODEL"""
import json
import os
import re
import sys

try:
    import numpy
except ImportError:
    numpy = None

from program import (PROGRAM, bad, check, good, interrupt_in_the_middle, methods, run_all, skip)

NEED_A_TABLE = ["analytic-ddpm", "analytic-ddim", "paper-analytic", "paper-analytic-ddim"]
NEED_A_HEAD = {"iddpm": "iddpm", "sn-ddpm": "sn", "npr-ddpm": "npr", "ocm-ddpm": "ocm",
               "ocm-ddim": "ocm", "paper-iddpm": "iddpm", "paper-sn": "sn",
               "paper-sn-ddim": "sn", "paper-ocm": "ocm", "paper-ocm-ddim": "ocm"}


def test_calibrate(model, folder):
    if numpy is None or not model.tiny:
        skip("calibrate, without numpy or python3-torch")
        return
    images = numpy.clip(numpy.random.default_rng(0).normal(size=(30, 1, 8, 8)) * 0.3, -1, 1)
    numpy.save(folder + "/f8.npy", images)
    numpy.save(folder + "/f4.npy", images.astype("f4"))
    numpy.save(folder + "/u1.npy", ((images[:, 0] + 1) * 127.5).round().astype("u1"))
    numpy.save(folder + "/labels.npy", numpy.arange(30) % 3)
    base = ["calibrate", "--model", model.path, "--at", "1000,400,80,1"]
    data = [*base, "--data", folder + "/f8.npy"]
    table = good(*data, "-o", folder + "/c.json")
    check(table.stdout.count("\n") == 5 and "asymmetry" in table.stdout, "the table", table)
    check("window_low" in table.stderr, "the window", table.stderr)
    saved = json.load(open(folder + "/c.json"))
    check(saved["level"] == [1000, 400, 80, 1] and len(saved["table_noise"]) == 1000 ==
          len(saved["table_x0_error"]), "the file", saved["level"])
    rows = json.loads(good(*data, "--json").stdout)["rows"]
    check(all(abs(row[key] - saved[key][i]) <= 1e-6 * abs(saved[key][i])
              for i, row in enumerate(rows) for key in row), "--json says what the file says")
    for extra in [["--batch", 7], ["--data", folder + "/f4.npy"], ["--dtype", "f64"],
                  ["--data", folder + "/u1.npy"]]:
        other = json.loads(good(*data, "--json", *extra).stdout)["rows"]
        check(all(abs(a["error"] - b["error"]) <= 0.01 * a["error"] for a, b in zip(rows, other)),
              "the same errors with %s" % extra, (rows, other))
    labelled = json.loads(good(*data, "--json", "--labels", folder + "/labels.npy").stdout)["rows"]
    check(labelled[1]["error"] != rows[1]["error"], "--labels matters")
    means = json.loads(good(*data, "--json", "--means-only", "-n", 5).stdout)
    check(means["samples"] == 5 and means["rows"][0]["trace"] is None, "--means-only", means)
    check_calibrate_usage(model, folder, base, data)
    check_calibrate_doubts(model, folder, images, base, data)


def check_calibrate_doubts(model, folder, images, base, data):
    """What makes the numbers worthless is said, and nothing else is."""
    labels = ["--labels", folder + "/labels.npy"]
    numpy.save(folder + "/wide_range.npy", (images + 1) * 127.5)
    few = good(*data, "-n", 3, *labels).stderr
    check("uncertain by more than half the error at level" in few and "1000" in few, "few images", few)
    check("--labels" not in few and "the data lies" not in few, "doubts that are none", few)
    lies = good(*base, "--data", folder + "/wide_range.npy", *labels).stderr
    check("the data lies in 0 ... " in lies, "data on another scale", lies)
    check("--labels is not given" in good(*data).stderr, "classes without labels")
    constant = numpy.zeros((30, 1, 8, 8)) + 0.01 * images
    numpy.save(folder + "/constant.npy", constant)
    unlike = good(*base, "--data", folder + "/constant.npy", *labels).stderr
    check("exceeds the variance of the data" in unlike, "data unlike the model's", unlike)


def check_calibrate_usage(model, folder, base, data):
    numpy.save(folder + "/wide.npy", numpy.zeros((3, 1, 8, 9)))
    numpy.save(folder + "/words.npy", numpy.array(["a", "b"]))
    numpy.save(folder + "/nan.npy", numpy.full((3, 1, 8, 8), numpy.nan))
    numpy.save(folder + "/few.npy", numpy.arange(3))
    with open(folder + "/f8.npy", "rb") as whole, open(folder + "/cut.npy", "wb") as cut:
        cut.write(whole.read(5000))
    bad(2, "calibrate needs --model FILE and --data", "calibrate")
    bad(1, "cannot be read", *base, "--data", folder + "/absent.npy")
    bad(1, "is not a NumPy file", *base, "--data", model.path)
    bad(1, "is cut off", *base, "--data", folder + "/cut.npy")
    bad(1, "the type of its values", *base, "--data", folder + "/words.npy")
    bad(2, "must be of shape [n, 1, 8, 8]", *base, "--data", folder + "/wide.npy")
    bad(1, "NaN", *base, "--data", folder + "/nan.npy")
    bad(2, "--labels", *data, "--labels", folder + "/few.npy")
    bad(2, "--at", *data, "--at", "1001,5")
    bad(2, "levels[1] is 5", *data, "--at", "5,5")
    bad(2, "--prediction", *data, "--prediction", "doom")
    bad(1, "cannot be written", *data, "-o", folder + "/absent/c.json")


def test_methods(model, folder):
    names = methods()
    check(len(names) >= 31 and "lgs" in names and "paper-ocm" in names, "methods", names)
    if not os.path.exists(folder + "/c.json") or not model.make(folder + "/heads.pt", "heads"):
        skip("every method, without numpy or python3-torch")
        return
    table = ["--calibration", folder + "/c.json"]
    options = {o["name"]: o for o in json.loads(good("options", "--json").stdout)}
    for name in names:
        if name == "spectral-ddim" and "spectral" not in options["covariance"]["choices"]:
            continue  # a library without it
        result = good("sample", "--model", folder + "/heads.pt", "-o", folder + "/m.npy",
                      "--method", name, "--json", "-n", 2, "--steps", 4, *table)
        check(bool(numpy.isfinite(numpy.load(folder + "/m.npy")).all()), name + " is finite")
        cost = json.loads(result.stdout)
        if name.startswith("paper-"):
            check(cost["options"]["eps_after_clip"] == ("raw" if name.endswith("-ddim") else "recompute"),
                  "the mean of " + name, cost["options"])
        if name in NEED_A_HEAD:
            check(cost["means"] == 8 and cost["jvps"] == 0, "the head rides with the mean", cost)
    out = ["-o", folder + "/m.npy", "-n", 2, "--steps", 4]
    for name in NEED_A_TABLE:
        bad(2, "needs --calibration", *model.arguments(folder + "/m.npy"), "--method", name)
    for name, head in NEED_A_HEAD.items():
        bad(1, "has no head " + head, *model.arguments(folder + "/m.npy"), "--method", name)
    if model.make(folder + "/short.pt", "short"):
        short = ["sample", "--model", folder + "/short.pt", *out]
        good(*short, "--method", "sn-ddpm", "--quiet")
        bad(1, "2 channels behind the prediction", *short, "--method", "npr-ddpm")


def test_solvers_of_their_own(model, folder):
    """No covariance is overridden in silence, also one that would need a table or a head first."""
    arguments = model.arguments(folder + "/m.npy")
    for method, solver in [("heun", "heun"), ("dpmpp-2s", "dpmpp_2s"), ("dpmpp-2m", "dpmpp_2m"),
                           ("dpmpp-2m-sde", "dpmpp_2m_sde"), ("euler", "euler"), ("addim", "addim")]:
        own = "small" if solver == "dpmpp_2m_sde" else "none"
        cost = json.loads(good(*arguments, "--json", "--method", method, "--set",
                               "covariance=" + own).stdout)
        check(cost["options"]["covariance"] == own, "the covariance of " + method, cost["options"])
        for covariance in ["krylov", "analytic", "diag_model"] if method == "heun" else ["krylov"]:
            bad(2, "covariance is %s, must be %s or not set for solver = %s" % (covariance, own, solver),
                *arguments, "--method", method, "--set", "covariance=" + covariance)
    bad(2, "eta is 0.5, must be 0", *arguments, "--method", "heun", "--set", "eta=0.5")
    bad(2, "covariance is krylov, must be none", *arguments, "--set", "solver=heun")


def test_calibration_use(model, folder):
    if not os.path.exists(folder + "/c.json"):
        skip("--calibration, without numpy or python3-torch")
        return
    saved = json.load(open(folder + "/c.json"))
    arguments = [*model.arguments(folder + "/m.npy"), "--calibration", folder + "/c.json", "--json"]
    cost = json.loads(good(*arguments, "--window-factor", 1e6).stdout)
    trusted = [n for n, e, t in zip(saved["level"], saved["error"], saved["trace"])
               if t <= 1e6 * e and e <= 1e6 * t]
    check(cost["calibration"] == folder + "/c.json", "the calibration is named", cost["calibration"])
    check(cost["options"]["window_high"] == str(max(trusted) % 1000) and
          cost["options"]["window_low"] == "0", "the window", (cost["options"], trusted))
    empty = good(*arguments, "--window-factor", 1)
    check("the window is empty" in empty.stderr and json.loads(empty.stdout)["jvps"] == 0,
          "an empty window", empty)
    check_calibration_window(model, folder)
    other = good(*arguments, "--set", "prediction=noise").stderr
    check("predicts v (" in other and "this one predicts noise" in other, "another prediction", other)
    won = json.loads(good(*arguments, "--set", "window_high=7").stdout)
    check(won["options"]["window_high"] == "7", "--set wins over --calibration", won["options"])
    good(*arguments, "--spacing", "optimal")
    bad(2, "optimal needs --calibration", *model.arguments(folder + "/m.npy"), "--spacing", "optimal")
    bad(2, "trace_guard needs --calibration", *model.arguments(folder + "/m.npy"),
        "--set", "trace_guard=1.5")
    bad(2, "1000 levels, not 500", *arguments, "--levels", 500)
    bad(2, "another schedule", *arguments, "--schedule", "cosine")
    bad(2, "--window-factor", *arguments, "--window-factor", 0.5)
    bad(1, "is not a calibration", *model.arguments(folder + "/m.npy"), "--calibration", model.path)
    text = open(folder + "/c.json").read()
    for change in [text[:len(text) // 2], text.replace('"sigma"', '"sigmo"'),
                   text.replace("null", "nan").replace("1000, 400", "1000, 4x0"),
                   text.replace("[1000, 400, 80, 1]", "[1000, 400, 80]")]:
        with open(folder + "/damaged.json", "w") as file:
            file.write(change)
        bad(1, "is damaged", *model.arguments(folder + "/m.npy"),
            "--calibration", folder + "/damaged.json")


def check_calibration_window(model, folder):
    """Nothing above the noisiest measured level is trusted; without traces the file's window stays."""
    data = ["calibrate", "--model", model.path, "--data", folder + "/f8.npy", "-n", 20, "-q",
            "--labels", folder + "/labels.npy", "-o", folder + "/w.json"]
    use = [*model.arguments(folder + "/m.npy"), "--calibration", folder + "/w.json", "--json",
           "--window-factor", 1e6]
    good(*data, "--at", "80,40,1")
    saved = json.load(open(folder + "/w.json"))
    trusted = [n for n, e, t in zip(saved["level"], saved["error"], saved["trace"])
               if t <= 1e6 * e and e <= 1e6 * t]
    check(80 in trusted and saved["prediction"] == "v" and saved["labels"] is not None,
          "a trusted level", saved["trace"])
    window = json.loads(good(*use).stdout)["options"]
    check(window["window_high"] == "80" and window["window_low"] == "0", "no level unmeasured", window)
    good(*data, "--at", "80,40,1", "--means-only")
    means = good(*use)
    check("traces were not measured" in means.stderr and
          json.loads(means.stdout)["options"]["window_high"] == "800", "the file's window", means)
    if model.make(folder + "/open.pt", "open"):
        use = ["sample", "--model", folder + "/open.pt", "-o", folder + "/m.npy", "-n", 2, "--steps", 3]
        check("covsamp calibrate measures it" in good(*use).stderr, "no window")
        for extra in [["--set", "window_high=700"], ["--method", "ddpm"], ["--quiet"],
                      ["--calibration", folder + "/c.json"]]:
            check("covsamp calibrate" not in good(*use, *extra).stderr, "a window with %s" % extra)


def test_interrupt_calibrate(model, folder):
    """Ctrl-C leaves what is finished, and says of how many samples."""
    if not os.path.exists(folder + "/c.json"):
        skip("Ctrl-C in calibrate, without numpy or python3-torch")
        return
    many = numpy.repeat(numpy.load(folder + "/f8.npy"), 40, axis=0)
    numpy.save(folder + "/many.npy", many)
    command = [PROGRAM, "calibrate", "--model", model.path, "--data", folder + "/many.npy", "--at", 20,
               "--batch", 4, "-o", folder + "/part.json"]
    code, seen = interrupt_in_the_middle(command, 40)
    check(code == 130, "exit 130 after Ctrl-C", (code, seen[-500:]))
    done = re.search(r"what follows and is written is of (\d+) of %d samples" % len(many), seen)
    check(done is not None, "how many samples", seen[-500:])
    saved = json.load(open(folder + "/part.json"))
    check(done is not None and min(saved["samples"]) == int(done.group(1)) and
          len(saved["table_noise"]) == 1000, "the file of what is finished", saved["samples"])


if __name__ == "__main__":
    sys.exit(run_all([], [test_calibrate, test_methods, test_solvers_of_their_own, test_calibration_use,
                          test_interrupt_calibrate]))
