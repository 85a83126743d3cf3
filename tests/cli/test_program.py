# SPDX-License-Identifier: BSD-3-Clause
"""Drives the covsamp program: test_program.py PROGRAM MODEL

Samples from a tiny network made on the fly (python3-torch), or from MODEL without it.
"""
import json
import os
import pty
import re
import select
import shlex
import signal
import struct
import subprocess
import sys
import tempfile
import time

try:
    import numpy
except ImportError:
    numpy = None

PROGRAM, NETWORK = os.path.abspath(sys.argv[1]), os.path.abspath(sys.argv[2])
HERE = os.path.dirname(os.path.abspath(__file__))
passed = failed = skipped = 0


def check(ok, what, detail=""):
    global passed, failed
    if ok:
        passed += 1
    else:
        failed += 1
        print("failed: %s %s" % (what, detail), file=sys.stderr)


def skip(what):
    global skipped
    skipped += 1
    print("skipped: " + what)


def run(*arguments, environment=None):
    return subprocess.run([PROGRAM, *map(str, arguments)], stdout=subprocess.PIPE,
                          stderr=subprocess.PIPE, text=True, timeout=300,
                          env=dict(os.environ, **(environment or {})))


def good(*arguments, environment=None):
    result = run(*arguments, environment=environment)
    check(result.returncode == 0, "exit 0 of %s" % (arguments,), result.stderr)
    return result


def bad(code, part, *arguments):
    """One sentence on standard error, nothing on standard output, the right exit code."""
    result = run(*arguments)
    check(result.returncode == code, "exit %d of %s" % (code, arguments), result)
    check(re.fullmatch(r"covsamp: [^\n]*\.\n", result.stderr) is not None,
          "one sentence for %s" % (arguments,), repr(result.stderr))
    check(part in result.stderr, "\"%s\" for %s" % (part, arguments), repr(result.stderr))
    check(result.stdout == "", "silence of %s" % (arguments,), result.stdout)


def test_help():
    for command in ["sample", "calibrate", "check", "options", "version"]:
        result = good(command, "--help")
        check(result.stdout.startswith("usage: covsamp " + command) and result.stderr == "",
              command + " --help", result)
        check(command in good("--help").stdout, "--help names " + command)
    check("libcovsamp 0." in good("version").stdout, "version")
    check(set(json.loads(good("version", "--json").stdout)) ==
          {"covsamp", "libcovsamp", "libcovsamp-torch"}, "version --json")


def test_options():
    options = {o["name"]: o for o in json.loads(good("options", "--json").stdout)}
    check(options["krylov_steps"]["default"] == 2 and options["krylov_steps"]["low"] == 1,
          "krylov_steps")
    check(options["covariance"]["choices"]["krylov"] == 30, "choices of covariance")
    check(options["clip_x0"]["type"] == "real" and options["clip_x0"]["high"] is None, "clip_x0")
    check(options["seed"]["low"] == str(-2 ** 63) and options["seed"]["high"] == str(2 ** 63 - 1) and
          options["dim"]["high"] == 2 ** 33, "bounds that doubles would round are text", options["seed"])
    check("low" not in options["covariance"] and options["covariance"]["default"] == 30,
          "a choice has no bounds", options["covariance"])
    table = good("options").stdout
    check(all(name in table and o["help"] in table for name, o in options.items()), "the table")
    comma = {"LC_ALL": "de_DE.UTF-8", "LC_NUMERIC": "de_DE.UTF-8"}
    check(good("options", environment=comma).stdout == table, "the table in another locale")
    full = subprocess.run([PROGRAM, "options"], stdout=open("/dev/full", "w"),
                          stderr=subprocess.PIPE, text=True)
    check(full.returncode == 1 and "standard output" in full.stderr, "a full disk", full)


def test_usage(folder):
    out = ["-o", folder + "/usage.npy"]
    model = ["--model", NETWORK]
    bad(2, "command is missing")
    bad(2, "no command \"smaple\"", "smaple")
    bad(2, "no option \"--frobnicate\"", "sample", "--frobnicate", 3)
    bad(2, "no plain argument", "sample", "x.pt")
    bad(2, "--model", "sample", *out)
    bad(2, "-o FILE", "sample", *model)
    bad(2, ".png or .npy", "sample", *model, "-o", folder + "/x.jpg")
    bad(2, "needs a value", "sample", "-n")
    bad(2, "takes no value", "sample", "--json=3")
    for number in ["0", "-3", "x", "1.5", "", "99999999999999999999", "0x10", " 4", "4 "]:
        bad(2, "-n takes a whole number", "sample", *model, *out, "-n", number)
    bad(2, "--steps", "sample", *model, *out, "--steps", 0)
    bad(2, "--seed", "sample", *model, *out, "--seed", -1)
    bad(2, "--shape", "sample", *model, *out, "--shape", "1,,28")
    bad(2, "--dtype", "sample", *model, *out, "--dtype", "f16")
    bad(2, "--method knows lgs", "sample", *model, *out, "--method", "magic")
    bad(2, "key=value", "sample", *model, *out, "--set", "eta")
    bad(2, "1 ... 65536", "sample", *model, *out, "--set", "krylov_steps=0")
    bad(2, "etta", "sample", *model, *out, "--set", "etta=0")
    bad(2, "use --batch", "sample", *model, *out, "--set", "batch=3")
    bad(2, "noise=ask", "sample", *model, *out, "--set", "noise=ask")
    bad(2, "2^63", "sample", *model, *out, "--first-sample", 2 ** 63 - 1, "-n", 2)
    bad(1, "cannot be written", "sample", *model, "-o", folder + "/absent/x.png")
    os.mkdir(folder + "/folder.npy")
    bad(1, "not a regular file", "sample", *model, "-o", folder + "/folder.npy")
    bad(2, "check needs --model", "check")
    bad(2, "--repeats", "check", *model, "--repeats", 3)


def png_size(path):
    with open(path, "rb") as file:
        head = file.read(26)
    check(head[:8] == b"\x89PNG\r\n\x1a\n", "PNG signature of " + path)
    return struct.unpack(">II", head[16:24]) + (head[25],)


class Model:
    """The network that the tests draw from, and what its file says."""

    def __init__(self, folder):
        self.tiny = self.make(folder + "/tiny.pt")
        self.path = folder + "/tiny.pt" if self.tiny else NETWORK
        self.side, self.classes = (8, 3) if self.tiny else (28, 10)
        self.steps = 8 if self.tiny else 2

    @staticmethod
    def make(path, *kind):
        return subprocess.run([sys.executable, HERE + "/tiny_model.py", path, *kind],
                              stderr=subprocess.DEVNULL).returncode == 0

    def arguments(self, output, n=4, steps=None):
        return ["sample", "--model", self.path, "-n", n, "--steps", steps or self.steps,
                "-o", output]


def test_files(model, folder):
    result = good(*model.arguments(folder + "/a.png", n=5), "--columns", 2)
    check("means" in result.stderr and "x0 clipped to +-1" in result.stderr, "summary",
          result.stderr)
    check("\r" not in result.stderr and result.stdout == "", "no bar in a pipe", result)
    cell = model.side + 2
    check("solver ancestral" in result.stderr and "even levels" in result.stderr and
          "ritz_cap" not in result.stderr, "method in the summary", result.stderr)
    guarded = good(*model.arguments(folder + "/g.npy"), "--set", "ritz_cap=2", "--set",
                   "covariance_cap=1.5", "--set", "pixel_clip=3").stderr
    check("ritz_cap 2" in guarded and "covariance_cap 1.5" in guarded and "pixel_clip 3" in guarded
          and "trace_guard" not in guarded, "guards in the summary", guarded)
    check(png_size(folder + "/a.png") == (2 * cell + 2, 3 * cell + 2, 0), "PNG of 2 columns")
    good(*model.arguments(folder + "/b.png", n=5), "--quiet", "--label", "none")
    check(png_size(folder + "/b.png")[:2] == (2 * cell + 2, 3 * cell + 2), "PNG about square",
          png_size(folder + "/b.png"))
    quiet = good(*model.arguments(folder + "/c.png", n=model.classes + 2), "-q",
                 "--first-sample", 1)
    check(quiet.stderr == "" and quiet.stdout == "", "--quiet", quiet)
    check(png_size(folder + "/c.png")[:2] == (model.classes * cell + 2, 2 * cell + 2),
          "PNG of a column a class", png_size(folder + "/c.png"))
    check(not [name for name in os.listdir(folder) if name.endswith(".new")], "no temporary files")


def test_json(model, folder):
    result = good(*model.arguments(folder + "/j.npy"), "--json", "--seed", 2 ** 64 - 1)
    cost = json.loads(result.stdout)
    check(result.stderr == "", "--json is silent on standard error", result.stderr)
    check(cost["samples"] == 4 and cost["means"] == 4 * model.steps, "means", cost)
    if model.tiny:
        check(cost["options"]["window_high"] == "800" and cost["options"]["prediction"] == "v",
              "what the model file says", cost["options"])
        check(0 < cost["jvps"] < 4 * model.steps * 2, "JVPs within the window", cost["jvps"])
    check(cost["spacing"] == "even" and cost["visited"][0] == 1000 and cost["visited"][-1] == 1 and
          len(cost["visited"]) == model.steps and cost["calibration"] is None, "levels", cost)
    check(cost["seed"] == 2 ** 64 - 1 and cost["method"] == "lgs" and cost["clip_x0"] == 1,
          "echo", cost)
    check(abs(cost["seconds"] - cost["seconds_model"] - cost["seconds_core"]) < 1e-6, "seconds",
          cost)
    ddim = good(*model.arguments(folder + "/j.npy"), "--json", "--method", "ddim")
    cost = json.loads(ddim.stdout)
    check(cost["jvps"] == 0 and cost["options"]["eta"] == "0", "ddim", cost)
    cost = json.loads(good(*model.arguments(folder + "/j.npy"), "--json", "--method", "lgs-plain",
                           "--set", "krylov_steps=1").stdout)
    check(cost["clip_x0"] == 0 and cost["options"]["krylov_steps"] == "1", "--set wins", cost)
    fine, two = (json.loads(good(*model.arguments(folder + "/j.npy"), "--json", "--set", option).stdout)
                 for option in ["tolerance=1e-6", "krylov_steps=2"])
    check(fine["jvps"] > two["jvps"], "a tolerance may take more than two products",
          (fine["jvps"], two["jvps"]))


def close(a, b, tolerance=2e-4):
    return a.shape == b.shape and float(numpy.abs(a - b).max()) <= tolerance


def test_numbers(model, folder):
    if numpy is None:
        skip("numbers, without numpy")
        return
    paths = {}
    for name, extra in {"one": ["--batch", 1], "four": ["--batch", 4], "uneven": ["--batch", 3],
                        "double": ["--dtype", "f64"], "other": ["--seed", 5],
                        "rest": ["--first-sample", 2, "-n", 2]}.items():
        paths[name] = folder + "/" + name + ".npy"
        good(*model.arguments(paths[name]), "--quiet", *extra)
    a = {name: numpy.load(path) for name, path in paths.items()}
    check(a["one"].shape == (4, 1, model.side, model.side) and a["one"].dtype == numpy.float32,
          "shape and type", (a["one"].shape, a["one"].dtype))
    check(a["double"].dtype == numpy.float64, "f64")
    check(bool(numpy.isfinite(a["one"]).all()) and abs(a["one"]).max() <= 1.0001, "clipped values")
    check(close(a["one"], a["four"]) and close(a["uneven"], a["four"]), "--batch does not matter")
    check(close(a["rest"], a["four"][2:]), "--first-sample")
    check(not close(a["other"], a["four"]), "--seed matters")
    check(close(a["double"], a["four"].astype(numpy.float64), 1e-2), "f32 against f64")
    label = good(*model.arguments(folder + "/l.npy"), "--quiet", "--label", "0,2")
    labelled = numpy.load(folder + "/l.npy")
    check(close(labelled[:1], a["four"][:1]), "the same label draws the same sample", label)
    check(not close(labelled[1:2], a["four"][1:2]), "another label draws another")


def test_schedules(model, folder):
    for text in ["linear:1e-4,0.02", "cosine", "karras:0.01,10,7", "flow"]:
        good(*model.arguments(folder + "/s.npy", n=1, steps=2), "--quiet", "--schedule", text,
             "--set", "prediction=x0")
    arguments = model.arguments(folder + "/s.npy", n=1)
    bad(2, "linear, cosine", *arguments, "--schedule", "quadratic")
    bad(2, "2 numbers", *arguments, "--schedule", "linear:1e-4")
    bad(2, "0 numbers", *arguments, "--schedule", "flow:3")
    bad(2, "--steps 2000", *model.arguments(folder + "/s.npy", steps=2000))
    bad(2, "--spacing", *arguments, "--spacing", "odd")


def test_bad_models(model, folder):
    bad(1, "absent.pt", "sample", "--model", folder + "/absent.pt", "-o", folder + "/x.npy")
    with open(folder + "/text.pt", "w") as file:
        file.write("not a network\n")
    bad(1, "text.pt", "sample", "--model", folder + "/text.pt", "-o", folder + "/x.npy")
    with open(model.path, "rb") as whole, open(folder + "/cut.pt", "wb") as cut:
        cut.write(whole.read(2000))
    bad(1, "cut.pt", "sample", "--model", folder + "/cut.pt", "-o", folder + "/x.npy")
    arguments = model.arguments(folder + "/x.npy")
    bad(1, "", *arguments, "--shape", "5,8,8")
    bad(1, "", *arguments, "--device", "abacus:0")
    bad(2, "--label", *arguments, "--label", "99")
    bad(2, "--engine", *arguments, "--engine", "steam")
    bad(1, "memory", *arguments[:3], *arguments[5:], "-n", 2 ** 60)
    bad(2, ".npy", *model.arguments(folder + "/x.png")[:3], "-o", folder + "/x.png", "-n", 2 ** 60)
    check(not os.path.exists(folder + "/x.npy"), "a failed run writes nothing")
    if model.tiny and Model.make(folder + "/nan.pt", "nan"):
        bad(1, "", "sample", "--model", folder + "/nan.pt", "-o", folder + "/x.npy", "-n", 2)


def test_check(model, folder):
    verdict = good("check", "--model", model.path)
    check("are right" in verdict.stdout, "check", verdict)
    told = json.loads(good("check", "--model", model.path, "--json").stdout)
    check(told["right"] and len(told["times"]) == 5 and told["times"][-1]["time"] == 999,
          "check --json", told)
    if model.tiny and Model.make(folder + "/wrong.pt", "wrong"):
        check(run("check", "--model", folder + "/wrong.pt").returncode == 1,
              "check of a wrong model")


def methods():
    """Every name that --help lists."""
    text = good("sample", "--help").stdout
    return re.findall(r"^  ([a-z0-9-]+) +\S", text[text.index("methods:"):], re.MULTILINE)


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


def interrupt_in_the_middle(command, finished, output=subprocess.DEVNULL):
    """Runs the command on a terminal until so many samples are done, then presses Ctrl-C."""
    terminal, inside = pty.openpty()
    process = subprocess.Popen(list(map(str, command)), stderr=inside, stdout=output)
    os.close(inside)
    seen, sent, end = "", False, time.time() + 120
    while time.time() < end:
        if not select.select([terminal], [], [], 1)[0]:
            continue
        try:
            part = os.read(terminal, 65536)
        except OSError:
            break
        if not part:
            break
        seen += part.decode()
        counts = [int(k) for k in re.findall(r"\] (\d+)/", seen)]
        if not sent and counts and counts[-1] >= finished:
            process.send_signal(signal.SIGINT)
            sent = True
    os.close(terminal)
    return process.wait(timeout=60), seen


def test_interrupt(model, folder):
    if numpy is None:
        skip("Ctrl-C, without numpy")
        return
    n, steps = (120, 60) if model.tiny else (12, 3)
    arguments = model.arguments(folder + "/it's whole.npy", n=n, steps=steps)
    extra = ["--batch", 2, "--set", "krylov_steps=1"]
    good(*arguments, *extra, "--quiet")
    output = folder + "/it's cut.npy"
    code, seen = interrupt_in_the_middle(
        [PROGRAM, *model.arguments(output, n=n, steps=steps), *extra], n // 4)
    check(code == 130, "exit 130 after Ctrl-C", (code, seen[-500:]))
    check("samples/s" in seen and "ETA" in seen, "the bar", seen[-500:])
    resume = re.search(r"covsamp: the rest: (.*?)\r?\n", seen)
    check(resume is not None and os.path.exists(output), "the command for the rest", seen[-500:])
    if resume is None:
        return
    command = shlex.split(resume.group(1))
    check(command[0] == PROGRAM and "krylov_steps=1" in command, "arguments are kept", command)
    rest = subprocess.run(command, stderr=subprocess.PIPE, text=True, timeout=300)
    check(rest.returncode == 0, "the rest", rest.stderr)
    parts = [numpy.load(output), numpy.load(command[command.index("-o") + 1])]
    check(0 < len(parts[0]) < n, "finished batches are written", len(parts[0]))
    check(close(numpy.concatenate(parts), numpy.load(folder + "/it's whole.npy")),
          "both parts are the whole")


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


def main():
    test_help()
    test_options()
    with tempfile.TemporaryDirectory() as folder:
        test_usage(folder)
        model = Model(folder)
        if "not in this build" in run("version").stdout:
            bad(1, "no TorchScript", "sample", "--model", NETWORK, "-o", folder + "/x.npy")
            bad(1, "no TorchScript", "check", "--model", NETWORK)
            skip("sampling, in a build without the shim")
        elif not os.path.exists(model.path):
            skip("sampling, without python3-torch and without a network")
        else:
            for test in [test_files, test_json, test_numbers, test_schedules, test_bad_models,
                         test_check, test_calibrate, test_methods,
                         test_solvers_of_their_own, test_calibration_use, test_interrupt,
                         test_interrupt_calibrate]:
                test(model, folder)
    print("%d passed, %d failed%s" % (passed, failed, ", %d skipped" % skipped if skipped else ""))
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
