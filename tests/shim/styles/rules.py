# SPDX-License-Identifier: BSD-3-Clause
"""A module for each rule of the linearised engine: the operator in every form that matters.

PLAIN holds those that have a rule, OTHERS those that the engine may hand on.  A text is what
forward(x, t) returns, as for bad.line; self.w, self.v, ... are what PARTS and the pair's dict say."""
import torch
from torch import nn

from . import bad

G = torch.Generator().manual_seed(7)
torch.manual_seed(7)  # of the layers' weights


def weights(*sizes):
    return nn.Parameter(torch.rand(*sizes, generator=G) + 0.2)


def module(entry):
    text, parts = entry if isinstance(entry, tuple) else (entry, {})
    made = bad.line(text)
    for name, part in parts.items():
        if isinstance(part, torch.Tensor) and not isinstance(part, nn.Parameter):
            made.register_buffer(name, part)
        else:
            setattr(made, name, part() if callable(part) and not isinstance(part, nn.Module) else part)
    return made


PLAIN, OTHERS = {}, {}


def plain(name, text, **parts):
    assert name not in PLAIN
    PLAIN[name] = (text, parts)


def plains(prefix, *texts, **parts):
    for i, text in enumerate(texts):
        plain(f"{prefix}-{i}", text, **parts)


def other(name, text, **parts):
    assert name not in OTHERS
    OTHERS[name] = (text, parts)


def layer(name, made, before="x", after="+ 0.1 * x"):
    plain(name, f"self.n({before}).sin().reshape(x.shape) {after}", n=made)


SEQ = "x.flatten(2)"  # [N, 2, 64]
VOL = "x.view(x.size(0), 2, 2, 4, 8)"
MANY = "x.view(x.size(0), 8, 4, 4)"
ROWS = "x.view(x.size(0), 1, 16, 8)"

# Element by element
for name in ("silu", "gelu", "relu", "relu6", "hardtanh", "leaky_relu", "elu", "softplus", "mish", "hardswish",
             "selu", "celu"):
    (other if name in ("selu", "celu") else plain)(name, f"F.{name}(x * 3.0)")
for name in ("sigmoid", "tanh", "exp", "expm1", "neg", "square", "abs", "sin", "cos", "erf"):
    plain(name, f"x.{name}() * x + x")
for name in ("log", "log1p", "sqrt", "rsqrt", "reciprocal"):
    plain(name, f"(x + 1.5).{name}()")
for name in ("silu", "gelu", "relu"):
    plain(f"{name}-0dim", f"x * F.{name}(x.mean() + 1.0)")
for name in ("tanh", "sigmoid", "neg", "square", "abs"):
    plain(f"{name}-0dim", f"x * x.mean().{name}()")
plain("gelu-tanh", "F.gelu(x, approximate='tanh')")
plain("leaky_relu-slope", "F.leaky_relu(x, 0.3)")
plain("leaky_relu-negative", "F.leaky_relu(x, negative_slope=-0.4)")
plain("hardtanh-bounds", "F.hardtanh(x, -0.2, 0.7)")
plain("elu-alpha", "F.elu(x, 0.7)")
plain("elu-all", "torch.ops.aten.elu(x, 0.7, 1.3, 0.4)")
plain("softplus-values", "F.softplus(x, 2.0, 1.0)")
plain("softplus-beta", "F.softplus(x, beta=3.0)")
plain("sigmoid-gate", "x * torch.sigmoid(x)")
plain("sigmoid-gate-left", "torch.sigmoid(x) * x")
plain("sigmoid-gate-scaled", "x * torch.sigmoid(1.702 * x)")
plain("sigmoid-square", "s = torch.sigmoid(x); s * s")
plain("sigmoid-gate-0dim", "x.mean() * torch.sigmoid(x.mean()) + x")
plain("sigmoid-broadcast", "x * torch.sigmoid(x.mean())")
plains("pow", "x.pow(3)", "x.pow(2.0)", "x.pow(0) + x", "x.pow(1) * x", "x.abs().pow(0.7)", "x.pow(torch.tensor(2))",
       "x.abs().pow(torch.arange(8))", "(x.mean([1, 2, 3], True).exp() ** self.w).sum([1, 2, 3], True) + x",
       "x.exp() ** self.w", "x.exp() ** -1.5", "x * x.mean() ** 3", w=weights(1, 2, 8, 8))
plains("clamp", "x.clamp(-0.5, 0.5)", "x.clamp(min=-0.3)", "x.clamp(max=0.3)", "x.clamp_min(-0.2)",
       "x.clamp_max(0.4)",
       "torch.clip(x, 0.1) + x", "x.clamp(torch.tensor(-0.2), torch.tensor(0.5))", "x.clamp(-self.w, self.w)",
       "x + x.mean([2, 3], True).clamp(min=-10.0 * self.w).sum([1, 2, 3], True)", "x.clamp(min=-self.v)",
       "x * x.mean().clamp(-1.0, 1.0)", "x.clamp(-1, 1)", w=weights(1, 2, 8, 8), v=weights(2, 1, 1))
plains("steps", "x.round() * x", "x.floor() + x", "x.ceil() * x", "x.trunc() + x", "x.sign() * x",
       "torch.heaviside(x, torch.zeros_like(x)) * x", "(3.0 * x).round() * x")

# Two tensors
SMALL = "x.mean([1, 2, 3], True)"
plains("add", "torch.add(x, x.sin(), alpha=3)", "torch.add(x, x.sin(), alpha=-0.3)", "x + 2", "2.5 + x",
       "x.add(1, alpha=2)",
       "torch.add(t[0], x, alpha=0.3)", "x + torch.tensor(2)",
       f"x + torch.add(self.w, {SMALL}, alpha=2).sum([1, 2, 3], True)",
       f"x * (self.w + {SMALL}).sum([1, 2, 3], True)", f"{SMALL} + x", f"x.sin() + {SMALL}", "x + x", "x + x.mean()",
       f"(x.mean() + self.w).sum() + x", f"{SMALL} + x.mean([2, 3], True) + x.cos()", w=weights(1, 3, 4, 5))
plains("sub", "torch.sub(x, x.sin(), alpha=2)", "torch.sub(t[0], x, alpha=2)", "1 - x", "x - 3", f"self.w - {SMALL}",
       f"x + (self.w - {SMALL}).sum([1, 2, 3], True)", "x.sin() + (self.w - x.mean()).sum()", f"{SMALL} - x",
       "x - x.mean()",
       f"x.sin() + self.l(self.w - {SMALL})", f"torch.cat([x, self.w - {SMALL}], 1)[:, 1:3]",
       f"x * (self.w - {SMALL}).pow(2).mean([1, 2, 3], True)", "1.0 - x.mean() + x", "x - x + x.sin()",
       w=weights(1, 2, 8, 8), l=nn.Linear(8, 8))
plains("rsub", "torch.rsub(x, x.sin(), alpha=3)", "torch.rsub(x, t[0], alpha=2)", "torch.rsub(x, 2.0)",
       "torch.rsub(x, 2, 3)",
       f"x + torch.rsub({SMALL}, self.w).sum([1, 2, 3], True)", f"torch.rsub({SMALL}, x)", "torch.rsub(x, x.mean())",
       f"torch.rsub(self.w, x, alpha=0.5)", w=weights(1, 2, 8, 8))
plains("mul", "x * x", "x * 3", "-0.5 * x", "x * x.sin()", "x * self.w", "self.w * x",
       f"(self.w * {SMALL}).sum([1, 2, 3], True) + x",
       f"{SMALL} * x", f"x * {SMALL}", "x * x.mean()", "x * t[0]", "x * torch.arange(8)", "x * (x > 0)",
       "(x > 0).to(x.dtype) * x",
       "x.multiply(x)", "x.mean() * x.sum() + x", f"{SMALL} * x.mean([2, 3], True) * x", w=weights(1, 2, 8, 8))
plains("div", "x / 3", "2 / (x + 2)", "x.sin() / (x + 2)", "x / self.w", "self.w / x.exp()", f"x / (2 + {SMALL})",
       f"{SMALL} / (x + 2)", f"(self.w / {SMALL}.exp()).sum([1, 2, 3], True) + x",
       f"({SMALL} / self.w).sum([1, 2, 3], True) + x",
       "x.true_divide(x.exp())", "x / torch.tensor(3)", "x / torch.arange(1, 9)", "x.divide(2.0)",
       "x / x.exp().mean()",
       "x.mean() / x.exp()", "x / t[:, None, None, None]", w=weights(1, 2, 8, 8))
plains("where", "torch.where(x > 0, x, x.sin())", "torch.where(x > 0, self.w, x.sin())",
       "torch.where(x > 0, x.sin(), self.w)",
       f"torch.where(self.w > 0.6, {SMALL}, self.w).sum([1, 2, 3], True) + x",
       "torch.where(x[:, :1] > 0, x, -x.flip(1))",
       f"torch.where(self.w > 0.6, self.w, {SMALL}).sum([1, 2, 3], True) + x", "torch.where(x > 0, x.mean(), x)",
       f"x * torch.where(t[:1] > 0, {SMALL}, self.w).sum([1, 2, 3], True)",
       f"x * torch.where(t[:1] < 0, {SMALL}, self.w).softmax(1)",
       f"x * torch.where(self.w > 0.6, {SMALL}, x.mean([2, 3], True)).sum([1, 2, 3], True)", w=weights(1, 2, 8, 8))
plains("masked_fill", "x.masked_fill(x > 0, 2.0)", "x.masked_fill(self.w > 0.6, torch.tensor(0.5))",
       "x.masked_fill(x[:, :1] > 0, 0.5)",
       f"x + {SMALL}.masked_fill(self.w > 0.6, 0.5).sum([1, 2, 3], True)", w=weights(1, 2, 8, 8))
other("masked_fill-x", "x.sin().masked_fill(x > 0, x.mean()) + x")
for i, text in enumerate(("torch.where(x > 0, x, 0.5)", "torch.where(x > 0, 1.0, x)",
                          "torch.div(x, 0.3, rounding_mode='floor') + x",
                          "torch.div(x, x.exp(), rounding_mode='trunc') + x", "2.0 ** x", "x.exp() ** x",
                          "x // 0.3 + x", "x % 0.7",
                          "torch.lerp(x, x.sin(), x.cos())", "torch.addcmul(x, x.sin(), x.cos(), value=0.3)",
                          "x.clamp(min=x.flip(1))", "torch.maximum(x, x.flip(2))", "torch.atan2(x, x.flip(1))",
                          "F.prelu(x, torch.full([2], 0.2, dtype=x.dtype))", "F.hardsigmoid(3.0 * x)",
                          "x.prod(1, keepdim=True) + x",
                          "x.amax([2, 3], True) * x", "x.norm(2, 1, True) * x", "F.normalize(x, dim=1)",
                          "x.logsumexp([1], True) + x",
                          "x.cumprod(1)", "torch.var_mean(x, [1], keepdim=True)[0] + x",
                          "torch.outer(t, t)[0, 0] * x",
                          "x.scatter(1, torch.zeros_like(x[:, :1], dtype=torch.long), x[:, 1:2])",
                          "x.masked_select(x > 0).mean() * x",
                          "torch.linspace(0, 1, 8) * x", "torch.diag_embed(x.mean(3)) + x",
                          "torch.logaddexp(x, x.sin())",
                          "x.ravel().unflatten(0, [x.size(0), 2, 8, 8])", "torch.broadcast_to(x[:, :1], x.shape)",
                          "torch.hstack([x, x])[:, 1:3]")):
    other(f"no-rule-{i}", text)

# Normalisation and its like
for name, made, before in (
        ("group_norm-one", nn.GroupNorm(1, 8), MANY), ("group_norm-each", nn.GroupNorm(8, 8), MANY),
        ("group_norm-bare", nn.GroupNorm(4, 8, affine=False), MANY), ("group_norm-3d", nn.GroupNorm(2, 2), SEQ),
        ("group_norm-2d", nn.GroupNorm(8, 128), "x.flatten(1)"), ("group_norm-5d", nn.GroupNorm(1, 2), VOL),
        ("group_norm-1channel", nn.GroupNorm(1, 1), ROWS),
        ("group_norm-points", nn.GroupNorm(4, 128), "x.view(-1, 128, 1, 1)"),
        ("group_norm-permuted", nn.GroupNorm(2, 8), "x.permute(0, 2, 3, 1)"),
        ("group_norm-eps", nn.GroupNorm(1, 2, eps=0.3), "x"),
        ("instance_norm", nn.InstanceNorm2d(2), "x"),
        ("instance_norm-affine", nn.InstanceNorm2d(8, affine=True), MANY),
        ("instance_norm-1d", nn.InstanceNorm1d(2, affine=True), SEQ), ("instance_norm-3d", nn.InstanceNorm3d(2), VOL),
        ("instance_norm-running", nn.InstanceNorm2d(2, track_running_stats=True, affine=True), "x"),
        ("batch_norm", nn.BatchNorm2d(2), "x"), ("batch_norm-bare", nn.BatchNorm2d(8, affine=False), MANY),
        ("batch_norm-1d", nn.BatchNorm1d(2), SEQ), ("batch_norm-2d", nn.BatchNorm1d(128), "x.flatten(1)"),
        ("batch_norm-3d", nn.BatchNorm3d(2), VOL),
        ("layer_norm", nn.LayerNorm(8), "x"), ("layer_norm-bare", nn.LayerNorm(8, elementwise_affine=False), "x"),
        ("layer_norm-image", nn.LayerNorm([8, 8]), "x"), ("layer_norm-whole", nn.LayerNorm([2, 8, 8]), "x"),
        ("layer_norm-1channel", nn.LayerNorm(8), ROWS),
        ("layer_norm-1channel-bare", nn.LayerNorm(8, elementwise_affine=False), ROWS),
        ("layer_norm-1channel-rows", nn.LayerNorm([16, 8]), ROWS),
        ("layer_norm-1row", nn.LayerNorm(128), "x.view(-1, 1, 1, 128)"),
        ("layer_norm-2d", nn.LayerNorm(128), "x.flatten(1)"), ("layer_norm-3d", nn.LayerNorm(64), SEQ),
        ("layer_norm-permuted", nn.LayerNorm(2, eps=0.3), "x.permute(0, 2, 3, 1)"),
        ("layer_norm-tokens", nn.LayerNorm(2, eps=0.3), f"{SEQ}.transpose(1, 2)"),
        ("layer_norm-points", nn.LayerNorm([128, 1, 1]), "x.view(-1, 128, 1, 1)"),
        ("layer_norm-5d", nn.LayerNorm([4, 8]), VOL)):
    for part in made.parameters():
        part.data.add_(0.3 * torch.randn(part.shape, generator=G))
    for part in made.buffers():
        if part.dim():
            part.add_(torch.rand(part.shape, generator=G))
    layer(name, made, before)
plain("layer_norm-modulated", "self.n(x.view(x.size(0), 1, 16, 8)).view(x.shape) * (1 + x) + 0.1 * x",
      n=nn.LayerNorm(8, elementwise_affine=False))
plain("layer_norm-scaled", "(self.n(x.view(x.size(0), 1, 16, 8)) * self.w).view(x.shape) + x",
      n=nn.LayerNorm(8, elementwise_affine=False), w=weights(16, 8))
plain("group_norm-modulated", "F.silu(self.n(x) * (1 + t[:, None, None, None] / 40) + t[:, None, None, None] / 50)",
      n=nn.GroupNorm(1, 2))
plain("layer_norm-broadcast", "(self.n(x.mean(3)[:, None]) * self.w).sum([1, 2, 3])[:, None, None, None] + x",
      n=nn.LayerNorm(8), w=weights(1, 5, 1, 8))
plains("softmax", "torch.softmax(x, 1)", "x.softmax(-1) * x", "F.softmax(x, 2)",
       "torch.softmax(x.mean([1, 2, 3]), 0)[:, None, None, None] * x",
       "x.flatten(1).softmax(1).view(x.shape) * 20", "F.softmin(x, 1)")
plains("log_softmax", "x.log_softmax(1)", "F.log_softmax(x, -1) * x", "F.log_softmax(x, 2)")
other("softmax-dtype", "F.softmax(x, 1, dtype=torch.float64) * x")
other("log_softmax-dtype", "F.log_softmax(x, 1, dtype=torch.float64) * x")
for kind in ("var", "std"):
    plains(kind, *(f"x * x{form} + x" for form in (
        f".{kind}()", f".{kind}(False)", f".{kind}(unbiased=True)", f".{kind}(1, False, True)",
        f".{kind}(-1, True, True)",
        f".{kind}([2, 3], True, True)", f".{kind}([1, 2, 3], False, True)",
        f".{kind}(dim=[1, 2], correction=0, keepdim=True)",
        f".{kind}(dim=-1, correction=2, keepdim=True)", f".{kind}(dim=None, correction=0)",
        f".{kind}([2, 3], False)[:, :, None, None]",
        f".{kind}(dim=[1, 2, 3])[:, None, None, None]", f".flatten(1).{kind}()")))

# Products
for name, made, before in (
        ("conv1d", nn.Conv1d(2, 2, 3, padding=1), SEQ),
        ("conv1d-same", nn.Conv1d(2, 2, 3, padding="same", groups=2), SEQ),
        ("conv2d", nn.Conv2d(2, 2, 3, padding=1), "x"), ("conv2d-point", nn.Conv2d(2, 2, 1, bias=False), "x"),
        ("conv2d-groups", nn.Conv2d(8, 8, 3, padding=1, groups=4), MANY),
        ("conv2d-depth", nn.Conv2d(8, 8, 3, padding=1, groups=8), MANY),
        ("conv2d-same", nn.Conv2d(8, 8, 3, padding="same", dilation=2, groups=2), MANY),
        ("conv2d-valid",
         nn.Sequential(nn.Conv2d(2, 4, 2, stride=2, padding="valid"), nn.ConvTranspose2d(4, 2, 2, stride=2)), "x"),
        ("conv2d-circular", nn.Conv2d(2, 2, 3, padding=1, padding_mode="circular"), "x"),
        ("conv2d-reflect", nn.Conv2d(2, 2, 3, padding=1, padding_mode="reflect"), "x"),
        ("conv2d-replicate", nn.Conv2d(2, 2, 3, padding=1, padding_mode="replicate"), "x"),
        ("conv2d-1channel", nn.Conv2d(1, 1, 3, padding=1), ROWS),
        ("conv2d-1pixel", nn.Conv2d(128, 128, 1), "x.view(-1, 128, 1, 1)"),
        ("conv2d-permuted", nn.Conv2d(8, 8, (3, 1), padding=(1, 0)), "x.permute(0, 2, 3, 1)"),
        ("conv3d", nn.Conv3d(2, 2, 3, padding=1), VOL),
        ("conv3d-groups", nn.Conv3d(2, 2, 3, padding="same", groups=2), VOL),
        ("conv_transpose1d", nn.ConvTranspose1d(2, 2, 3, padding=1, groups=2), SEQ),
        ("conv_transpose2d", nn.ConvTranspose2d(2, 2, 3, padding=1), "x"),
        ("conv_transpose2d-stride",
         nn.Sequential(nn.Conv2d(2, 8, 3, 2, 1), nn.ConvTranspose2d(8, 2, 3, 2, 1, output_padding=1, bias=False)),
         "x"),
        ("conv_transpose3d", nn.ConvTranspose3d(2, 2, 3, padding=1), VOL),
        ("linear", nn.Linear(8, 8), "x"), ("linear-bare", nn.Linear(8, 8, bias=False), "x"),
        ("linear-2d", nn.Linear(128, 128), "x.flatten(1)"),
        ("linear-3d", nn.Linear(64, 64), SEQ), ("linear-permuted", nn.Linear(2, 2), "x.permute(0, 2, 3, 1)")):
    layer(name, made, before, "+ 0.1 * x" if "permuted" in name else "* x")
plain("convolution", "torch.convolution(x, self.w, None, [1, 1], [1, 1], [1, 1], False, [0, 0], 1)",
      w=weights(2, 2, 3, 3))
plain("_convolution",
      "torch._convolution(x, self.w, None, [1, 1], [1, 1], [1, 1], False, [0, 0], 1, False, False, True, True)",
      w=weights(2, 2, 3, 3))
plain("conv2d-unbatched", "x + F.conv2d(x[0], self.w, None, 1, 1)", w=weights(2, 2, 3, 3))
other("conv2d-by-x", "F.conv2d(x, x[:2, :, :3, :3] * self.w, None, 1, 1)", w=weights(2, 2, 3, 3))
W8 = {"w": weights(8, 8), "v": weights(8), "m": weights(128, 128)}
plains("matmul", "x @ x.transpose(2, 3)", "x @ self.w", "self.w @ x", "x.matmul(self.v)[..., None] * x",
       "torch.matmul(self.v, x)[:, :, None] * x",
       "(x.flatten(1) @ self.m).view(x.shape)", "x @ x[:, :1].sin()",
       "x.matmul(x[0, 0, 0])[..., None] + x", "x[0, 0] @ x[0, 1] + x", **W8)
plains("mm", "torch.mm(x.flatten(1), self.m).view(x.shape)", "torch.mm(x.flatten(1).t(), x.flatten(1)).mean() * x",
       **W8)
plains("mv", "torch.mv(x.flatten(1), self.m[0])[:, None, None, None] * x", "torch.mv(x[0, 0], x[0, 1, 0]) * x",
       "torch.mv(self.w, x[0, 0, 1]) + x", **W8)
plains("bmm", "torch.bmm(x[:, 0], x[:, 1])[:, None] + x",
       "torch.bmm(x[:, 0], self.w.expand(x.size(0), 8, 8))[:, None] + x",
       "torch.bmm(self.w.expand(x.size(0), 8, 8), x[:, 1])[:, None] * x", **W8)
plains("addmm", "torch.addmm(x[0, 0], x[0, 1], self.w, beta=2, alpha=3) * x",
       "torch.addmm(self.w, x[0, 0], x[0, 1], beta=2, alpha=3) + x",
       "torch.addmm(x[0, 0], x[0, 0], x[0, 1], beta=0.3, alpha=-1.5) + x",
       "torch.addmm(self.m[0], x.flatten(1), self.m).view(x.shape)",
       "torch.addmm(x[0, 0, 0], x[0, 0], x[0, 1]) * x", "torch.addmm(x[0, 0, 0], self.w, self.w) * x",
       "torch.addmm(x[0, 0], self.w, self.w, beta=0) * x", **W8)
plains("baddbmm", "torch.baddbmm(x[:, 0], x[:, 0], x[:, 1], beta=0.3, alpha=2)[:, None] + x",
       "torch.baddbmm(self.w, x[:, 0], x[:, 1], alpha=0.5)[:, None] + x",
       "torch.baddbmm(x[:, 0, :1], x[:, 0], x[:, 1], beta=2)[:, None] + x",
       "torch.baddbmm(x[:1, 0], x[:, 0], self.w.expand(x.size(0), 8, 8))[:, None] + x",
       "torch.baddbmm(x[:, 0, :1], self.w.expand(x.size(0), 8, 8), self.w.expand(x.size(0), 8, 8), beta=3)[:, "
       "None] + x", **W8)
plains("tensordot", "torch.tensordot(x, self.w, [[3], [0]])", "torch.tensordot(x, self.w, 1)",
       "torch.tensordot(x, x.sin(), [[3], [3]])[:, :, :, 0, 0]", **W8)
plains("einsum", "torch.einsum('nchw,nchw,nchw->nchw', x, x.sin(), x.cos())",
       "torch.einsum('nchw->nhcw', x).transpose(1, 2)",
       "torch.einsum('nchw,wk->nchk', x, self.w)", "torch.einsum('nchw->n', x)[:, None, None, None] + x",
       "torch.einsum('hk,nckw->nchw', self.w, x)",
       "torch.einsum('ncii->nc', x)[:, :, None, None] * x", "torch.einsum('...i,...j->...ij', x.mean(3), x.mean(2))",
       "torch.einsum('nchw,nkhw->nck', x, x.sin()).sum(2)[:, :, None, None] * x",
       "torch.einsum('nchw,nchw->nchw', x, x)", **W8)
NEW = hasattr(torch.nn.functional, "scaled_dot_product_attention")


def attends(name, q, k, v, more="", add=plain):
    call = f"scaled_dot_product_attention({q}, {k}, {v}{more})"
    call = f"F.{call}" if NEW else f"F._{call}[0]"
    add(f"attention-{name}", f"q = x.view(x.size(0), 4, 4, 8); z = {call}; z.reshape(x.shape) + 0.1 * x",
        k=weights(1, 4, 4, 8), m=torch.rand(4, 4, generator=G), b=torch.ones(4, 4, dtype=torch.bool).tril())


attends("self", "q", "q.sin()", "q.cos()")
attends("same", "q", "q", "q")
attends("q", "q", "self.k.expand(x.size(0), 4, 4, 8)", "self.k.expand(x.size(0), 4, 4, 8)")
attends("k", "self.k.expand(x.size(0), 4, 4, 8)", "q", "self.k.expand(x.size(0), 4, 4, 8)")
attends("v", "self.k.expand(x.size(0), 4, 4, 8)", "self.k.expand(x.size(0), 4, 4, 8)", "q")
attends("kv", "self.k.expand(x.size(0), 4, 4, 8)", "q", "q.sin()")
attends("mask", "q", "q.sin()", "q", ", self.b")
attends("added", "q", "q.sin()", "q", ", self.m")
attends("by-x", "q", "q.sin()", "q", ", q @ q.transpose(2, 3)", other)
attends("3d", "q.flatten(1, 2)", "q.flatten(1, 2)", "q.sin().flatten(1, 2)")
if NEW:
    attends("causal", "q", "q.sin()", "q", ", None, 0.0, True")
else:
    attends("weights", "q", "q.sin()", "q", ", None, 0.0, True", other)
    attends("causal", "q", "q.sin()", "q", ", None, 0.0, False, True")

from . import rules_shape  # noqa: E402,F401  fills the rest of PLAIN
