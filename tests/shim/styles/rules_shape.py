# SPDX-License-Identifier: BSD-3-Clause
"""The rules, continued: views and copies, sampling; and modules on which a record of the operators
goes wrong easily, by aliases, types and numbers that leave the tensors (HARD)."""
import torch
from torch import nn

from .rules import MANY, PLAIN, SEQ, VOL, other, plain, plains, weights

# Sampling
plains("pad", "F.pad(x, [1, -1, 0, 0], 'constant', 2.0)", "F.pad(x, [1, 1, 1, 1])[..., :8, :8]",
       "F.pad(x, [1, 0, 1, 0], value=7.0)[..., :8, :8]",
       "F.pad(x, [1, 1, 1, 1], 'reflect')[..., :8, :8]", "F.pad(x, [1, 1, 1, 1], 'replicate')[..., :8, :8]",
       "F.pad(x, [2, 1, 0, 1], 'circular')[..., :8, :8]",
       "F.pad(x, [0, 0, 0, 0, 1, 0], value=-1.0)[:, :2].sin() + x", "torch.constant_pad_nd(x, [1, 1], 3.5)[..., :8]",
       "torch.constant_pad_nd(x, [1, 1])[..., 2:]")
for kind in ("reflection", "replication"):
    plain(f"{kind}_pad1d", f"torch.ops.aten.{kind}_pad1d({SEQ}, [2, 1])[..., :64].reshape(x.shape)")
    plain(f"{kind}_pad2d", f"torch.ops.aten.{kind}_pad2d(x, [2, 1, 1, 0])[..., :8, :8]")
    plain(f"{kind}_pad3d",
          f"torch.ops.aten.{kind}_pad3d({VOL}, [2, 1, 1, 0, 1, 0])[:, :, :2, :4, :8].reshape(x.shape)")
for name, into, mode in (
        ("nearest1d", SEQ, "nearest"), ("nearest2d", "x", "nearest"), ("nearest3d", VOL, "nearest"),
        ("exact1d", SEQ, "nearest-exact"), ("exact2d", "x", "nearest-exact"), ("exact3d", VOL, "nearest-exact"),
        ("linear1d", SEQ, "linear"), ("bilinear2d", "x", "bilinear"), ("bicubic2d", "x", "bicubic"),
        ("trilinear3d", VOL, "trilinear")):
    cut = {SEQ: ":64", "x": ":8, :8", VOL: ":2, :4, :8"}[into]
    plain(f"upsample-{name}", f"F.interpolate({into}, scale_factor=2.0, mode='{mode}')[..., {cut}].reshape(x.shape)")
    if "linear" in mode or mode == "bicubic":
        plain(f"upsample-{name}-corners",
              f"F.interpolate({into}, scale_factor=1.5, mode='{mode}', align_corners=True)[..., "
              f"{cut}].reshape(x.shape)")
plains("resize", "F.interpolate(x, size=[4, 4]).repeat(1, 1, 2, 2)",
       "F.interpolate(x, size=[8, 8], mode='bilinear', antialias=True) * x",
       "F.interpolate(x, size=[5, 8], mode='bilinear', antialias=True).sum(2, keepdim=True) * x",
       "F.interpolate(x, scale_factor=0.5, mode='area').repeat(1, 1, 2, 2)",
       "F.interpolate(x, size=[5, 7], mode='bicubic', antialias=True).mean(2, True).mean(3, True) * x",
       "F.interpolate(x, scale_factor=[0.5, 1.0], mode='bilinear', recompute_scale_factor=True).repeat(1, 1, 2, 1)")
plains("avg_pool", f"F.avg_pool1d({SEQ}, 3, 1, 1).view(x.shape)", "F.avg_pool2d(x, 3, 1, 1)",
       "F.avg_pool2d(x, 3, 1, 1, count_include_pad=False)",
       "F.avg_pool2d(x, 2).repeat(1, 1, 2, 2)", f"F.avg_pool3d({VOL}, [1, 3, 3], 1, [0, 1, 1]).view(x.shape)",
       "F.avg_pool2d(x, 3, 2, 0, ceil_mode=True).repeat(1, 1, 2, 2)",
       "F.avg_pool2d(x, 3, 1, 1, divisor_override=2)", f"F.adaptive_avg_pool1d({SEQ}, 1)[..., None] * x",
       "F.adaptive_avg_pool2d(x, [1, 8]) + x",
       "F.adaptive_avg_pool2d(x, 3).mean([2, 3], True) * x", f"F.adaptive_avg_pool3d({VOL}, 1).view(-1, 2, 1, 1) * x")
plains("shuffle", "F.pixel_shuffle(F.pixel_unshuffle(x, 2).flip(1), 2)", "F.pixel_unshuffle(x, 2).view(x.shape)",
       f"F.pixel_shuffle({MANY}, 2).view(x.shape)",
       f"torch.channel_shuffle({MANY}, 2).view(x.shape)")
plains("columns", "F.unfold(x, 3, padding=1).view(x.size(0), 2, 9, 8, 8).sin().mean(2)",
       "F.fold(F.unfold(x, 2, stride=2), [8, 8], 2, stride=2)",
       "F.fold(F.unfold(x, 3, padding=1).sin(), [8, 8], 3, padding=1)")
plains("cumsum", "torch.cumsum(x, 1)", "x.cumsum(-1) * x", "torch.cumsum(x, 2).sin()")

# Views and copies
ID = torch.tensor([1, 0])
plains("shape", "x.view(x.size(0), -1).sin().view(x.shape)",
       "x.permute(0, 2, 3, 1).reshape(x.size(0), 64, 2).transpose(1, 2).reshape(x.shape)",
       "torch.ops.aten._unsafe_view(x, [x.size(0), 128]).sin().view(x.shape)", "x.flatten(1).view_as(x) * x",
       "x.flatten(1).reshape_as(x) * x",
       "self.w.flatten().view_as(x[:1]) * x", "self.w.flatten().reshape_as(x[:1]) * x",
       "x.permute(0, 3, 1, 2).reshape_as(x)", "x.view(x.shape)",
       "x.flatten().unflatten(0, [x.size(0), 2, 8, 8])", "x.contiguous() * x",
       "x.permute(0, 2, 3, 1).contiguous().view(x.shape)",
       "x.contiguous(memory_format=torch.channels_last) * x", "x.transpose(2, 3)", "x.mT",
       "x.flatten(1).t().t().view(x.shape)", "x[0, 0].T + x",
       "x.unsqueeze(1).sin().squeeze(1)", "x[:, :1].squeeze(1)[:, None] + x",
       "x.view(1, -1, 128).squeeze().view(x.shape)", "x.flatten(2, -1).unflatten(2, [8, 8])",
       "x.flatten().view(x.shape)", "x.movedim(1, 2).reshape(x.shape)", "torch.moveaxis(x, 1, 3).reshape(x.shape)",
       "x.swapaxes(2, 3)", "torch.swapdims(x, 2, 3)",
       w=weights(1, 2, 8, 8))
plains("expand", "self.w.expand_as(x) * x", "x.mean(1, keepdim=True).expand_as(x)",
       "x.mean(1, keepdim=True).expand(-1, 2, -1, -1) * x", "x[None].expand(3, -1, -1, -1, -1).mean(0)",
       "x.mean().expand(x.shape) + x", "x.repeat(1, 2, 1, 1)[:, 1:3]", "x.repeat(2, 1, 1, 1, 1).sum(0)",
       "x.tile([1, 2, 1, 1])[:, 1:3]",
       "x.repeat_interleave(2, 1)[:, :2]", "x.repeat_interleave(2, dim=3)[..., :8]",
       "a, b = torch.broadcast_tensors(x, self.w); a * b.sin()",
       "a, b = torch.broadcast_tensors(x.mean(), self.w); x + a * b.sin()",
       "a, b = torch.broadcast_tensors(x.mean([2, 3], True), x); a * b", w=weights(1, 2, 1, 1))
plains("select", "x[:, :, ::2].repeat(1, 1, 2, 1)", "x[:, :, 1:-1].sum(2, keepdim=True) * x", "x[:, 0][:, None] * x",
       "x.select(3, -1)[..., None] + x", "torch.narrow(x, 1, 0, 1) + x",
       "x[:, self.i]", "x[:, [1, 0]]", "x[:, :, :, self.i].sum(-1, True) + x", "x[:, self.m]", "x[x > 0].sum() * x",
       "x[:, :, self.i, self.i][..., None].sum(2, True) + x",
       "x.index_select(1, self.i)", "x.gather(1, torch.zeros_like(x, dtype=torch.long)) * x",
       "x.gather(2, x.argsort(2))", "x.diagonal(0, 2, 3)[..., None] + x",
       "x.tril() + x.triu(1).sin()", "x.unfold(2, 2, 1).mean(-1).sum(2, keepdim=True) + x",
       "x[:, None, ..., 1:].sum([1, 4])[..., None] * x", "x[:, None].sum(1)",
       i=ID, m=torch.tensor([True, True]))
plains("move", "x.flip([1, 2])", "x.flip(3) * x", "x.roll([1, 2], [2, 3])", "x.roll(3)", "x.sum(1, keepdim=True) * x",
       "x.sum() * x", "x.sum([1, -1], keepdim=True) + x",
       "x.sum(2)[:, :, None] * x", "x.mean() * x",
       "x.mean([1, 2], keepdim=True, dtype=torch.float64).to(x.dtype) + x", "x.mean(-1, True) * x",
       "x.mean([2, 3])[:, :, None, None] * x")
plains("join", "torch.cat([x, x.sin()], 1)[:, 1:3]", "torch.cat([self.w, x[:1]], 0)[1:] + x",
       "torch.cat([x, self.w.expand(x.size(0), 2, 8, 8)], 3)[..., 4:12]",
       "torch.concat([x.sin(), x], -1)[..., 3:11]", "torch.cat(x.chunk(2, 1)[::-1], 1)",
       "torch.stack([x, x.sin(), self.w.expand_as(x)]).sum(0)",
       "torch.stack([x, x.cos()], -1).sum(-1)", "torch.stack(x.unbind(1)[::-1], 1)",
       "torch.cat([x, x[:, :0]], 1)",
       "torch.cat([x.mean([2, 3], True), x[:, :, :1, :1], self.w[:, :, :1, :1].expand(x.size(0), 2, 1, 1)], "
       "1).sum(1, True) * x", w=weights(1, 2, 8, 8))
plains("split", "torch.cat(x.split([3, 5], 2)[::-1], 2)", "torch.cat(x.split(3, 3)[::-1], 3)",
       "a, b = x.chunk(2, 2); torch.cat([b.sin(), a * b], 2)", "torch.cat(torch.tensor_split(x, 3, 2), 2) * x",
       "torch.cat(torch.tensor_split(x, [3], 2)[::-1], 2)", "torch.stack(x.unbind(1), 1).sin()",
       "torch.cat(torch.unsafe_chunk(x, 2, 1)[::-1], 1)", "torch.cat(torch.unsafe_split(x, 3, 2)[::-1], 2)",
       "a, b = x.chunk(2, 1); torch.cat([a * b, a], 1)", "torch.split_with_sizes(x, [1, 1], 1)[1] * x")
plains("pass", "x.clone() * x", "torch.clone(x, memory_format=torch.channels_last) * x",
       "x.to(torch.float64).to(x.dtype) * x", "x.double().to(x.dtype) * x", "x.type_as(self.w) * x",
       "x.to(self.w) * x", "F.dropout(x, 0.5, False) * x", "F.alpha_dropout(x, 0.5, False) * x",
       "torch.feature_dropout(x, 0.5, False) * x", "x.cpu() * x", "torch.ops.aten.alias(x) * x",
       "torch.ops.aten.lift_fresh(self.w) * x", "torch.ops.aten.copy(self.w.expand_as(x), x.sin())",
       "torch.ops.aten.copy(x, self.w.expand_as(x)) * x", "torch.ops.aten.copy(x, x.mean()) * x",
       "torch.fill(x, x.mean()) + x.sin()", "torch.fill(x, 0.5) * x", "torch.fill(self.w.expand_as(x), x.mean()) * x",
       "self.k.view(1, 2, 1, 1).expand_as(x).type_as(x) * x.sin()", "self.k.view(1, 2, 1, 1).to(x) * x.sin()",
       "(t > 0).type_as(x)[:, None, None, None] * x.sin()", "(x > 0).to(x) * x.sin()",
       w=weights(1, 2, 8, 8), k=torch.arange(2))
# Of dual numbers libtorch makes something else: zero() zeroes the tangent of x as well.
ALONE = {"zero": "torch.ops.aten.zero(x) + x", "detach": "x.sin().detach() * x", "data": "x.sin().data * x",
         "detach-sum": "x + (0.5 * x * x).detach()"}
KINKS = ("steps-6", "hard-std-zero")
ROUNDED = {"pass-float": "x.float().to(x.dtype) * x"}  # single precision inside
for name, text in {**ALONE, **ROUNDED}.items():
    plain(name, text)

# Names to texts, which must give right numbers by whatever engine, and those that must be refused.
HARD, REFUSED = {}, {}
ERROR = {"out": "y = torch.empty_like(x); torch.add(x, 1.0, out=y); y.sin()"}  # no engine has a derivative


def hard(name, text, **parts):
    HARD[name] = (text, parts)


COPY = "y = x.clone()[:, :]; "
BUF = {"b": torch.ones(2, 8, 8)}
LOOP = "for i in range(x.size(2) // 4):\n        "
hard("view-written", "y = x.sin(); v = y.view(x.size(0), -1); v.mul_(3.0); y")
hard("view-written-all", "y = x.sin(); v = y.view(-1); v.div_(2.0); y + x")
hard("view-written-conv", "h = self.c(x); q = h.view(x.size(0), 2, -1); q *= 0.5; h.sin()",
     c=nn.Conv2d(2, 2, 3, padding=1))
hard("view-softmax", "y = self.c(x); v = y.flatten(2); v *= torch.softmax(v, -1); y + x",
     c=nn.Conv2d(2, 2, 3, padding=1))
hard("reshape-written", "y = x.sin(); v = y.reshape(x.size(0), -1); v += x.reshape(x.size(0), -1); y * 2.0")
hard("reshape-written-copy",
     "y = x.permute(0, 2, 3, 1); z = y.reshape(x.size(0), -1); z.mul_(2.0); (y + z.view(y.shape)).permute(0, 3, 1, 2)")
hard("flatten-written", "y = x.sin(); v = y.flatten(1); v.mul_(3.0); y * 2.0")
hard("flatten-slice-written", "y = x.sin(); v = y.flatten(2); v[:, :, 0] = 0.0; y * 2.0")
hard("contiguous-written",
     "p = x.sin().permute(0, 2, 3, 1); z = p.contiguous(); z.add_(p * p); (p * z).permute(0, 3, 1, 2)")
hard("contiguous-written-2",
     "p = x.permute(0, 2, 3, 1); z = p.contiguous(); z.mul_(2.0); (p.sin() + z).permute(0, 3, 1, 2)")
hard("contiguous-written-3",
     "p = x.sin().permute(0, 2, 3, 1); z = p.contiguous(); z.clamp_(-0.2, 0.2); (p - z).permute(0, 3, 1, 2)")
hard("contiguous-same", "y = x.sin(); z = y.contiguous(); z += x; y * z")
hard("skips",
     "q: List[Tuple[Tensor, int]] = []; h = x; "
     "for c in self.cs:\n        h = c(h)\n        q.append((h, 1))\n        h = self.r(h); "
     "while len(q) > 0:\n        s, n = q.pop()\n        h = h * s; h + x",
     cs=nn.ModuleList([nn.Conv2d(2, 2, 1) for _ in range(2)]), r=nn.ReLU(inplace=True))
hard("skips-list",
     "q: List[Tensor] = []; h = x; for c in self.cs:\n        h = c(h)\n        q.append(h)\n        h = self.r(h); "
     "while len(q) > 0:\n        h = h * q.pop(); h + x", cs=nn.ModuleList([nn.Conv2d(2, 2, 1) for _ in range(2)]),
     r=nn.SiLU(inplace=True))
hard("input-in-lists", "q: List[List[Tensor]] = []; " + LOOP + "q.append([x]); x += 1.0; q[0][0] * x.sin()")
hard("type_as-time", "y = self.c(x); z = y.type_as(t); z += 1.0; y * z", c=nn.Conv2d(2, 2, 1))
hard("dropout-module", "y = self.c(x); z = self.d(y); y * self.r(z)", c=nn.Conv2d(2, 2, 1), d=nn.Dropout(0.1),
     r=nn.ReLU(inplace=True))
hard("view-gate", "h = self.c(x).view(x.size(0), 2, 64); h.mul_(torch.sigmoid(h)); h.view(x.shape)",
     c=nn.Conv2d(2, 2, 3, padding=1))
hard("view-normalised",
     "g = x.view(x.size(0), 2, 64); g = g - g.mean(2, keepdim=True); g /= g.std(2, keepdim=True) + 1e-3; "
     "g.view_as(x) * x")
hard("slice-added", "y = self.c(x); y[:, :, 1::2] += y[:, :, ::2]; y + x", c=nn.Conv2d(2, 2, 3, padding=1))
hard("residual-reshaped",
     "h = self.c(x); s = h; h = h.reshape(x.size(0), 2, 64); h += self.w; s * h.reshape(x.shape)",
     c=nn.Conv2d(2, 2, 3, padding=1), w=weights(2, 64))
hard("unbind-written", "y = x.sin(); for c in y.unbind(1):\n        c.mul_(2.0); y * x")
hard("time-written", "y = x * t[:, None, None, None]; t += 1.0; y * t[:, None, None, None]")
hard("loop-tuple", "y = x.sin(); p = (y, x); " + LOOP + "y += x\n        y = y[:]; p[0] * p[1]")
hard("list-of-lists",
     "q: List[List[Tensor]] = []; " + LOOP + "q.append([x * float(i + 1)]); "
                                             "for a in q:\n        for b in a:\n            b += x.sin(); "
                                             "q[0][0] * q[1][0]")
hard("list-of-tuples",
     "q: List[Tuple[Tensor, Tensor]] = []; " + LOOP + "q.append((x * float(i + 1), x)); "
                                                      "for a, b in q:\n        a += x.sin(); q[0][0] * q[1][0]")
hard("list-of-optionals",
     "q: List[Optional[Tensor]] = []; " + LOOP + "q.append(x * float(i + 1)); "
                                                 "for a in q:\n        if a is not None:\n            a += x.sin(); "
     "b = q[0]; c = q[1]; assert b is not None and c is not None; b * c")
hard("list-views",
     "q: List[Tensor] = []; " + LOOP + "q.append(x * float(i + 1)); for b in q:\n        b[:, :1] *= 3.0; q[0] * q[1]")
hard("tuple-written", COPY + "p = (y, t); y += x.sin(); p[0] * 2.0")
hard("tuple-in-loop", "p = (x.sin(), x.cos()); " + LOOP + "a, b = p\n        a += b\n        p = (b, a); p[0] + p[1]")
hard("dict-written", "y = x.sin(); d = {'a': y}; y += x; d['a'] * 2.0")
hard("buffer-written", "self.b.copy_(x.mean(0)); x.sin() * self.b", **BUF)
hard("buffer-reused", "self.b.zero_(); self.b.add_(x.mean(0)); self.b.mul_(2.0); x.sin() + self.b", **BUF)
hard("buffer-slice", "self.b[:, :2] = x[0, :, :2]; x.sin() * self.b", **BUF)
hard("attribute-set", "self.b = x.sin(); y = self.b * x; self.b = y; self.b + x", **BUF)
hard("fill-by-x", "y = torch.zeros_like(x); y.fill_(x.mean()); y + x.sin()")
hard("fill-by-x-2", "y = x.sin(); y.fill_(x.sum()); y * x")
hard("fill-slice", "y = torch.zeros_like(x); y[:, :1] = x.mean(); y + x.sin()")
hard("index-written", "i = torch.tensor([0, 1]); l = [i]; y = x[:, i]; l[0].bitwise_xor_(1); y * x")
hard("index-view-written", "i = torch.arange(2); v = i[:]; y = x[:, i].sin(); v.bitwise_xor_(1); y + x[:, i]")
hard("mask-written",
     "m = torch.arange(8) > 3; v = m[:]; y = x.masked_fill(m, 0.5); v.logical_not_(); y + x.masked_fill(m, 0.1)")
hard("sigmoid-then-written", COPY + "s = torch.sigmoid(y); y.add_(1.0); y * s")
hard("sigmoid-of-input", "s = torch.sigmoid(x); x += 1.0; x * s")
hard("type_as-alias", "y = x.sin(); z = y.type_as(x); z += x; y * z")
hard("to-alias", "y = x.sin(); z = y.to(x.dtype); z += x; y * z")
hard("dropout-alias", "y = x.sin(); z = F.dropout(y, 0.5, False); z += x; y * z")
hard("detach-alias", "y = x.sin(); z = y.detach(); z += x; y + 0.5 * y * y")
hard("einsum-alias", "y = x.sin(); z = torch.einsum('abcd->abdc', y); z += x; y * z")
hard("chunk-written", "y = x.sin(); a, b = y.chunk(2, 2); a.mul_(b); y * x")
hard("expand-clone", "y = x.mean(1, keepdim=True).expand(-1, 2, -1, -1); z = y.clone(); z += x; z * y")
hard("diagonal-zeroed", "y = x.sin(); y.diagonal(0, 2, 3).zero_(); y * x")
hard("in-place-chain", "x.sin().mul_(x).add_(1, alpha=2).div_(2).sub_(x, alpha=0.5).neg_()")
hard("input-written", "x *= 2.0; y = x.sin(); x += y; x * y")
C = "z = torch.fft.fft(0.2 * x); "
hard("complex-to", "z = x.to(torch.complex128); (torch.view_as_real(z * z)[..., 0] + x).to(x.dtype)")
hard("complex-fft",
     "z = x.to(torch.cdouble); (torch.real(torch.fft.ifft(torch.fft.fft(z) * 0.5)) + 0.1 * x).to(x.dtype)")
hard("complex-clone", "z = torch.fft.fft(x).clone(); torch.fft.ifft(z * z).real + 0.1 * x")
hard("complex-detach", "z = torch.fft.fft(x); q = z.detach(); torch.fft.ifft(z * q.conj()).real + 0.1 * x")
hard("complex-tanh", C + "torch.fft.ifft(torch.tanh(z)).real + 0.1 * x")
hard("complex-sigmoid", C + "torch.fft.ifft(torch.sigmoid(z)).real + 0.1 * x")
hard("complex-var", C + "x * torch.var(torch.view_as_real(z)) + x * z.var()")
hard("complex-abs", C + "x * z.abs()")
hard("complex-pow",
     C + "x * z.pow(2).real + x * (z * z.conj()).real + z.real + z.imag + (z / (z + 2)).real + z.exp().real")
hard("complex-silu", C + "x * (z * torch.sigmoid(z)).real")
hard("complex-square", C + "x + z.square().imag + (z + 3.0).reciprocal().real")
hard("complex-filter", "torch.fft.irfft2(torch.fft.rfft2(x) * self.w, s=(8, 8)) * x", w=weights(2, 8, 5))
hard("std-zero", "z = 0.0 * x + 1.0; x * (z.std([2, 3], keepdim=True) + 1.0)")
hard("loop-numbers",
     "y = x; a = 1.0; "
     "for i in range(int(t[0]) % 3 + 1):\n        a = a * 0.5 + float(i)\n        y = y.sin() * a; y + x")
hard("loop-number-time",
     "y = x; a = float(t[0]); for i in range(3):\n        a = a * 0.5\n        y = y + a * y.sin(); y")
hard("list-of-numbers",
     "l: List[float] = []; for i in range(int(t[0]) % 3 + 1):\n        l.append(float(i) + 0.5); "
     "x.sin() * l[0] + len(l) * x")
REFUSED.update({
    "number": "x * float(x.mean())", "item": "x * x.mean().item()",
    "tolist": "l: List[float] = x[0, 0, 0].tolist(); x * l[0]",
    "number-in-list": "l = [float(x.mean())]; x * l[0]", "number-in-tuple": "l = (float(x.mean()), 1.0); x * l[0]",
    "number-in-dict": "l = {'a': float(x.mean())}; x * l['a']",
    "number-appended": "l: List[float] = []; l.append(float(x.mean())); x * l[0]",
    "number-as-tensor": "x * torch.tensor(float(x.mean()))",
    "number-as-alpha": "torch.add(x, x.sin(), alpha=float(x.mean()))",
    "number-in-loop": "y = x; a = float(x.mean()); "
                      "for i in range(int(t[0]) % 3 + 1):\n        a = a * 0.5\n        y = y + a * x; y",
    "numbers-in-loop": "l: List[float] = []; "
                       "for i in range(int(t[0]) % 3 + 1):\n        l.append(float(x.mean()) * i); x * (l[0] + 1.0)",
    "random": "x.sin() * torch.empty_like(x).normal_()", "dropout": "F.dropout(x.sin(), 0.5, True)"})


def entries():
    """Of every module its name, its text with its parts, and the line of rules.txt."""
    from .rules import OTHERS
    for kind, names in (("rule", PLAIN), ("any", OTHERS), ("any", {f"hard-{k}": v for k, v in HARD.items()})):
        for name, entry in names.items():
            marks = ["alone"] * (name in ALONE) + ["kink"] * (name in KINKS) + ["single"] * (name in ROUNDED)
            yield name, entry, " ".join([name, "ok", kind] + marks)
    for verdict, texts in (("refused", REFUSED), ("error", ERROR)):
        for name, text in texts.items():
            yield f"{verdict}-{name}", text, f"{verdict}-{name} {verdict} any"
