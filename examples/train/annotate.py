#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""Sets metadata of a network's file: what a calibration found out, say.

    /usr/bin/python3 examples/train/annotate.py examples/models/fashion-unet.pt window_high=701
"""
import os
import sys

import torch

path, assignments = sys.argv[1], sys.argv[2:]
extra = {"covsamp.txt": ""}
module = torch.jit.load(path, map_location="cpu", _extra_files=extra)
text = extra["covsamp.txt"]
pairs = dict(line.split("=", 1) for line in (text.decode() if isinstance(text, bytes) else text).splitlines() if line)
pairs.update(a.split("=", 1) for a in assignments)
lines = "".join("%s=%s\n" % pair for pair in pairs.items())
module.save(path + ".new", _extra_files={"covsamp.txt": lines})
os.replace(path + ".new", path)
print(lines, end="")
