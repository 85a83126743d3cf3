#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""Writes the small TorchScript modules of the shim's tests into a directory:  make_modules.py DIR

Random weights, none of them zero (a freshly made UNet has zero output layers and with them no
derivative to test), the same on every run.  Exits with 77, meson's "skipped", where python has no
torch.
"""
import math
import os
import sys
import warnings
from typing import Optional

try:
    import torch
    from torch import nn
    import torch.nn.functional as F
except ImportError:
    sys.exit(77)

SHAPE = (2, 8, 8)
CLASSES = 3
ABOUT = "prediction=noise\nshape=2,8,8\n"


class Attention(nn.Module):
    def __init__(self, channels):
        super().__init__()
        self.norm = nn.LayerNorm(channels)
        self.qkv = nn.Conv2d(channels, 3 * channels, 1)
        self.out = nn.Conv2d(channels, channels, 1)
        self.scale = 1 / math.sqrt(channels)

    def forward(self, x):
        n, c, h, w = x.shape
        z = self.norm(x.permute(0, 2, 3, 1)).permute(0, 3, 1, 2)
        q, k, v = self.qkv(z).reshape(n, 3 * c, h * w).chunk(3, dim=1)
        weight = torch.softmax(torch.einsum("nci,ncj->nij", q, k) * self.scale, dim=2)
        return x + self.out(torch.einsum("nij,ncj->nci", weight, v).reshape(n, c, h, w))


class Block(nn.Module):
    def __init__(self, c_in, c_out, emb):
        super().__init__()
        self.norm1, self.conv1 = nn.GroupNorm(2, c_in), nn.Conv2d(c_in, c_out, 3, padding=1)
        self.norm2, self.conv2 = nn.GroupNorm(2, c_out), nn.Conv2d(c_out, c_out, 3, padding=1)
        self.embed, self.skip = nn.Linear(emb, c_out), nn.Conv2d(c_in, c_out, 1)
        self.drop = nn.Dropout(0.5)  # evaluation must switch it off

    def forward(self, x, e):
        h = self.conv1(F.silu(self.norm1(x)))
        h = self.drop(self.norm2(h + self.embed(e)[:, :, None, None]))
        return self.skip(x) + self.conv2(F.silu(h))


class UNet(nn.Module):
    """Convolution, group and layer norm, SiLU, attention, upsampling, concatenation, time."""

    def __init__(self, out=SHAPE[0], width=8, emb=16):
        super().__init__()
        self.register_buffer("rates", torch.exp(-math.log(1e4) * torch.arange(8) / 8))
        # A whole number must stay one.
        self.register_buffer("calls", torch.zeros((), dtype=torch.long))
        self.time = nn.Linear(16, emb)
        self.stem = nn.Conv2d(SHAPE[0], width, 3, padding=1)
        self.last = nn.Conv2d(width, out, 3, padding=1)
        self.down, self.middle = Block(width, width, emb), Block(width, width, emb)
        self.attend, self.up = Attention(width), Block(2 * width, width, emb)

    def embed(self, t):
        phase = t[:, None] * self.rates[None, :]
        return F.silu(self.time(torch.cat([phase.sin(), phase.cos()], dim=1)))

    def body(self, x, e):
        h1 = self.down(self.stem(x), e)
        h = self.attend(self.middle(F.avg_pool2d(h1, 2), e))
        h = self.up(torch.cat([F.interpolate(h, scale_factor=2.0, mode="nearest"), h1], dim=1), e)
        return self.last(F.silu(h))

    def forward(self, x, t):
        return self.body(x, self.embed(t))


class Labelled(UNet):
    def __init__(self):
        super().__init__()
        self.label = nn.Embedding(CLASSES + 1, 16)

    def forward(self, x, t, y):
        return self.body(x, self.embed(t) + self.label(y))


class Maybe(Labelled):
    def forward(self, x, t, y: Optional[torch.Tensor] = None):
        e = self.embed(t)
        if y is not None:
            e = e + self.label(y)
        return self.body(x, e)


class Pair(UNet):
    def forward(self, x, t):
        y = self.body(x, self.embed(t))
        return y, y.mean()


def module(text):
    """A module of one line: forward(x, t) -> text."""
    scope = {"torch": torch, "F": F}
    source = f"def forward(self, x, t):\n    return {text}\n"
    path = f"<{text}>"
    import linecache
    # TorchScript reads the source.
    linecache.cache[path] = (len(source), None, source.splitlines(True), path)
    exec(compile(source, path, "exec"), scope)
    return type("Line", (nn.Module,), {"forward": scope["forward"]})()


class InPlace(nn.Module):
    def forward(self, x, t):
        t *= 0.01
        x *= 2
        return torch.sin(x) * t[:, None, None, None].cos()


class Raises(nn.Module):
    def forward(self, x, t):
        if bool(t[0] > 500):
            raise ValueError("this module was told to fail")
        return x.sin()


class PartlyDetached(nn.Module):
    """Freezing drops detach() (and the product is right again), but not .data."""

    def forward(self, x, t):
        return x.sin() + (0.5 * x * x).data


class Multihead(nn.Module):
    """Its fused kernel, taken where nothing needs a gradient, has no derivative of any kind."""

    def __init__(self):
        super().__init__()
        self.attend = nn.MultiheadAttention(SHAPE[0] * SHAPE[2], 2, batch_first=True)

    def forward(self, x, t):
        rows = x.permute(0, 3, 1, 2).flatten(2)
        y = self.attend(rows, rows, rows, need_weights=False)[0]
        return x + y.reshape(x.size(0), x.size(3), x.size(1), x.size(2)).permute(0, 2, 3, 1)


class Warns(nn.Module):
    def forward(self, x, t):
        warnings.warn("this module warns")
        return x.sin()


class OneArgument(nn.Module):
    def forward(self, x):
        return x


class TooMany(nn.Module):
    """What is no tensor needs a default."""

    def forward(self, x, t, y, z: int):
        return x * z


class Half(nn.Module):
    """A layer that insists on single precision, as OpenAI's GroupNorm32 does."""

    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(SHAPE[0], SHAPE[0], 3, padding=1)

    def forward(self, x, t):
        return self.conv(torch.tanh(x.float()).type_as(x))


def random(network, seed):
    generator = torch.Generator().manual_seed(seed)
    for p in network.parameters():
        fan = p[0].numel() if p.dim() > 1 else 1
        value = torch.randn(p.shape, generator=generator) / math.sqrt(fan)
        p.data = value if p.dim() > 1 else 1 + 0.1 * value
    return network


def save(folder, name, network, about=ABOUT):
    extra = {} if about is None else {"covsamp.txt": about}
    torch.jit.save(network, os.path.join(folder, name + ".pt"), _extra_files=extra)


def main(folder):
    os.makedirs(folder, exist_ok=True)
    warnings.simplefilter("ignore")
    script = torch.jit.script
    labelled = (ABOUT + f"classes={CLASSES}\r\n"
                "# a remark\n\n key with blanks = a value = with more \n")
    unet = random(UNet(), 1)
    save(folder, "scripted", script(unet))
    save(folder, "traced", torch.jit.trace(
        unet.eval(), (torch.randn(3, *SHAPE), torch.rand(3)), check_trace=False))
    save(folder, "frozen", torch.jit.freeze(script(unet.eval())))
    save(folder, "double", script(random(UNet(), 1).double()))
    save(folder, "labels", script(random(Labelled(), 2)), labelled)
    save(folder, "labels-needed", script(random(Labelled(), 2)))
    save(folder, "labels-maybe", script(random(Maybe(), 2)))
    save(folder, "labels-bad", script(random(Labelled(), 2)), ABOUT + "classes=many\n")
    save(folder, "channels", script(random(UNet(out=5), 3)))
    save(folder, "pair", script(random(Pair(), 4)))
    save(folder, "in-place", script(InPlace()))
    save(folder, "half", script(random(Half(), 5)))
    save(folder, "no-rule", script(module("torch.renorm(x, 2.0, 0, 4.0).sin() + 0.5 * x")))
    # Neither has this one, and its second derivative is wrong along a cotangent of zero.
    save(folder, "no-rule-log", script(module("torch.logcumsumexp(x, 1) * x")))
    save(folder, "no-second", script(module(
        "x + F.grid_sample(x, x.permute(0, 2, 3, 1), mode='bilinear', padding_mode='zeros', "
        "align_corners=False)")))
    save(folder, "detached", script(module("x.data.sin()")))
    save(folder, "detach-dropped", script(module("x.sin() + (0.5 * x * x).detach()")))
    save(folder, "partly-detached", script(PartlyDetached()))
    save(folder, "ignores-x", script(module("torch.ones_like(x) * t[:, None, None, None]")))
    save(folder, "raises", script(Raises()))
    save(folder, "wrong-shape", script(module("x[:, :, 1:]")))
    save(folder, "wrong-output", script(module("x.argmax(1)")))
    save(folder, "wrong-type", script(module("x.size(0)")))
    save(folder, "fails", script(module("torch.ones([3, 3]) @ torch.ones([2, 2]) + x")))
    save(folder, "nan", script(module("(x - x) / (x - x)")))
    save(folder, "labels-traced", torch.jit.trace(random(Labelled(), 2).eval(), (
        torch.randn(3, *SHAPE), torch.rand(3), torch.tensor([0, 1, 2])), check_trace=False),
         labelled)
    save(folder, "labels-frozen", torch.jit.freeze(script(random(Labelled(), 2).eval())),
         labelled)
    save(folder, "multihead", script(random(Multihead(), 6).eval()))
    save(folder, "optimised", torch.jit.optimize_for_inference(script(unet.eval())))
    save(folder, "warns", script(Warns()))
    save(folder, "lost-channel", script(module("x.sin()")), "shape=1,8,8\n")
    save(folder, "one-argument", script(OneArgument()))
    save(folder, "too-many", script(TooMany()))
    save(folder, "no-shape", script(unet), None)
    save(folder, "bad-shape", script(unet), "shape=2,eight\n")
    path = os.path.join(folder, "scripted.pt")
    with open(path, "rb") as file:
        data = file.read()
    with open(os.path.join(folder, "truncated.pt"), "wb") as file:
        file.write(data[:len(data) // 2])
    with open(os.path.join(folder, "text.pt"), "w") as file:
        file.write("this is not a module\n")
    open(os.path.join(folder, "empty.pt"), "w").close()
    # A zip archive of the right shape, but of something else.
    torch.save({"weights": torch.ones(3)}, os.path.join(folder, "state-dict.pt"))


if __name__ == "__main__":
    main(sys.argv[1])
