#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""Writes the large network of the benchmarks, a UNet in ADM's style for 32 x 32 x 3 with random weights:
make_unet.py FILE"""
import os
import sys

import torch

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "shim"))
from styles import adm, parts

SHAPE = (3, 32, 32)
EMB = 256


def make():
    """Widths 64, 128, 256, attention at 16 and 8 pixels."""
    return parts.Plain(adm.UNet(out=3, widths=(64, 128, 256), emb=EMB), EMB)


def main(path):
    torch.set_num_threads(1)
    torch.manual_seed(0)
    network = parts.initialise(make(), 1)
    inputs = (torch.randn(1, *SHAPE), torch.tensor([300.0]))
    ratios = parts.scale_blocks(network, inputs, 3)
    count = sum(p.numel() for p in network.parameters())
    if count < 9e6:
        raise SystemExit(f"{count} parameters are too few")
    print(f"{count / 1e6:.2f} M parameters, |J v| / |v| of the blocks "
          + " ".join(f"{r:.2f}" for r in ratios.values()))
    torch.jit.save(torch.jit.script(network), path,
                   _extra_files={"covsamp.txt": "prediction=noise\nshape=3,32,32\n"})


if __name__ == "__main__":
    main(sys.argv[1])
