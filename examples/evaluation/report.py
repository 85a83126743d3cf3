#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""Tables and curves from what run.py has measured so far, for docs/evaluation.md.

    /usr/bin/python3 examples/evaluation/report.py [--docs docs]
    /usr/bin/python3 examples/evaluation/report.py --less A/lgs/10 A/ocm-ddpm/20

Prints the tables; --docs DIR rewrites them in DIR/evaluation.md, between the two marks, and DIR/evaluation_cost.svg.  Needs
no network and no program.  Runs of several seeds are averaged, their intervals narrowed by the root of how many they are.
--less prints the difference of two rows, each TABLE/LABEL/STEPS, labels as in the tables.
"""
import argparse
import json
import math
import os

import numpy as np

import cells
import chart
from rows import NAMES, difference, distance, load, rows_of

HERE = os.path.dirname(os.path.abspath(__file__))
BEGIN, END = "<!-- tables of report.py: begin -->", "<!-- tables of report.py: end -->"
CURVES = ("ddpm", "ddpm-2m", "ddim", "analytic-ddpm", "ocm-ddpm", "sn-ddpm", "dpmpp-2m", "heun", "spectral-ddim", "lgs", "lgs-2m",
          "hutchinson-ddpm")
# What of table A a table is held against.  eta = 0 of lgs is lgs-ddim.
BESIDE = {"D": {(name, steps) for steps in (10, 5) for name in ("lgs", "lgs-2m", "ocm-ddpm", "ddpm-2m")} |
          {(name, 10) for name in ("lgs-ddim", "lgs-plain", "hutchinson-ddpm", "spectral-ddim")}}
SPACINGS = ("even", "trailing", "log-snr")
# Differences are to the first of these that a table has, with as many steps: the best that needs no training.
BASES = {"D": ("lgs",)}
BASE = ("ddpm-2m", "lgs")
TITLES = {"real": "Floor", "A": "Table A: every method", "B": "Table B: more samples", "C": "Table C: many steps",
          "D": "Table D: ablations", "E": "Table E: guided", "F": "Table F: other levels",
          "G": "Table G: twins, by what they predict and how well they are trained", "H": "Table H: guided, a hundred steps"}


def interval(e, text):
    return "–" if e is None else "%s (%s … %s)" % tuple(text % e[k] for k in ("value", "low", "high"))


def find(rows, name, fail):
    """The row of most samples that is called TABLE/LABEL/STEPS."""
    found = [r for r in rows if "%s/%s/%d" % (r["table"], r["label"], r["steps"]) == name]
    return max(found, key=lambda r: r["samples"]) if found else fail("there is no row %s" % name)


def less(row, base):
    return "%s less %s: %s" % (shown(row), shown(base), interval(difference(row, base), "%+.2f"))


def base_of(row, rows, name, letter):
    """In what the row's label says behind a comma (a guide, a twin) it is the same, but for ablations."""
    _, comma, rest = row["label"].partition(", ")
    label = name if letter == "D" else name + comma + rest
    return next((r for r in rows if r["steps"] == row["steps"] and r["label"] == label), None)


def table_row(row, apart, columns):
    m = row["metrics"]
    shown = {"method": row["label"], "steps": row["steps"] or "", "passes": "%.1f" % row["passes"] if row["passes"] else "",
             "Fréchet": interval(m["frechet"], "%.2f"), "spread": "–" if m["spread"] is None else "%.3f" % m["spread"],
             **{name: interval(m[name], "%.3f") for name in NAMES[1:]}}
    return "| %s |" % " | ".join(str(shown.get(c, interval(apart, "%+.2f") if apart else "")) for c in columns)


def table(rows, letter):
    """One for each number of samples, which do not compare."""
    out = []
    for samples in sorted({r["samples"] for r in rows if r["table"] == letter}, reverse=True):
        alike = [r for r in rows if r["samples"] == samples]
        beside = [r for r in alike if r["table"] == "A" and (r["label"], r["steps"]) in BESIDE.get(letter, ())]
        own = sorted([r for r in alike if r["table"] == letter] + beside, key=lambda r: (r["steps"], distance(r)))
        names = {r["label"].partition(", ")[0] for r in own}
        base = next((name for name in BASES.get(letter, BASE) if name in names), None)
        columns = ["method", "steps", "passes", "Fréchet", *(["less `%s`" % base] if base else []), *NAMES[1:],
                   *(["spread"] if letter == "E" else [])]
        out += ["### %s, %d samples" % (TITLES[letter], samples), "", "| %s |" % " | ".join(columns),
                "| --- |" + " ---: |" * (len(columns) - 1)]
        out += [table_row(r, None, columns) for r in alike if r["table"] == "real" and letter != "real"]
        for r in own:
            shown = dict(r, label=r["label"] + ", as in table A") if any(r is b for b in beside) else r
            out.append(table_row(shown, difference(r, base_of(r, own, base, letter)) if base else None, columns))
        out.append("")
    return out


def comparable(rows, spacing="trailing", guide=None):
    """Of tables A and C, of E, or of F."""
    tables = "F" if spacing != "trailing" else "E" if guide else "AC"
    return [r for r in rows if r["table"] in tables and r["samples"] == (1000 if guide else 2000) and r.get("guide") == guide and
            (tables != "F" or r["spacing"] == spacing)]


def matrix(by, names, columns, what, tables):
    """columns: headings, by what stands behind the name in a key of by."""
    return ["### Fréchet distance by %s, 2000 samples" % what, "", "Tables %s without their intervals; empty: not measured." % tables, "",
            "| method | %s |" % " | ".join(columns.values()), "| --- |" + " ---: |" * len(columns),
            *("| %s | %s |" % (name, " | ".join("%.2f" % by[(name, *c)] if (name, *c) in by else "" for c in columns)) for name in names), ""]


def overview(rows):
    by = {(r["label"], r["steps"]): distance(r) for r in comparable(rows)}
    names, steps = {name for name, _ in by}, sorted({n for _, n in by if n in cells.STEPS_A or n >= 100})
    ordered = sorted(names, key=lambda name: ((name, 10) not in by, by.get((name, 10), by.get((name, 5), 0)), name))
    return matrix(by, ordered, {(n,): "%d steps" % n for n in steps}, "steps", "A and C")


def by_levels(rows):
    """Of methods that have been tried on several sets of levels."""
    by = {(r["method"], r["steps"], spacing): distance(r) for spacing in SPACINGS for r in comparable(rows, spacing)}
    tried = {n: {s for _, m, s in by if m == n} for n in (5, 10, 20, 25)}
    columns = {(n, s): "%d, %s" % (n, s) for n in tried for s in SPACINGS if s in tried[n] and len(tried[n]) > 1}
    names = {name for name, n, spacing in by if spacing != "trailing" and (n, spacing) in columns}
    ordered = sorted(names, key=lambda name: min(v for (m, *_), v in by.items() if m == name))
    return matrix(by, ordered, columns, "levels", "A and F") if names else []


def kind(row):
    """Of table "At equal network cost"; None: pays for products, and has no full covariance."""
    if row["method"].startswith("lgs"):
        return "full"
    if cells.HEADS.match(row["method"]):
        return "head"
    return None if row["jvps"] or row["vjps"] else "plain"


def shown(row):
    return "–" if row is None else "%s, %d steps (%.1f): %.2f" % (
        row["label"].partition(",")[0], row["steps"], row["passes"], distance(row))


def cost_of(rows, target):
    """The least cost at which one of the methods without products has this distance, log-linear between its rows; None: none has."""
    found = []
    for name in {r["label"] for r in rows if kind(r) in ("plain", "head")}:
        own = sorted((r["passes"], distance(r)) for r in rows if r["label"] == name)
        for (cost, above), (next_cost, below) in zip(own, own[1:]):
            if above > target >= below:
                part = math.log(above / target) / math.log(above / below)
                found.append(cost * (next_cost / cost) ** part)
    return min(found, default=None)


def fair_price(row, rows):
    """What a product would have to cost, in passes, for the row to be level with the others at equal cost."""
    cost = cost_of(rows, distance(row))
    return "–" if cost is None or not row["jvps"] else "%.1f" % max(0, (cost - row["means"]) / row["jvps"])


def equal_cost(rows):
    """Lines of a table: what full covariances cost, and what others have for .8 of it to as much."""
    out = []
    for cost in sorted({round(r["passes"], 1) for r in rows if kind(r) == "full"}):
        best = {"full": min((r for r in rows if kind(r) == "full" and round(r["passes"], 1) == cost), key=distance)}
        for name in ("plain", "head"):
            best[name] = min((r for r in rows if kind(r) == name and 0.8 * cost <= r["passes"] < cost + 0.05), key=distance, default=None)
        others = [best[name] for name in ("plain", "head") if best[name]]
        if others:
            apart = difference(best["full"], min(others, key=distance))
            out.append("| %s | %s | %s |" % (" | ".join(shown(best[name]) for name in ("full", "plain", "head")), interval(apart, "%+.2f"),
                                              fair_price(best["full"], rows)))
    return out


def equal_costs(rows):
    """For each guide, and none."""
    out = ["### At equal network cost", "",
           "Forward passes in brackets. Beside a full covariance the best that others have for .8 to 1 times its cost. *Plain*: no product and no "
           "training (`analytic-` needs a table). The best are chosen by these numbers, which favours the side with more of them. *Price*: what a product "
           "would have to cost, in passes, for the full covariance to be level with the others (their distances log-linear between the costs that "
           "were measured; –: none of them comes as near).", "",
           "| full covariance | plain | trained head | full less the best of the others | price |", "| --- | --- | --- | ---: | ---: |"]
    groups = {"no guide, 2000 samples (tables A, C)": comparable(rows),
              "no guide, `--spacing log-snr`, 2000 samples (table F)": comparable(rows, "log-snr")}
    for guide in cells.GUIDES:
        groups["`%s %g`, 1000 samples (table E)" % guide] = comparable(rows, guide=list(guide))
        groups["`%s %g --spacing log-snr`, 1000 samples (table F)" % guide] = comparable(rows, "log-snr", list(guide))
    for what, those in groups.items():
        found = equal_cost(those)
        out += ["| *%s* | | | | |" % what, *found] if found else []
    return out + [""]


def limits(lines, rows):
    """Of guided cells to those of table H."""
    if not lines:
        return []
    by_cell = {r["cell"]: r for r in rows}
    out = ["### Fréchet distances of guided samples to those of a hundred steps, 1000 samples", "",
           "By `limits.py`: the last columns are distances to samples of table H, of the same guide, in place of test images.", ""]
    for guide in dict.fromkeys(by_cell[line["limit"]]["label"].partition(", ")[2] for line in lines):
        alike = [line for line in lines if by_cell[line["limit"]]["label"].endswith(", " + guide)]
        ends = list(dict.fromkeys(line["limit"] for line in alike))
        own = sorted({line["cell"] for line in alike}, key=lambda c: (by_cell[c]["steps"], distance(by_cell[c])))
        to = {(line["cell"], line["limit"]): line["frechet"] for line in alike}
        titles = ["to `%s`, %d steps" % (by_cell[end]["method"], by_cell[end]["steps"]) for end in ends]
        out += ["| method | steps | passes | to test images | %s |" % " | ".join(titles), "| --- | ---: | ---: | ---: |" + " ---: |" * len(ends),
                *("| %s | %d | %.1f | %.2f | %s |" % (r["label"], r["steps"], r["passes"], distance(r), " | ".join(
                    interval(to.get((r["cell"], end)), "%.2f") for end in ends)) for r in map(by_cell.get, own)), ""]
    return out


def seconds(path):
    """The LGS paper's own table: time at 50 steps."""
    if not os.path.exists(path):
        return []
    with open(path, encoding="utf-8") as file:
        found = json.load(file)
    return ["### Seconds a sample at %d steps, in those of `ocm-ddpm`" % found["steps"], "",
            "By `seconds.py`, one thread: %d samples of each, in rounds in which all take turns. With %d samples at %d steps, two methods in "
            "turns, `ocm-ddpm` takes %.2f (quartiles %.2f … %.2f) times as long as `ddpm`." % tuple(
                found[k] for k in ("samples", "head_samples", "head_steps", "head", "head_low", "head_high")), "",
            "| method | seconds | ratio, least – median – most |", "| --- | ---: | ---: |",
            *("| %s | %.3f | %.2f – %.2f – %.2f |" % (r["method"], r["seconds"], r["least"], r["ratio"], r["most"])
              for r in sorted(found["rows"], key=lambda r: r["ratio"])), ""]


def likelihood(lines):
    """Means over blocks of images, and of their differences, which are known better."""
    if not lines:
        return []
    names = list(lines[0]["bits"])
    out = ["### Bits per value of the same test images", "", "By `likelihood.py`: mean ± standard error over blocks of images.", "",
           "| steps | images | %s | `%s` less `%s` |" % (" | ".join("`%s`" % name for name in names), *names[::-1]),
           "| ---: | ---: |" + " ---: |" * (len(names) + 1)]
    for steps in sorted({line["steps"] for line in lines}):
        own = [line for line in lines if line["steps"] == steps]
        columns = np.array([[line["bits"][name] for name in names] for line in own]).T
        columns = [*columns, columns[-1] - columns[0]]
        out.append("| %d | %d | %s |" % (steps, sum(line["images"] for line in own), " | ".join(
            "%.3f ± %.3f" % (c.mean(), c.std(ddof=1) / len(c) ** 0.5) if len(c) > 1 else "%.3f" % c[0] for c in columns)))
    return out + [""]


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
            row = []
            for level in levels:
                errors = [line["errors"][name] for line in own if line["level"] == level]
                row.append(" / ".join("%.3f" % (sum(e[k] ** 2 for e in errors) / len(errors)) ** 0.5 for k in range(3)))
            out.append("| %s | %s |" % (name, " | ".join(row)))
        if of == "network":
            for key, what in (("asymmetry", "asymmetry"), ("negative", "negative part of the trace"), ("clipped", "values clipped"),
                              ("top20", "share of the 20 largest eigenvalues in the trace")):
                means = [[line[key] for line in own if line["level"] == level] for level in levels]
                out.append("| *%s* | %s |" % (what, " | ".join("%.3f" % (sum(m) / len(m)) for m in means)))
            out += ["", "Root mean squares over %d test images; rows in italics are means." % count]
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
        out += ["", "As many draws from the data: %.2f ± %.2f; %d seeds of %d samples, ± standard errors." % (
            1e4 * data["mmd2"], 1e4 * data["error"], data["seeds"], data["samples"]), ""]
    return out


def text_of(rows, results):
    lines = ["%d cells are measured." % sum(len(r["seeds"]) for r in rows if r["table"] != "real"), ""]
    if comparable(rows):
        lines += overview(rows) + by_levels(rows) + equal_costs(rows)
    for letter in TITLES:
        lines += table(rows, letter)
    lines += limits(load(os.path.join(results, "limits.jsonl")), rows)
    lines += seconds(os.path.join(results, "seconds.json"))
    lines += likelihood(load(os.path.join(results, "likelihood.jsonl")))
    return "\n".join(lines)


def main():
    p = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    p.add_argument("--results", default=os.path.join(HERE, "results"))
    p.add_argument("--docs", help="the folder of evaluation.md")
    p.add_argument("--less", nargs=2, metavar="ROW", help="their difference, and nothing else")
    args = p.parse_args()
    rows = rows_of(load(os.path.join(args.results, "cells.jsonl")))
    if args.less:
        print(less(*(find(rows, name, p.error) for name in args.less)))
        return
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
