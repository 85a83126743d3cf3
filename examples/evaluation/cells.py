# SPDX-License-Identifier: BSD-3-Clause
"""What is to be measured, in the order in which it is worth knowing.

A run is one method at a number of steps and a seed, however many samples; a cell is a row of a table: the first N samples
of a run.  Runs share noise: sample k of a seed starts from the same numbers under every method.
"""
import re
import subprocess

# A product in forward passes with its share of the linearisation, fashion-unet.pt, batch 32, one thread: (LGS - 1) / 3 of
# docs/performance.md, rows `linearised` and `transposed` (sh tests/bench/run.sh).
PASSES_A_JVP, PASSES_A_VJP = 1.04, 0.90
# A mean of fashion-heads.pt in those of fashion-unet.pt: seconds.py.
PASSES_WITH_HEADS = 1.11
HEADS = re.compile(r"(paper-)?(iddpm|sn|npr|ocm)\b")  # names of methods that need them


def passes(cost, heads):
    """What means, jvps and vjps of a dictionary cost, in forward passes."""
    return cost["means"] * (PASSES_WITH_HEADS if heads else 1) + PASSES_A_JVP * cost["jvps"] + PASSES_A_VJP * cost["vjps"]


CLASSES = 10  # sample k is of class k % 10
STEPS_A = (10, 5, 25, 50)
# Steps that cost as much as 10 and 5 of lgs.
EQUAL = {20: ("ddpm", "ddpm-2m", "analytic-ddpm", "ocm-ddpm", "dpmpp-2m"), 9: ("ddpm-2m", "analytic-ddpm", "dpmpp-2m"), 8: ("ocm-ddpm",)}
TABLE_B = ("ddpm", "ddpm-2m", "analytic-ddpm", "ocm-ddpm", "spectral-ddim", "lgs", "lgs-2m", "dpmpp-2m", "dpmpp-2m-sde")
TABLE_C = ("ddpm", "ddpm-2m", "ocm-ddpm", "lgs", "lgs-2m", "dpmpp-2m")
SAME = {"euler": "ddim", "dpmpp-2m-sde": "ddpm-2m"}  # sweep_methods.py checks these
WINDOW = 701  # of the network of examples/models, in its file

NO_MASK, NO_WINDOW, CAP, TRACE = "clip_covariance=0", "window_high=0", "ritz_cap=1", "trace_guard=1.25"
FIRST = (  # of lgs: what it is called, options
    ("no guard", (NO_MASK, NO_WINDOW)),
    *(("m = %d" % m, ("krylov_steps=%d" % m,)) for m in (1, 3, 5)),
    # Is it the structure or the products?  As many of them, for one number a sample.
    ("c I by 2 products", ("covariance=state_isotropic", "probes=2")),
    ("JVP and VJP", ("symmetrise=average",)),
    ("mask only", (NO_WINDOW,)),
    ("window only", (NO_MASK,)),
    ("m = 3, no guard", ("krylov_steps=3", NO_MASK, NO_WINDOW)),  # lgs-plain, which does not clip, but for that
)
ABLATIONS = (
    ("cap only", (NO_MASK, NO_WINDOW, CAP)),
    ("trace guard only", (NO_MASK, NO_WINDOW, TRACE)),
    ("window and cap", (NO_MASK, CAP)),
    ("mask and cap", (NO_WINDOW, CAP)),
    ("mask and trace guard", (NO_WINDOW, TRACE)),
    ("mask, window, cap", (CAP,)),
    ("all four", (CAP, TRACE)),
    *(("eta = %g" % e, ("eta=%g" % e,)) for e in (0.25, 0.5, 0.75)),
    *(("tolerance %g" % t, ("tolerance=%g" % t,)) for t in (0.1, 0.03, 0.01, 0.003, 0.001)),
    ("no clip", ("clip_x0=0",)),
    ("analytic above the window", ("window_fallback=analytic",)),
)
FEW_STEPS = ("no guard", "m = 1", "m = 3", "mask only", "window only", "m = 3, no guard")  # of FIRST, at T = 5 too
ETAS = {10: (0.5, 0.75), 5: (0.7,)}  # of other methods as well, or lgs alone would be tuned
PROBES = (1, 3, 10, 100)
ENGINES = ("transposed", "linearised-bf16")
GUIDED = ("ddpm", "ddpm-2m", "analytic-ddpm", "ocm-ddpm", "lgs", "lgs-2m", "dpmpp-2m")
GUIDED_5 = ("ddpm", "ddpm-2m", "ocm-ddpm", "lgs", "lgs-2m")
# Steps that cost about what 10 and 5 of lgs do.
GUIDED_EQUAL = {("--cfg", 3): {20: ("dpmpp-2m", "ddpm-2m", "ocm-ddpm"), 16: ("dpmpp-2m", "ddpm-2m"), 7: ("dpmpp-2m", "ddpm-2m")},
                ("--cfg", 1): {16: ("ddpm-2m", "dpmpp-2m"), 14: ("ocm-ddpm",), 20: ("lgs-2m",)},
                ("--guidance", 4): {20: ("dpmpp-2m", "ddpm-2m", "ocm-ddpm"), 28: ("dpmpp-2m", "ddpm-2m"), 25: ("ocm-ddpm",)}}
EVEN = ("ddpm", "ddpm-2m", "analytic-ddpm", "ocm-ddpm", "ddim", "lgs", "lgs-2m", "lgs-plain", "dpmpp-2m")
SHORT = ("dpmpp-2m", "ddpm-2m", "ocm-ddpm", "lgs", "lgs-2m", "ddim", "ddpm", "analytic-ddpm")
LOG_SNR = {10: SHORT, 5: SHORT,
           20: ("ocm-ddpm", "ddpm-2m", "dpmpp-2m"), 9: ("ddpm-2m", "dpmpp-2m"), 8: ("ocm-ddpm",),
           25: ("ocm-ddpm", "ddpm-2m", "dpmpp-2m", "lgs", "lgs-2m")}
# At equal cost: ten steps of lgs-2m.
LOG_SNR_GUIDED = {("--cfg", 1): {10: ("lgs-2m", "lgs"), 16: ("ddpm-2m", "dpmpp-2m"), 14: ("ocm-ddpm",)}}
TWINS = tuple("%s-%d" % (prediction, images) for prediction in ("v", "noise") for images in (24000, 72000, 192000))
GUIDE = "fashion-classifier-noisy.pt"
GUIDES = (("--guidance", 1), ("--guidance", 4), ("--cfg", 1), ("--cfg", 3))
# What guided samplers with noise and without go to.
LIMITS = {guide: {100: ("ddpm-2m", "dpmpp-2m")} for guide in (("--cfg", 3), ("--cfg", 1))}


class Method:
    """A line of `covsamp sample --help`: a name and its options."""

    def __init__(self, name, options):
        words, _, rest = options.partition("; ")
        self.name, self.windowed = name, "window" in rest
        self.options = dict(word.split("=") for word in words.split(", "))


def methods(program):
    text = subprocess.run([program, "sample", "--help"], check=True, stdout=subprocess.PIPE, text=True).stdout
    found = re.findall(r"^  ([a-z0-9-]+) +\S[^\n]*\n +\(([^)]*)\)$", text[text.index("methods:"):], re.MULTILINE)
    return {name: Method(name, options) for name, options in found}


class Run:
    """guide: an option of `covsamp sample` and its weight; a classifier guides a network that is told no class.
    twin: the name of a network that twins.sh trained, in place of the trained one, with its own window.
    told: whether the network is told a class where nothing guides."""

    def __init__(self, method, steps, seed, sets=(), engine=None, guide=None, spacing=None, twin=None, told=True):
        self.method, self.steps, self.seed, self.sets, self.engine = method, steps, seed, tuple(sets), engine
        self.guide, self.twin, self.told = guide, twin, told
        self.spacing = spacing or ("even" if method.name.startswith("paper-") else "trailing")  # the program's
        self.options = dict(method.options, **dict(s.split("=") for s in sets))
        tags = [*(s.replace("=", "-").replace("_", "-") for s in self.sets), *([engine] if engine else [])]
        if guide:
            tags.append("%s-%g" % (guide[0].strip("-"), guide[1]))
        if spacing:
            tags.append(spacing)
        if twin:
            tags.append(twin)
        if not told:
            tags.append("untold")
        self.name = "_".join([method.name, "t%d" % steps, "s%d" % seed, *tags])

    def heads(self):
        return self.options.get("covariance") == "diag_model"

    def needs_table(self):
        o = self.options
        return self.own_window() or "analytic" in (o.get("covariance"), o.get("window_fallback")) or \
            o.get("solver") == "addim" or "trace_guard" in o

    def own_window(self):
        """That of a twin is in no file: the program reads it from a table."""
        return bool(self.twin) and self.method.windowed and "window_high" not in self.options

    def network(self):
        """A file in examples/models, or one of the twins in the work folder."""
        return "twin-%s.pt" % self.twin if self.twin else "fashion-%s.pt" % ("heads" if self.heads() else "unet")

    def arguments(self, models, network, table):
        """network: its path; table(): where the calibration is, asked only if it is needed."""
        words = ["--model", network, "--method", self.method.name, "--steps", self.steps, "--spacing", self.spacing,
                 "--seed", self.seed, "--label", "all" if self.told else "none"]
        if self.needs_table():
            words += ["--calibration", table()]
            if self.method.windowed and "window_high" not in self.options and not self.twin:
                words += ["--set", "window_high=%d" % WINDOW]
        for s in self.sets:
            words += ["--set", s]
        if self.guide:
            words += self.guide
        if self.guide and self.guide[0] == "--guidance":
            words += ["--classifier", "%s/%s" % (models, GUIDE)]
        return words + (["--engine", self.engine] if self.engine else [])

    def expected_passes(self):
        """A guess of a sample's cost before it is known: with a tolerance, of 6 products a step."""
        o, steps = self.options, self.steps
        a_step = {"krylov": 6 if "tolerance" in o else int(o.get("krylov_steps", 2)), "dense": 784}.get(
            o.get("covariance"), 0)
        if o.get("covariance") in ("diag_probe", "state_isotropic", "spectral"):
            a_step = int(o.get("probes", 1)) / int(o.get("reuse", 1))
        levels = {"even": [1 + i * 999 / (steps - 1) for i in range(1, steps)],  # the last step goes to data
                  "trailing": [1000 * i / steps for i in range(2, steps + 1)],
                  "log-snr": [1000 * (i / steps) ** 2 for i in range(2, steps + 1)]}[self.spacing]
        high = int(o.get("window_high", WINDOW if self.method.windowed else 0)) or 1000
        products = a_step * sum(level <= high for level in levels)
        if self.guide and self.guide[0] == "--cfg":  # a second branch
            steps *= 2
        price = PASSES_A_JVP + (PASSES_A_VJP if o.get("symmetrise") == "average" else 0)
        means = steps * (2 if o.get("solver") in ("heun", "dpmpp_2s") else 1)
        return means * (PASSES_WITH_HEADS if self.heads() else 1) + price * products


class Cell:
    def __init__(self, table, run, samples, label=None):
        self.table, self.run, self.samples, self.label = table, run, samples, label or run.method.name
        self.name = "%s/%s/%d" % (table, run.name, samples)


def table_a(known, seed):
    names = [n for n in known if n != "full-ddpm" and n not in SAME]
    for steps in STEPS_A:
        for name in names:
            yield Cell("A", Run(known[name], steps, seed), 2000)
        if steps == STEPS_A[0]:  # in place of full-ddpm, whose 784 products a step nobody can pay
            yield Cell("A", Run(known["lgs"], steps, seed, ("krylov_steps=30",)), 256, "krylov m = 30")
            yield Cell("A", Run(known["lgs"], steps, seed), 256)
            for equal, those in EQUAL.items():
                for name in those:
                    yield Cell("A", Run(known[name], equal, seed), 2000)


def table_b(known, seed):
    for steps in (10, 25):
        for name in TABLE_B:
            if name not in SAME:
                yield Cell("B", Run(known[name], steps, seed), 5000)


def table_c(known, seed):
    for name in TABLE_C:
        yield Cell("C", Run(known[name], 100, seed), 2000)
    yield Cell("C", Run(known["ddpm"], 1000, seed), 2000)


def ablations(known, seed):
    def cell(name, steps, sets, label, engine=None):
        return Cell("D", Run(known[name], steps, seed, sets, engine), 2000, label)

    for label, sets in FIRST:
        yield cell("lgs", 10, sets, "lgs, " + label)
    for label, sets in FIRST:
        if label in FEW_STEPS:
            yield cell("lgs", 5, sets, "lgs, " + label)
    for label, sets in ABLATIONS:
        yield cell("lgs", 10, sets, "lgs, " + label)
    for steps, etas in ETAS.items():
        for name in ("ocm-ddpm", "ddpm-2m", *(["lgs-2m"] if steps == 10 else [])):
            for eta in etas:
                yield cell(name, steps, ("eta=%g" % eta,), "%s, eta = %g" % (name, eta))
    for m in (2, 3):
        yield cell("lgs", 5, ("krylov_steps=%d" % m, "eta=0.7", "mean_order=2"), "lgs-2m, m = %d, eta = 0.7" % m)
    for name in ("hutchinson-ddpm", "spectral-ddim"):
        yield cell(name, 10, ("reuse=2",), name + ", an estimate for 2 steps")
    for engine in ENGINES:
        yield cell("lgs", 10, (), "lgs, " + engine, engine)
    for n in PROBES:
        yield cell("hutchinson-ddpm", 10, ("probes=%d" % n,), "diagonal, %d probes" % n)


def guided_cell(known, name, steps, seed, guide, table="E", spacing=None):
    label = "%s, %s %g" % (name, guide[0].strip("-"), guide[1]) + (", " + spacing if spacing else "")
    return Cell(table, Run(known[name], steps, seed, guide=guide, spacing=spacing), 1000, label)


def guided_cells(known, seed, those, **more):
    """those: names by steps by guide."""
    for guide, by_steps in those.items():
        for steps, names in by_steps.items():
            for name in names:
                yield guided_cell(known, name, steps, seed, guide, **more)


def guided(known, seed):
    for steps, names in ((10, GUIDED), (5, GUIDED_5)):
        for told, what in ((True, "cfg 0"), (False, "guidance 0")):  # what a guide adds to
            for name in names:
                yield Cell("E", Run(known[name], steps, seed, told=told), 1000, "%s, %s" % (name, what))
        for guide in GUIDES:
            for name in names:
                yield guided_cell(known, name, steps, seed, guide)
    yield from guided_cells(known, seed, GUIDED_EQUAL)
    cfg = ("--cfg", 3)
    yield guided_cell(known, "lgs-2m", 20, seed, cfg)
    yield Cell("E", Run(known["lgs-2m"], 10, seed, ("guided_jacobian=1",), guide=cfg), 1000, "lgs-2m guided Jacobian, cfg 3")


def limits(known, seed):
    """Other noise than the grid's, or what shares it would be near for that."""
    yield from guided_cells(known, seed + 100, LIMITS, table="H")


def levels(known, seed):
    """Even: a short step to data behind a long one into level 1, as many programs have them.  log SNR: what DPM-Solver has."""
    for spacing, those in (("even", {10: EVEN, 5: EVEN}), ("log-snr", LOG_SNR)):
        for steps, names in those.items():
            for name in names:
                yield Cell("F", Run(known[name], steps, seed, spacing=spacing), 2000, "%s, %s" % (name, spacing))
    yield from guided_cells(known, seed, LOG_SNR_GUIDED, table="F", spacing="log-snr")


def twins(known, seed):
    """Small networks that were trained alike to predict v or noise, early, in the middle and at the end."""
    for twin in TWINS:
        for name, sets, what in (("ddpm", (), ""), ("ddpm-2m", (), ""), ("lgs", (), " with its own window"),
                                 ("lgs-2m", (), " with its own window"), ("lgs", ("window_high=0",), " without a window")):
            yield Cell("G", Run(known[name], 10, seed, sets, twin=twin), 2000, "%s%s, %s" % (name, what, twin))


TABLES = {"A": table_a, "B": table_b, "C": table_c, "D": ablations, "E": guided, "F": levels, "G": twins, "H": limits}


def cells(program, tables, seeds):
    """All of them, one table after the other, a seed at a time."""
    known = methods(program)
    return [cell for seed in seeds for table in tables for cell in TABLES[table](known, seed)]
