# SPDX-License-Identifier: BSD-3-Clause
"""covsamp sample, check, options, version: test_program.py PROGRAM MODEL"""
import json
import os
import re
import shlex
import subprocess
import sys

try:
    import numpy
except ImportError:
    numpy = None

from program import (NETWORK, PROGRAM, Model, bad, check, close, good, interrupt_in_the_middle, png_size,
                     run, run_all, skip)


def test_help(folder):
    for command in ["sample", "calibrate", "check", "options", "version"]:
        result = good(command, "--help")
        check(result.stdout.startswith("usage: covsamp " + command) and result.stderr == "",
              command + " --help", result)
        check(command in good("--help").stdout, "--help names " + command)
    check("libcovsamp 0." in good("version").stdout, "version")
    check(set(json.loads(good("version", "--json").stdout)) ==
          {"covsamp", "libcovsamp", "libcovsamp-torch"}, "version --json")


def test_options(folder):
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


def test_files(model, folder):
    result = good(*model.arguments(folder + "/a.png", n=5), "--columns", 2)
    check("means" in result.stderr and "x0 clipped to +-1" in result.stderr, "summary",
          result.stderr)
    check("\r" not in result.stderr and result.stdout == "", "no bar in a pipe", result)
    cell = model.side + 2
    check("solver ancestral" in result.stderr and "trailing levels" in result.stderr and
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
    check(cost["spacing"] == "trailing" and cost["visited"][0] == 1000 and cost["visited"][-1] == round(1000 / model.steps) and
          len(cost["visited"]) == model.steps and cost["calibration"] is None, "levels", cost)
    paper = json.loads(good(*model.arguments(folder + "/j.npy"), "--json", "--method", "paper-analytic", "--set",
                            "covariance=small").stdout)
    check(paper["spacing"] == "even" and paper["visited"][-1] == 1, "levels of a paper's repository", paper["visited"])
    equal = json.loads(good(*model.arguments(folder + "/j.npy"), "--json", "--spacing", "log-snr").stdout)
    check(equal["visited"][0] == 1000 and 1 <= equal["visited"][-1] < cost["visited"][-1], "equal steps in log SNR", equal["visited"])
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
        check(run("check", "--model", folder + "/wrong.pt", "--engine", "dual").returncode == 1,
              "check of a path that dual numbers lose")
        check(run("check", "--model", folder + "/wrong.pt").returncode == 0,
              "check of the same path, linearised")


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


if __name__ == "__main__":
    sys.exit(run_all([test_help, test_options, test_usage],
                     [test_files, test_json, test_numbers, test_schedules, test_bad_models,
                      test_check, test_interrupt]))
