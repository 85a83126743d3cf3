#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""Writes the zoo, small TorchScript networks in the styles that users bring:  zoo.py DIR [STYLE ...]

Every style as script, as trace, frozen and stored in double precision, with labels and without; at
least 0.5 million parameters and 8 blocks, random weights, the same on every run, every block's
Jacobian of a norm in [0.3, 3], which is printed.  DIR/zoo.txt lists the files and
their types.  DIR/bad-*.pt are the modules of styles/bad.py, DIR/rule-*.pt those of styles/rules.py, which
DIR/rules.txt lists with what must come of them; `zoo.py DIR rules` writes these alone.
Exits with 77, meson's "skipped", where python has no torch.
"""
import os
import sys
import time
import warnings

try:
    import torch
except ImportError:
    sys.exit(77)

from styles import adm, audio, bad, ddpmpp, dit, odds, parts, rules, uvit, video


def wrapped(style, make):
    return lambda labels: (parts.Labelled if labels else parts.Plain)(make(), style.EMB)


STYLES = {
    "adm": (adm, wrapped(adm, adm.make)),
    "adm-single": (adm, wrapped(adm, adm.make_single)),
    "ddpmpp": (ddpmpp, wrapped(ddpmpp, ddpmpp.make)),
    "dit": (dit, wrapped(dit, dit.make)),
    "uvit": (uvit, lambda labels: uvit.Labelled() if labels else uvit.Plain()),
    "audio": (audio, wrapped(audio, audio.make)),
    "video": (video, wrapped(video, video.make)),
    "odds": (odds, wrapped(odds, odds.make)),
}

# name: (form, labels, stored in double precision, the types that the tests compute in)
VARIANTS = {
    "scripted": ("script", False, False, "f32 f64"),
    "traced": ("trace", True, False, "f32 f64"),
    "frozen": ("freeze", True, False, "f32"),
    "double": ("trace", False, True, "f64"),
}


def inputs_of(shape, labels, batch, dtype=torch.float32):
    generator = torch.Generator().manual_seed(batch)
    x = torch.randn(batch, *shape, generator=generator, dtype=dtype)
    t = torch.linspace(100, 700, batch, dtype=dtype)
    return (x, t, torch.arange(batch) % (parts.CLASSES + 1)) if labels else (x, t)


def about(name, shape, labels):
    lines = ["prediction=noise", "shape=" + ",".join(map(str, shape))]
    if labels:
        lines.append(f"classes={parts.CLASSES}")
    if name == "adm-single":
        lines.append("arithmetic=single")
    return "\n".join(lines) + "\n"


def build(name, labels):
    """A network with its weights, and the norms of its blocks' Jacobians."""
    style, make = STYLES[name]
    torch.manual_seed(0)
    network = parts.initialise(make(labels), 1 + labels)
    inputs = inputs_of(style.SHAPE, labels, 2)
    ratios = parts.scale_blocks(network, inputs, 3)
    v = torch.randn_like(inputs[0])
    whole = float(parts.tangent(network, inputs, v).norm() / v.norm())
    count = sum(p.numel() for p in network.parameters())
    if count < 500000 or len(ratios) < 8:
        raise SystemExit(f"{name}: {count} parameters and {len(ratios)} blocks are too few")
    print(f"{name}{' with labels' if labels else ''}: {count / 1e6:.2f} M parameters, {len(ratios)} blocks, "
          f"|J v| / |v| of the network {whole:.2f}, of its blocks "
          + " ".join(f"{r:.2f}" for r in ratios.values()), flush=True)
    return network


def export(network, form, inputs):
    if form == "trace":
        return torch.jit.trace(network, inputs, check_trace=False)
    module = torch.jit.script(network)
    return torch.jit.freeze(module) if form == "freeze" else module


def write_style(folder, name):
    shape, files = STYLES[name][0].SHAPE, []
    networks = {labels: build(name, labels) for labels in (False, True)}
    for variant, (form, labels, double, types) in VARIANTS.items():
        if name == "adm-single" and variant != "scripted":
            continue  # the others hold single precision for good
        network = networks[labels].double() if double else networks[labels]
        inputs = inputs_of(shape, labels, 3, torch.float64 if double else torch.float32)
        files.append(f"{name}-{variant}.pt {types}")
        torch.jit.save(export(network, form, inputs), os.path.join(folder, f"{name}-{variant}.pt"),
                       _extra_files={"covsamp.txt": about(name, shape, labels)})
    return files


def write_bad(folder):
    modules = bad.modules()
    for name, module in modules.items():
        torch.manual_seed(4)
        torch.jit.save(torch.jit.script(module.eval()), os.path.join(folder, f"bad-{name}.pt"),
                       _extra_files={"covsamp.txt": bad.ABOUT})
    print(f"{len(modules)} bad modules")


def write_rules(folder):
    lines = []
    for name, entry, expected in rules.rules_shape.entries():
        torch.jit.save(torch.jit.script(rules.module(entry).eval()), os.path.join(folder, f"rule-{name}.pt"),
                       _extra_files={"covsamp.txt": bad.ABOUT})
        lines.append(expected + "\n")
    with open(os.path.join(folder, "rules.txt"), "w") as index:
        index.write("".join(lines))
    print(f"{len(lines)} modules of single operators")


def main(folder, names):
    warnings.simplefilter("ignore")
    torch.set_num_threads(1)
    os.makedirs(folder, exist_ok=True)
    if names == ["rules"]:
        return write_rules(folder)
    began, files = time.time(), []
    for name in names or STYLES:
        files += write_style(folder, name)
    with open(os.path.join(folder, "zoo.txt"), "w") as index:
        index.write("".join(line + "\n" for line in files))
    if not names:
        write_bad(folder)
        write_rules(folder)
    print(f"{len(files)} files in {time.time() - began:.0f} s")


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2:])
