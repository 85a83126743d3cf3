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
    check(os.listdir(folder) == [], "no file after a refusal", os.listdir(folder))


if __name__ == "__main__":
    sys.exit(run_all([test_table, test_json, test_figure, test_refusals], []))
