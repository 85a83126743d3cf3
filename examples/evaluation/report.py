#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""Tables and curves from what run.py has measured so far, for docs/evaluation.md.

    /usr/bin/python3 examples/evaluation/report.py [--docs docs]

Prints the tables; --docs DIR rewrites them in DIR/evaluation.md, between the two marks, and DIR/evaluation_cost.svg.  Needs
no network and no program.  Runs of several seeds are averaged, their intervals narrowed by the root of how many they are.
"""
import argparse
import json
import os

import cells
import chart
import store

HERE = os.path.dirname(os.path.abspath(__file__))
BEGIN, END = "<!-- tables of report.py: begin -->", "<!-- tables of report.py: end -->"
NAMES = ("frechet", "kernel", "precision", "recall", "accuracy")
CURVES = ("ddpm", "ddpm-2m", "ddim", "analytic-ddpm", "ocm-ddpm", "sn-ddpm", "dpmpp-2m", "heun", "spectral-ddim", "lgs", "lgs-2m",
          "hutchinson-ddpm")
BESIDE = {"D": (("lgs", 10), ("lgs-2m", 5))}  # what of table A a table is held against
LIMITS = (5, 10, 15, 25, 50, 80)  # forward passes a sample
TITLES = {"real": "Floor", "A": "Table A: every method", "B": "Table B: more samples", "C": "Table C: many steps",
          "D": "Ablations", "E": "Guided, 10 steps", "F": "Levels with `--spacing even`",
          "G": "Twins: what networks predict, and how well they are trained"}
COLUMNS = "| method | steps | passes | CPU s | Fréchet | kernel | precision | recall | accuracy |"
RULE = "| --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: |"


def load(path):
    """Nothing where nothing has been measured yet."""
    lines = store.Records(path).lines
    for line in lines:
        if "jvps" in line:  # at today's prices
            line["passes"] = cells.passes(line)
    return lines


def merge(lines):
    """One row for the same thing under several seeds."""
    count = len(lines)
    row = dict(lines[0], seeds=count)
    for key in ("passes", "cpu", "seconds"):
        if key in row:
            row[key] = sum(line[key] for line in lines) / count
    row["metrics"] = {}
    for name in NAMES:
        value, low, high = (sum(line["metrics"][name][k] for line in lines) / count for k in ("value", "low", "high"))
        row["metrics"][name] = {"value": value, "low": value - (value - low) / count ** 0.5,
                                "high": value + (high - value) / count ** 0.5}
    return row


def rows_of(lines):
    groups = {}
    for line in lines:
        groups.setdefault((line["table"], line.get("label", line["method"]), line["steps"], line["samples"]), []).append(line)
    return [merge(group) for group in groups.values()]


def interval(e, text):
    return "%s (%s … %s)" % tuple(text % e[k] for k in ("value", "low", "high"))


def table_row(row):
    m = row["metrics"]
    return "| %s | %s | %s | %s | %s | %s | %s | %s | %s |" % (
        row.get("label", row["method"]), row["steps"] or "", "%.1f" % row["passes"] if row["passes"] else "",
        "%.3f" % row["cpu"] if "cpu" in row else "", interval(m["frechet"], "%.2f"), interval(m["kernel"], "%.3f"),
        interval(m["precision"], "%.3f"), interval(m["recall"], "%.3f"), interval(m["accuracy"], "%.3f"))


def table(rows, letter):
    """One for each number of samples, which do not compare."""
    out = []
    for samples in sorted({r["samples"] for r in rows if r["table"] == letter}, reverse=True):
        own = [r for r in rows if r["table"] == letter and r["samples"] == samples]
        real = [r for r in rows if r["table"] == "real" and r["samples"] == samples and letter != "real"]
        own += [dict(r, label=r["label"] + ", as in table A") for r in rows if r["table"] == "A" and r["samples"] == samples and
                (r["label"], r["steps"]) in BESIDE.get(letter, ())]
        own.sort(key=lambda r: (r["steps"], r["metrics"]["frechet"]["value"]))
        out += ["### %s, %d samples" % (TITLES[letter], samples), "", COLUMNS, RULE, *map(table_row, real + own), ""]
    return out


def comparable(rows):
    return [r for r in rows if r["table"] in ("A", "C") and r["samples"] == 2000]


def equal_cost(rows):
    """What a budget of forward passes buys: the best of each method within it, then the best methods."""
    out = ["### At equal network cost, 2000 samples", "",
           "| passes at most | best | second | third | best that pays for no product | best with a full covariance |",
           "| ---: | --- | --- | --- | --- | --- |"]

    def best(found):
        return [r for _, r in sorted({r["label"]: r for r in sorted(
            found, key=lambda r: -r["metrics"]["frechet"]["value"])}.items(), key=lambda i: i[1]["metrics"]["frechet"]["value"])]

    def show(found, i):
        return "%s, %d steps: %.2f" % (found[i]["label"], found[i]["steps"], found[i]["metrics"]["frechet"]["value"]) \
            if i < len(found) else "–"

    for limit in LIMITS:
        within = [r for r in comparable(rows) if r["passes"] <= limit + 1e-9]
        first = best(within)
        free, full = best([r for r in within if r["jvps"] == 0]), best([r for r in within if r["method"].startswith("lgs")])
        if first:
            out.append("| %d | %s | %s | %s | %s | %s |" % (limit, *(show(first, i) for i in range(3)), show(free, 0),
                                                            show(full, 0)))
    return out + [""]


def seconds(path):
    """The LGS paper's own table: time at 50 steps."""
    if not os.path.exists(path):
        return []
    with open(path, encoding="utf-8") as file:
        found = json.load(file)
    return ["### Seconds a sample at %d steps, in those of `ocm-ddpm`" % found["steps"], "",
            "By `seconds.py`, one thread: %d samples of each, in rounds in which all take turns." % found["samples"], "",
            "| method | seconds | ratio, least – median – most |", "| --- | ---: | ---: |",
            *("| %s | %.3f | %.2f – %.2f – %.2f |" % (r["method"], r["seconds"], r["least"], r["ratio"], r["most"])
              for r in sorted(found["rows"], key=lambda r: r["ratio"])), ""]


def curves(rows):
    found = {}
    for r in comparable(rows):
        if r["label"] in CURVES and r["steps"] < 1000:
            e = r["metrics"]["frechet"]
            found.setdefault(r["label"], []).append((r["passes"], e["value"], e["low"], e["high"]))
    real = [r["metrics"]["frechet"]["value"] for r in rows if r["table"] == "real" and r["samples"] == 2000]
    return chart.svg({name: found[name] for name in CURVES if name in found}, "Fréchet distance, 2000 samples",
                     "network cost a sample, forward passes", "Fréchet distance to test images",
                     (real[0], "as many training images") if real else None) if found else None


def structures(lines):
    """Root mean squares over the images, one row a structure, one column a level."""
    out = []
    for of, title in (("network", "the trained network"), ("stationary", "a stationary field"), ("modulated", "a field of modulated variance")):
        own = [line for line in lines if line["of"] == of]
        levels = sorted({line["level"] for line in own})
        if not own:
            continue
        count = len(own) // len(levels)
        out += ["### Structures of C against `dense`, %s" % title, "",
                "| structure | " + " | ".join("level %d" % level for level in levels) + " |", "| --- |" + " ---: |" * len(levels)]
        for name in own[0]["errors"]:
            if of != "network" and name.startswith(("krylov, average", "krylov of", "krylov, tri")):
                continue  # equal to krylov where C is symmetric
            cells = []
            for level in levels:
                errors = [line["errors"][name] for line in own if line["level"] == level]
                cells.append(" / ".join("%.3f" % (sum(e[k] ** 2 for e in errors) / len(errors)) ** 0.5 for k in range(3)))
            out.append("| %s | %s |" % (name, " | ".join(cells)))
        if of == "network":
            for key, what in (("asymmetry", "asymmetry"), ("negative", "negative part of the trace"), ("clipped", "values clipped"),
                              ("top20", "share of the 20 largest eigenvalues in the trace")):
                means = [[line[key] for line in own if line["level"] == level] for level in levels]
                out.append("| *%s* | %s |" % (what, " | ".join("%.3f" % (sum(m) / len(m)) for m in means)))
            out += ["", "Means over %d test images." % count]
        out.append("")
    return out


def toy(lines):
    out = []
    for of in dict.fromkeys(line["of"] for line in lines):
        own = [line for line in lines if line["of"] == of]
        steps = sorted({line["steps"] for line in own} - {0})
        data = [line for line in own if line["steps"] == 0][0]
        out += ["### Two dimensions, \"%s\": squared discrepancy, in units of 1e-4" % of, "",
                "| covariance | " + " | ".join("%d steps" % n for n in steps) + " |", "| --- |" + " ---: |" * len(steps)]
        for method in dict.fromkeys(line["method"] for line in own if line["steps"]):
            by = {line["steps"]: line for line in own if line["method"] == method}
            out.append("| %s | %s |" % (method, " | ".join(
                "%.2f ± %.2f" % (1e4 * by[n]["mmd2"], 1e4 * by[n]["error"]) if n in by else "" for n in steps)))
        out += ["", "As many draws from the data: %.2f ± %.2f; %d seeds of %d samples." % (
            1e4 * data["mmd2"], 1e4 * data["error"], data["seeds"], data["samples"]), ""]
    return out


def text_of(rows, results):
    lines = ["%d cells are measured." % sum(r.get("seeds", 1) for r in rows if r["table"] != "real"), ""]
    for letter in TITLES:
        lines += table(rows, letter)
    if comparable(rows):
        lines += equal_cost(rows)
    lines += seconds(os.path.join(results, "seconds.json"))
    return "\n".join(lines)


def main():
    p = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    p.add_argument("--results", default=os.path.join(HERE, "results"))
    p.add_argument("--docs", help="the folder of evaluation.md")
    args = p.parse_args()
    rows = rows_of(load(os.path.join(args.results, "cells.jsonl")))
    text, picture = text_of(rows, args.results), curves(rows)
    text += "\n".join(["", *structures(load(os.path.join(args.results, "structures.jsonl"))),
                       *toy(load(os.path.join(args.results, "toy.jsonl")))])
    print(text)
    if not args.docs:
        return
    if picture:
        text += "\n![Fréchet distance against network cost](evaluation_cost.svg)\n"
    path = os.path.join(args.docs, "evaluation.md")
    with open(path, encoding="utf-8") as file:
        head, rest = file.read().split(BEGIN)
    with open(path, "w", encoding="utf-8") as file:
        file.write(head + BEGIN + "\n\n" + text + "\n" + END + rest.split(END)[1])
    if picture:
        with open(os.path.join(args.docs, "evaluation_cost.svg"), "w", encoding="utf-8") as file:
            file.write(picture)


if __name__ == "__main__":
    main()
