# SPDX-License-Identifier: BSD-3-Clause
"""covsamp path-kl: its table, JSON, figure and refusals."""
import json
import os
import sys
import tempfile
import xml.etree.ElementTree

from program import bad, check, good, run_all


def near(a, b, relative):
    return abs(a - b) <= relative * abs(b)


def test_table(_):
    text = good("path-kl", "--mixture", "1d", "--steps", "8,16", "--methods", "large,dense").stdout
    rows = [line.split() for line in text.splitlines()]
    check(["T", "8", "16", "slope", "fit"] in rows, "the head of the table", text)
    check(["large", "2.907e-01", "1.711e-01", "-0.76", "-0.76"] in rows, "oracle O2's numbers", text)
    check(["dense", "1.345e-01", "4.728e-02", "-1.51", "-1.51"] in rows, "oracle O2's numbers", text)


def test_json(_):
    out = json.loads(good("path-kl", "--steps=32", "--methods=dense", "--json").stdout)
    check(near(out["methods"][0]["kl"][0], 2.0505744697e-02, 1e-8), "the plane at T = 32", out)
    check(out["methods"][0]["slopes"] == [] and out["methods"][0]["fit"] is None, "no slope of one", out)
    arguments = ["path-kl", "--mixture", "6d", "--steps", "4,8", "--size", "100", "--json", "--methods"]
    out = json.loads(good(*arguments, "krylov:6,dense,spectral,krylov:2").stdout)
    kl = {row["name"]: row["kl"] for row in out["methods"]}
    check(out["estimator"] == "monte-carlo" and out["size"] == 100, "the estimator", out)
    check(kl["krylov:6"] == kl["dense"], "six products in six dimensions", kl)
    check(kl["krylov:2"] != kl["dense"] and kl["spectral"] != kl["dense"], "others differ", kl)
    again = json.loads(good(*arguments, "dense", "--seed", "0").stdout)
    check(again["methods"][0]["kl"] == kl["dense"], "the same seed", again)
    other = json.loads(good(*arguments, "dense", "--seed", "1").stdout)
    check(other["methods"][0]["kl"] != kl["dense"], "another seed", other)


def test_guided(_):
    arguments = ["path-kl", "--mixture", "1d", "--steps", "16,32,64", "--json"]
    out = json.loads(good(*arguments, "--strength", "0,2").stdout)
    plain = json.loads(good(*arguments, "--methods", "small,large,analytic,dense").stdout)
    check([block["strength"] for block in out["guided"]] == [0, 2] and "methods" not in out, "two strengths", out)
    kl = [{row["name"]: row["kl"] for row in block["methods"]} for block in out["guided"]]
    for row in plain["methods"]:
        check(all(abs(a - b) < 1e-12 for a, b in zip(kl[0][row["name"]], row["kl"])), "strength 0 is no guidance", kl)
    check(kl[1]["dense"][2] > 5 * kl[1]["dense/conditional"][2], "a network of the condition is better", kl)
    check(kl[1]["dense"] != kl[1]["dense/state"], "where the gradient is taken matters", kl)
    text = good("path-kl", "--mixture", "1d", "--steps", "8,16", "--strength", "2", "--methods", "dense/score").stdout
    rows = [line.split() for line in text.splitlines()]
    check(["guided,", "strength", "2"] in rows, "the strength over its rows", text)
    check(["dense/score", "1.854e-01", "8.750e-02", "-1.08", "-1.08"] in rows, "the score's own row", text)


def test_figure(folder):
    folder = tempfile.mkdtemp(dir=folder)
    path = os.path.join(folder, "kl.svg")
    good("path-kl", "--mixture", "1d", "--steps", "8,16,32", "-o", path)
    root = xml.etree.ElementTree.parse(path).getroot()
    svg = "{http://www.w3.org/2000/svg}"
    check(root.tag == svg + "svg", "an SVG", root.tag)
    check(len(root.findall(".//%spolyline" % svg)) == 5, "a curve for each method")
    check(len(root.findall(".//%scircle" % svg)) == 15, "a point for each number")
    check(os.listdir(folder) == ["kl.svg"], "nothing but the figure", os.listdir(folder))
    good("path-kl", "--mixture", "1d", "--steps", "8,16", "--strength", "1,4", "--methods", "small,dense", "-o", path)
    root = xml.etree.ElementTree.parse(path).getroot()
    check(len(root.findall(".//%spolyline" % svg)) == 4, "a curve for each method and strength")
    check("dense, 4" in [text.text for text in root.iter(svg + "text")], "the strength in the legend")


def test_refusals(folder):
    folder = tempfile.mkdtemp(dir=folder)
    bad(2, "--mixture takes 1d, 2d or 6d", "path-kl", "--mixture", "3d")
    bad(2, "--schedule takes logsnr", "path-kl", "--schedule", "cosine")
    bad(2, "more than 20 levels", "path-kl", "--schedule", "ddpm-linear", "--steps", "8")
    bad(2, "rising numbers", "path-kl", "--steps", "16,8")
    bad(2, "--steps takes whole numbers", "path-kl", "--steps", "1")
    bad(2, "\"wide\" is none", "path-kl", "--methods", "dense,wide")
    bad(2, "\"dense:3\" is none", "path-kl", "--methods", "dense:3")
    bad(2, "--estimator takes quadrature", "path-kl", "--estimator", "guess")
    bad(2, "ends in .svg", "path-kl", "-o", os.path.join(folder, "kl.png"))
    bad(1, "cannot be written", "path-kl", "-o", os.path.join(folder, "no", "kl.svg"))
    bad(2, "eta is 0, must be in (0, 1]", "path-kl", "--eta", "0")
    bad(2, "eta is 0.5, must be 1 for estimator", "path-kl", "--eta", "0.5")
    bad(2, "krylov_steps is 1, must be at least dim = 2", "path-kl", "--methods", "krylov:1")
    bad(2, "dim is 6, must be at most 2", "path-kl", "--mixture", "6d", "--estimator", "quadrature")
    bad(2, "size is 0", "path-kl", "--mixture", "6d", "--size", "0")
    bad(2, "\"dense/state\" only with --strength", "path-kl", "--methods", "dense/state")
    bad(2, "--methods takes /mean, /state", "path-kl", "--methods", "dense/there", "--strength", "1")
    bad(2, "--methods takes /mean, /state", "path-kl", "--methods", "dense/auto", "--strength", "1")
    bad(2, "--strength takes a number in 0 ... 1000, not \"-1\"", "path-kl", "--strength", "1,-1")
    bad(2, "--strength takes at most 4 numbers", "path-kl", "--strength", "1,2,3,4,5")
    bad(2, "a figure has room for 20 curves", "path-kl", "--strength", "1,2,3,4", "-o", os.path.join(folder, "kl.svg"))
    check(os.listdir(folder) == [], "no file after a refusal", os.listdir(folder))


if __name__ == "__main__":
    sys.exit(run_all([test_table, test_json, test_guided, test_figure, test_refusals], []))
