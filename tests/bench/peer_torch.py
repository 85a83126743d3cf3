# SPDX-License-Identifier: BSD-3-Clause
"""The LGS step as a PyTorch user would write it, with three ways to make the products.

    step = lgs_step(Dual(net), x, t, labels, level)

Dual and DoubleBackward give J v, KeptGraph gives J^T v, which is another operator unless the Jacobian is
symmetric, and is here because it is the cheap thing to do.
"""
import torch
import torch.autograd.forward_ad as fwAD

STEPS = 3  # products in a step


class Products:
    """At one point: first() gives the mean and the product with v, next() further products."""
    any_format = True

    def __init__(self, network, channels_last=False):
        self.network, self.channels_last = network, channels_last

    def prepare(self, x):
        return x.contiguous(memory_format=torch.channels_last) if self.channels_last else x

    def call(self, x):
        return self.network(x, *self.rest)

    def start(self, x, t, labels):
        self.y = self.u = self.pulled = None  # the last graph's memory is free before the next is made
        self.x = self.prepare(x)
        self.rest = (t,) if labels is None else (t, labels)


class Dual(Products):
    """torch.autograd.forward_ad: the mean is that of the first product."""
    any_format = False  # the forward rule of group norm (1.13) throws at channels-last tensors

    def first(self, v):
        with torch.no_grad(), fwAD.dual_level():
            y = self.call(fwAD.make_dual(self.x, self.prepare(v)))
            mean, product = fwAD.unpack_dual(y)
            if product is None:
                raise RuntimeError("the output has no tangent")
            return mean.clone(), product.clone()

    def next(self, v):
        return self.first(v)[1]


class DoubleBackward(Products):
    """J^T u for a dummy u, with its graph kept; its derivative along v is J v."""

    def first(self, v):
        self.x = self.x.detach().requires_grad_(True)
        y = self.call(self.x)
        self.u = torch.ones_like(y).requires_grad_(True)
        self.pulled, = torch.autograd.grad(y, self.x, self.u, create_graph=True)
        return y.detach(), self.next(v)

    def next(self, v):
        return torch.autograd.grad(self.pulled, self.u, self.prepare(v), retain_graph=True)[0]


class KeptGraph(Products):
    """J^T v, one backward pass each on the graph of the mean."""

    def first(self, v):
        self.x = self.x.detach().requires_grad_(True)
        self.y = self.call(self.x)
        return self.y.detach(), self.next(v)

    def next(self, v):
        return torch.autograd.grad(self.y, self.x, self.prepare(v), retain_graph=True)[0]


WAYS = {"forward_ad": Dual, "double_backward": DoubleBackward, "kept_graph": KeptGraph}


def orthogonalise(w, basis):
    """Modified Gram-Schmidt, sample by sample; what is left, its norm, and the coefficients."""
    coefficients = []
    for v in basis:
        c = (w * v).sum(1, keepdim=True)
        w = w - c * v
        coefficients.append(c)
    norm = w.norm(dim=1, keepdim=True)
    return w / norm, norm, coefficients


def lgs_step(products, x, t, labels, level, z):
    """x_s = ca x + cb x0 + (lambda^2 I + b^2 C)^(1/2) z, the root by a Krylov space of three products.

    level: a dict with alpha, sigma, ca, cb, b, lam and prediction (noise or v)."""
    a, s = level["alpha"], level["sigma"]
    n, shape = x.shape[0], x.shape
    products.start(x, t, labels)
    flat = z.reshape(n, -1)
    size = flat.norm(dim=1, keepdim=True)
    basis, rows = [flat / size], []
    for k in range(STEPS):
        v = basis[k].reshape(shape)
        if k == 0:
            f, jv = products.first(v)
        else:
            jv = products.next(v)
        jv = jv[:, :shape[1]]
        if level["prediction"] == "v":
            cv = s * s / a * (a * v - s * jv)
        else:
            cv = s * s / (a * a) * (v - s * jv)
        cv = cv.reshape(n, -1)
        rows.append([(cv * u).sum(1) for u in basis])
        if k + 1 < STEPS:
            basis.append(orthogonalise(cv, basis)[0])
    h = torch.zeros(n, STEPS, STEPS, dtype=x.dtype)
    for k, row in enumerate(rows):
        for i, c in enumerate(row):
            h[:, i, k] = h[:, k, i] = c
    values, vectors = torch.linalg.eigh(level["lam"]**2 * torch.eye(STEPS, dtype=x.dtype)
                                        + level["b"]**2 * h)
    root = vectors * values.clamp(min=0).sqrt().unsqueeze(1)
    weights = (root * vectors[:, :1]).sum(2) * size
    noise = sum(w.unsqueeze(1) * v for w, v in zip(weights.unbind(1), basis)).reshape(shape)
    f = f[:, :shape[1]]
    x0 = a * x - s * f if level["prediction"] == "v" else (x - s * f) / a
    return level["ca"] * x + level["cb"] * x0 + noise


def ddpm_level(level, below, prediction):
    """The transition of DDPM between two levels of the linear schedule of 1000."""
    keep = torch.cumprod(1 - torch.linspace(1e-4, 0.02, 1000, dtype=torch.float64), 0)
    at, to = float(keep[level - 1]), float(keep[below - 1])
    ratio = at / to
    cb = to**0.5 * (1 - ratio) / (1 - at)
    return {"alpha": at**0.5, "sigma": (1 - at)**0.5, "ca": ratio**0.5 * (1 - to) / (1 - at), "cb": cb,
            "b": cb, "lam": ((1 - to) / (1 - at) * (1 - ratio))**0.5, "prediction": prediction}
