#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""examples/evaluation: rows, differences and tables from cells whose numbers are made up.

    /usr/bin/python3 tests/models/test_rows.py
"""
import os
import sys
import tempfile

try:
    import numpy as np
except ImportError:
    print("skipped: there is no numpy")
    sys.exit(77)

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [os.path.join(HERE, "..", "..", "examples", "evaluation"), os.path.join(HERE, "..")]
import cells  # noqa: E402
import report  # noqa: E402
import rows  # noqa: E402
import store  # noqa: E402
from counted import check, done  # noqa: E402

COUNT = 200
NOISE = np.random.default_rng(1).normal(size=COUNT)


def line(method, steps, passes, value, table="A", label=None, seed=1, spread=1.0, jvps=0.0, strata=2000, **more):
    """Replicates of all lines go up and down together, by `spread`."""
    metric = {"value": value, "low": value - 2, "high": value + 2}
    metrics = {name: dict(metric) for name in rows.NAMES}
    metrics["frechet"]["replicates"] = list(value + spread * (NOISE - NOISE.mean()))
    return {"cell": "%s/%s_t%d_s%d" % (table, method, steps, seed), "table": table, "label": label or method, "method": method,
            "steps": steps, "seed": seed, "samples": 2000, "passes": passes, "means": steps, "jvps": jvps, "vjps": 0.0,
            "metrics": dict(metrics, spread=None, bootstrap=COUNT, bootstrap_seed=0, strata=strata), **more}


def row(*words, **more):
    return rows.rows_of([line(*words, **more)])[0]


def test_difference():
    a, b = row("lgs", 10, 22.0, 6.0), row("ddpm", 10, 10.0, 9.0)
    apart = rows.difference(a, b)
    check(all(abs(apart[k] + 3) < 1e-12 for k in ("value", "low", "high")), "common noise cancels", apart)
    apart = rows.difference(row("lgs", 10, 22.0, 6.0, spread=3.0), b)
    low, high = np.quantile(2 * (NOISE - NOISE.mean()) - 3, (0.025, 0.975))
    check(abs(apart["low"] - low) < 1e-12 and abs(apart["high"] - high) < 1e-12, "replicate by replicate", (apart, low, high))
    for what, other in (("strata", row("ddpm", 10, 10.0, 9.0, strata=1)), ("seeds", row("ddpm", 10, 10.0, 9.0, seed=2)),
                        ("samples", dict(b, samples=1000)), ("replicates", dict(b, replicates=None)), ("nothing", None), ("itself", a)):
        check(rows.difference(a, other) is None, "no difference of other " + what)


def test_seeds():
    merged = rows.rows_of([line("lgs", 10, 22.0, 6.0), line("lgs", 10, 22.0, 8.0, seed=2), line("lgs", 5, 9.0, 1.0)])
    check(len(merged) == 2 and merged[0]["seeds"] == [1, 2], "one row for two seeds", len(merged))
    e = merged[0]["metrics"]["frechet"]
    check(e["value"] == 7 and abs(e["low"] - (7 - 2 / 2 ** 0.5)) < 1e-12 and abs(e["high"] - (7 + 2 / 2 ** 0.5)) < 1e-12,
          "the mean, narrowed", e)
    check(abs(merged[0]["replicates"].mean() - 7) < 1e-9, "replicates are averaged")


def test_beside():
    own = [row("ddpm-2m", 10, 20.0, 9.0, label="ddpm-2m, cfg 3"), row("ddpm-2m", 10, 10.0, 9.0, label="ddpm-2m, guidance 4"),
           row("ddpm-2m", 5, 10.0, 9.0, label="ddpm-2m, cfg 3"), row("lgs", 10, 22.0, 7.0)]
    asked = row("lgs", 10, 32.0, 8.0, label="lgs, cfg 3")
    check(report.base_of(asked, own, "ddpm-2m", "E") is own[0], "the same guide and steps")
    check(report.base_of(dict(asked, label="lgs, m = 3"), own, "lgs", "D") is own[3], "an ablation's is the whole")
    check(report.base_of(dict(asked, steps=7), own, "ddpm-2m", "E") is None, "there is none")


def test_equal_cost():
    full, priced = row("lgs", 10, 20.0, 6.0, jvps=12.0), row("hutchinson-ddpm", 10, 20.0, 1.0, jvps=12.0)
    for method, kind in (("lgs-2m", "full"), ("ocm-ddpm", "head"), ("paper-sn-ddim", "head"), ("analytic-ddpm", "plain"), ("heun", "plain")):
        check(report.kind(row(method, 10, 10.0, 5.0)) == kind, "what %s is" % method)
    check(report.kind(priced) is None, "products without the full covariance")
    near, head = row("ddpm-2m", 20, 20.0, 7.0), row("ocm-ddpm", 17, 18.9, 5.0)
    far = [row("ddpm", 15, 15.9, 1.0), row("dpmpp-2m", 21, 20.1, 1.0), priced]
    found = report.equal_cost([full, near, head, *far])
    check(len(found) == 1 and "ddpm-2m, 20 steps (20.0): 7.00" in found[0] and "ocm-ddpm, 17 steps" in found[0], "who is beside it", found)
    check("+1.00 (+1.00" in found[0], "less the better of the two", found)
    check(report.equal_cost([full, *far]) == [], "nobody is")

    other = row("ddpm-2m", 10, 10.0, 5.0, table="F", label="ddpm-2m, log-snr", spacing="log-snr")
    guided = dict(row("ddpm-2m", 10, 20.0, 5.0, table="E", guide=["--cfg", 1]), samples=1000)
    check(report.comparable([near, other, guided]) == [near] and report.comparable([near, other, guided], "log-snr") == [other] and
          report.comparable([near, other, guided], guide=["--cfg", 1]) == [guided], "what stands beside each other")
    trailing = row("ddpm-2m", 10, 10.0, 7.0)
    check("| ddpm-2m | 7.00 |  |" in report.overview([trailing, row("lgs", 25, 58.0, 4.0)]), "overview")
    check("| ddpm-2m | 7.00 | 5.00 |" in report.by_levels([trailing, other]) and report.by_levels([trailing]) == [], "by levels")

    line_of = [row("ddpm-2m", steps, float(steps), value) for steps, value in ((5, 12.0), (10, 8.0), (40, 2.0))]
    found = report.cost_of([*line_of, priced], 4.0)  # half-way from 8 to 2, and from 10 to 40
    check(abs(found - 20.0) < 1e-9, "log-linear", found)
    check(report.cost_of(line_of, 13.0) is None and report.cost_of(line_of, 1.0) is None, "outside what was measured")
    lgs = dict(row("lgs", 10, 22.0, 4.0, jvps=20.0), means=10.0)
    check(report.fair_price(lgs, line_of) == "0.5" and report.fair_price(dict(lgs, jvps=0.0), line_of) == "–", "price of a product")


def test_names():
    def refuse(text):
        raise KeyError(text)
    own = [row("lgs", 10, 22.0, 6.0), dict(row("lgs", 10, 22.0, 5.0), samples=5000)]
    check(report.find(own, "A/lgs/10", refuse) is own[1], "the one of most samples")
    try:
        report.find(own, "A/lgs/11", refuse)
        check(False, "a name that is not there")
    except KeyError as reason:
        check("A/lgs/11" in str(reason), "a name that is not there", reason)
    check("less" in report.less(own[0], row("ddpm", 10, 10.0, 9.0)) and "-3.00" in report.less(own[0], row("ddpm", 10, 10.0, 9.0)), "less")


def test_limits():
    guided, end = (row(name, steps, passes, value, table=table, label=name + ", cfg 3") for name, steps, passes, value, table in (
        ("lgs-2m", 10, 32.0, 8.0, "E"), ("ddpm-2m", 100, 200.0, 9.0, "H")))
    text = "\n".join(report.limits([{"cell": guided["cell"], "limit": end["cell"], "frechet": {"value": 2, "low": 1, "high": 3}}],
                                   [guided, end]))
    check("| lgs-2m, cfg 3 | 10 | 32.0 | 8.00 | 2.00 (1.00 … 3.00) |" in text and "to `ddpm-2m`, 100 steps" in text, "limits", text)
    check(report.limits([], []) == [], "none yet")
    other, far = (row(name, 20, 40.0, value, table=table, label=name + ", cfg 1") for name, value, table in (
        ("lgs-2m", 4.0, "E"), ("ddpm-2m", 5.0, "H")))
    pairs = ((guided, end, 2), (other, far, 1))
    text = "\n".join(report.limits([{"cell": own["cell"], "limit": to["cell"], "frechet": {"value": v, "low": v, "high": v}}
                                    for own, to, v in pairs], [guided, end, other, far]))
    check(text.count("| to test images |") == 2 and text.index("cfg 3 | 10") < text.index("cfg 1 | 20"), "a table for each guide", text)
    check(text.count("| lgs-2m, cfg 3 |") == 1 and text.count("| lgs-2m, cfg 1 |") == 1, "each in its own alone", text)


def test_likelihood():
    lines = [{"steps": 50, "images": 4, "bits": {"ocm-ddpm": 3.0 + b, "lgs": 2.9 + b}} for b in (0.0, 2.0)]
    check("| 50 | 8 | 4.000 ± 1.000 | 3.900 ± 1.000 | -0.100 ± 0.000 |" in report.likelihood(lines), "likelihood", report.likelihood(lines))
    check(report.likelihood([]) == [] and "| 50 | 4 | 3.000 |" in "".join(report.likelihood(lines[:1])), "none, and one block")


def test_files(folder):
    path = os.path.join(folder, "x.jsonl")
    store.write_lines(path, [{"cell": "a"}, {"cell": "b"}])
    check([r["cell"] for r in store.Records(path).lines] == ["a", "b"] and os.listdir(folder) == ["x.jsonl"], "lines")
    gone = 1 << 30  # more than any system gives
    for name in ("y.jsonl.%d.new" % gone, "y.jsonl.%d.new" % os.getpid()):
        open(os.path.join(folder, name), "w").close()
    for owner in (gone, os.getpid()):
        os.makedirs(os.path.join(folder, "run-%d-x" % owner, "more"))
    store.sweep(folder)
    check(sorted(os.listdir(folder)) == ["run-%d-x" % os.getpid(), "x.jsonl", "y.jsonl.%d.new" % os.getpid()],
          "what the dead left goes", os.listdir(folder))


def test_cost():
    check(cells.passes({"means": 10, "jvps": 4, "vjps": 2}, False) == 10 + 4 * cells.PASSES_A_JVP + 2 * cells.PASSES_A_VJP, "a cost")
    check(cells.passes({"means": 10, "jvps": 0, "vjps": 0}, True) == 10 * cells.PASSES_WITH_HEADS, "heads")


if __name__ == "__main__":
    for test in (test_difference, test_seeds, test_beside, test_equal_cost, test_names, test_limits, test_likelihood, test_cost):
        test()
    with tempfile.TemporaryDirectory() as scratch:
        test_files(scratch)
    sys.exit(done())
