# SPDX-License-Identifier: BSD-3-Clause
"""Tables, figures and goals of docs/performance.md about the core.  A table takes a command and what it printed,
and gives lines of which the first is the heading; a goal is (key, what, median, least, most, limit, "<=" or ">=")."""


def rate(value):
    return f"{value / 1e6:.0f}"


def seconds(value):
    for unit, scale in (("s", 1), ("ms", 1e3), ("µs", 1e6)):
        if value * scale >= 1 or unit == "µs":
            return f"{value * scale:.3g} {unit}"


def spread(row, key, digits=2):
    return f"{row[key + '_least']:.{digits}f} – {row[key]:.{digits}f} – {row[key + '_most']:.{digits}f}"


def noise_table(command, rows):
    first = rows[0]
    names = list(first["rates"])
    text = ["### Noise: normal numbers a second", "", f"    {command}", "",
            f"Millions a second and core, median of {first['rounds']} rounds; PyTorch {first['torch']}, numpy {first['numpy']}. *Ratio*: "
            "this library over PyTorch's generator of the same type; *fill* is `memset` of the same bytes.", "",
            "| type | numbers a call | " + " | ".join(names) + " | ratio |", "| --- | ---: |" + " ---: |" * (len(names) + 1)]
    for row in rows:
        text.append(f"| {row['dtype']} | {row['size']} | " + " | ".join(rate(row["rates"][name]) for name in names)
                    + f" | {spread(row, 'ratio')} |")
    return text + [""]


def noise_goals(rows):
    return [(f"noise {r['dtype']}", f"noise, {r['dtype']}, {r['size']} numbers a call, over PyTorch's generator", r["ratio"],
             r["ratio_least"], r["ratio_most"], 0.8, ">=") for r in rows]


def krylov_table(command, rows):
    first = rows[0]
    text = [f"### Vectors of an LGS step, m = 3, {first['dtype']}", "", f"    {command}", "",
            f"A step with a model that only copies and with noise from outside, without these callbacks, median of {first['rounds']} "
            "rounds. *Held*: bytes of the sampler, and of the triad. *Bound*: 38 vectors a sample (counted in bench_krylov.c) at the "
            "triad's bandwidth. *Other*: the same step with 16 values a sample (eigenproblems, the machine), taken off before the "
            "*ratio* to the bound.", "",
            "| values | batch | held, MB | triad, GB/s | step | other | bound | ratio |", "| ---: | ---: |" + " ---: |" * 6]
    for r in rows:
        text.append(f"| {r['dim']} | {r['batch']} | {r['bytes'] / 1e6:.3g} | {r['triad'] / 1e9:.1f} | {seconds(r['step'])} | "
                    f"{seconds(r['fixed'])} | {seconds(r['moved'] / r['triad'])} | {spread(r, 'ratio')} |")
    return text + [""]


def krylov_goals(rows):
    return [(f"krylov {'cache' if r['bytes'] < 3e7 else 'memory'}",
             f"vectors of an LGS step, {r['dtype']}, {r['dim']} values, batch {r['batch']}, over the bound", r["ratio"],
             r["ratio_least"], r["ratio_most"], 1.5, "<=") for r in rows]


def step_table(command, rows):
    first = rows[0]
    text = [f"### The core in an LGS step, m = 3: `{first['model']}`", "", f"    {command}", "",
            f"Shares of a step in per cent, median of {first['rounds']} steps, one thread, f32: *core* is all time outside the model's "
            "callbacks, *noise* what drawing the step's normal numbers takes.", "",
            "| batch | step | core, % | noise, % |", "| ---: | ---: | ---: | ---: |"]
    for r in rows:
        share = {key: 100 * value for key, value in r.items() if key.startswith(("share", "noise"))}
        text.append(f"| {r['batch']} | {seconds(r['seconds'])} | {spread(share, 'share')} | {spread(share, 'noise', 3)} |")
    return text + [""]


def step_goals(rows):
    out = []
    for r in rows:
        if r["batch"] >= 8:
            out.append((f"step {r['model']}", f"core's share of an LGS step, `{r['model']}`, batch {r['batch']}", r["share"],
                        r["share_least"], r["share_most"], 0.01, "<="))
        out.append((f"step noise {r['model']}", f"noise's share of an LGS step, `{r['model']}`, batch {r['batch']}", r["noise"],
                    r["noise_least"], r["noise_most"], 0.01, "<="))
    return out


AXES = {"dim": "values a sample", "batch": "samples", "products": "products m", "probes": "probes", "steps": "steps of a run",
        "components": "components", "pixels": "values a sample"}


def growth_table(command, rows):
    sweeps = [r for r in rows if r["sweep"] != "memory"]
    text = ["### Growth", "", f"    {command}", "",
            f"Time outside the model (for components: of the mixture's mean), median of {sweeps[0]['rounds']} rounds, and the slope of its "
            "logarithm over that of what grows: 1 is in proportion; fixed costs at the small end make it smaller. Orthogonalising m vectors "
            "is of the order m², the cosine transforms of a square image of the order side³, which is values^1.5.", "",
            "| grows | of | from | to | time | slope | at most |", "| --- | --- | ---: | ---: | ---: | ---: | ---: |"]
    for r in sweeps:
        text.append(f"| {AXES[r['sweep']]} | {r['what']} | {r['x'][0]} | {r['x'][-1]} | {seconds(r['seconds'][0])} – "
                    f"{seconds(r['seconds'][-1])} | {spread(r, 'slope')} | {r['goal']:.1f} |")
    text += ["", "![Time over values a sample](growth_dim.svg)", "", "![Time over other counts](growth_counts.svg)", "",
             "**Memory.** A sampler is one block, taken when it is made: for each sample *vectors* × dim × the size of a value, exactly, and the "
             "*bytes* beside, which do not depend on dim; and for the handle what the last column says (f32, 5 levels, hooks that count). "
             "With m products krylov has m + 6 vectors (x, noise, mean, the step's mean, a product, a unit vector of the guess, and m of the "
             "space). *Calls*: of the hooks during four whole runs.", "",
             "| covariance | products | vectors a sample | bytes a sample | bytes a handle | calls |",
             "| --- | ---: | ---: | ---: | ---: | ---: |"]
    for r in rows:
        if r["sweep"] == "memory":
            text.append(f"| {r['what']} | {r['products'] or ''} | {r['vectors']:.4g} | {r['sample_bytes']:.0f} | {r['handle_bytes']:.0f} | "
                        f"{r['during']} |")
    return text + [""]


def growth_goals(rows):
    out = [(f"growth {r['sweep']}", f"slope of time over {AXES[r['sweep']]}, {r['what']}", r["slope"], r["slope_least"],
            r["slope_most"], r["goal"], "<=") for r in rows if r["sweep"] != "memory"]
    calls = [r["during"] for r in rows if r["sweep"] == "memory"]
    out.append(("growth calls", "calls of the allocator while stepping", max(calls), min(calls), max(calls), 0, "<="))
    krylov = [r["vectors"] - r["products"] for r in rows if r["sweep"] == "memory" and r["what"] == "krylov"]
    out.append(("growth memory", "vectors a sample of krylov beside its m", sorted(krylov)[len(krylov) // 2], min(krylov), max(krylov),
                6, "<="))
    return out


def growth_figures(rows, svg):
    """{file: SVG}"""
    def curves(wanted):
        return {r["what"]: [(x, 1e6 * t, 1e6 * t, 1e6 * t) for x, t in zip(r["x"], r["seconds"])]
                for r in rows if r["sweep"] in wanted}
    return {"growth_dim.svg": svg(curves(("dim", "pixels")), "A step outside the model", "values a sample", "microseconds"),
            "growth_counts.svg": svg(curves(("batch", "products", "probes", "steps", "components")), "Time over counts",
                                     "samples, products, probes, steps, components", "microseconds")}


def samplers_table(command, rows):
    first = rows[0]
    text = [f"### Solvers beside a PyTorch program: `{first['model']}`, batch {first['batch']}, {first['steps']} steps", "",
            f"    {command}", "",
            "Overhead: time a step outside the model, in this library and in `tests/bench/peer_samplers.py`, which has the same "
            f"arithmetic; median of {first['rounds']} runs in turns, one thread. *Apart*: largest relative difference of the samples from "
            "the same noise; then each draws its own.", "",
            "| solver | model, a step | overhead, libcovsamp | overhead, PyTorch | ratio | apart |",
            "| --- | ---: | ---: | ---: | ---: | ---: |"]
    for r in rows:
        text.append(f"| `{r['solver']}` | {seconds(r['model_seconds'])} | {seconds(r['overhead'])} | {seconds(r['peer_overhead'])} | "
                    f"{spread(r, 'ratio', 3)} | {r['apart']:.1e} |")
    return text + [""]


def samplers_goals(rows):
    return [(f"samplers {r['model']}", f"overhead of `{r['solver']}`, `{r['model']}`, over the PyTorch program's", r["ratio"],
             r["ratio_least"], r["ratio_most"], 1, "<=") for r in rows]


def instructions_table(command, rows):
    r = rows[0]
    return ["### Instructions of a fixed tiny run", "", f"    {command}", "",
            f"{r['instructions']} instructions inside libcovsamp by callgrind; recorded ({r['compiler']}): {r['recorded']}. `.ci/run` fails "
            "above +5 %.", ""]


def instructions_goals(rows):
    ratio = rows[0]["instructions"] / rows[0]["recorded"]
    return [("instructions", "instructions of the tiny run over the figure recorded", ratio, ratio, ratio, 1.05, "<=")]


def other_table(command, rows):
    """Of a benchmark that this file does not know: all plain fields that a row of it has."""
    keys = [key for key in dict.fromkeys(key for r in rows for key in r)
            if key != "bench" and not any(isinstance(r.get(key), (list, dict)) for r in rows)]
    text = [f"### {rows[0]['bench']}: {rows[0].get('what', '')}".rstrip(": "), "", f"    {command}", "",
            "| " + " | ".join(keys) + " |", "|" + " --- |" * len(keys)]
    for r in rows:
        text.append("| " + " | ".join(f"{r[k]:.4g}" if isinstance(r.get(k), float) else str(r.get(k, "")) for k in keys) + " |")
    return text + [""]


def other_goals(rows):
    """Rows with ratio, goal and, where it is to be at least that, "sense": ">="."""
    return [(r["bench"], r.get("what", r["bench"]), r["ratio"], r.get("ratio_least", r["ratio"]), r.get("ratio_most", r["ratio"]),
             r["goal"], r.get("sense", "<=")) for r in rows if "goal" in r and "ratio" in r]


TABLES = {"noise": noise_table, "krylov": krylov_table, "step": step_table, "growth": growth_table, "samplers": samplers_table,
          "instructions": instructions_table}
GOALS = {"noise": noise_goals, "krylov": krylov_goals, "step": step_goals, "growth": growth_goals, "samplers": samplers_goals,
         "instructions": instructions_goals}
