# SPDX-License-Identifier: BSD-3-Clause
"""Fashion-MNIST as Debian's dataset-fashion-mnist ships it, and the noise schedule used with it."""
import gzip
import os
import struct

import numpy as np
import torch

FOLDER = os.environ.get("FASHION_MNIST", "/usr/share/datasets/fashion-mnist")
NAMES = ("T-shirt", "trouser", "pullover", "dress", "coat", "sandal", "shirt", "sneaker", "bag", "boot")


def read_idx(path):
    with gzip.open(path, "rb") as f:
        magic = struct.unpack(">I", f.read(4))[0]
        shape = struct.unpack(">%dI" % (magic & 255), f.read(4 * (magic & 255)))
        return np.frombuffer(f.read(), np.uint8).reshape(shape)


def load(part):
    """part: "train" or "t10k".  Images [N,1,28,28] in [-1,1], labels [N]."""
    images = read_idx(os.path.join(FOLDER, part + "-images-idx3-ubyte.gz"))
    labels = read_idx(os.path.join(FOLDER, part + "-labels-idx1-ubyte.gz"))
    x = torch.from_numpy(images.astype(np.float32) / 127.5 - 1.0)[:, None]
    return x, torch.from_numpy(labels.astype(np.int64))


def alpha_sigma(steps=1000):
    """alpha[t], sigma[t] of the linear schedule of Ho et al. 2020, t the 0-based training step."""
    beta = np.linspace(1e-4, 0.02, steps)
    bar = np.cumprod(1.0 - beta)
    return torch.from_numpy(np.sqrt(bar)).float(), torch.from_numpy(np.sqrt(1.0 - bar)).float()
