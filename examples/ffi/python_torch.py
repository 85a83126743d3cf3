#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""The Lanczos Gaussian sampler for a plain PyTorch module: no TorchScript, no shim.

python_torch.py NETWORK.pt LABEL OUT.npy: eight images of Fashion-MNIST from the weights of the example network.
"""
import sys

import numpy as np
import torch
import torch.autograd.forward_ad as fwad

import covsamp


def mean_and_product(f, x, v):
    """f(x) and J v by forward-mode differentiation."""
    if hasattr(torch, "func"):
        return torch.func.jvp(f, (x,), (v,), strict=True)  # else a lost tangent would be zeros
    with fwad.dual_level():
        mean, product = fwad.unpack_dual(f(fwad.make_dual(x, v)))
        if product is None:
            raise RuntimeError("the network lost its tangent: detach(), .data or inference mode?")
        return mean.clone(), product.clone()  # they do not outlive the level


class TorchModel:
    """net(x[n, *shape], t[n]) as a model: what a request wants is filled."""
    def __init__(self, net, shape):
        self.net, self.shape = net.eval(), shape

    @torch.no_grad()  # of reverse mode; forward mode is not stopped by it
    def answer(self, request):
        def tensor(array):
            return torch.from_numpy(array.copy()).reshape(-1, *self.shape)
        x = tensor(request.x)
        t = torch.full((len(x),), request.time, dtype=x.dtype)
        mean = None
        for v, out in request.tangents_and_products():
            mean, product = mean_and_product(lambda x: self.net(x, t), x, tensor(v))
            out[:] = product.reshape(out.shape).numpy()
        if request.mean is not None:
            mean = self.net(x, t) if mean is None else mean
            request.mean[:] = mean.reshape(request.mean.shape).numpy()


def sample(net, shape, schedule, levels, batch, **options):
    """Samples [batch, *shape] of covariance krylov unless the options say otherwise."""
    settings = {"covariance": "krylov", "dim": int(np.prod(shape)), **options}
    model = TorchModel(net, shape)
    with covsamp.Config(schedule, levels, batch=batch, **settings) as config, covsamp.Sampler(config) as sampler:
        for request in sampler:
            model.answer(request)
        return sampler.state.reshape(batch, *shape).copy()


class Labelled(torch.nn.Module):
    """The example UNet, a plain module of examples/train, asked for one label."""
    def __init__(self, path, label):
        super().__init__()
        sys.path.insert(0, __file__.rsplit("/", 2)[0] + "/train")
        from unet import UNet
        self.net, self.label = UNet(), label
        self.net.load_state_dict(torch.jit.load(path).state_dict())

    def forward(self, x, t):
        return self.net(x, t, torch.full((len(x),), self.label))


if __name__ == "__main__":
    linear = covsamp.Schedule.linear(1000, 1e-4, 0.02)
    images = sample(Labelled(sys.argv[1], int(sys.argv[2])), (1, 28, 28), linear, linear.spaced(25), 8, prediction="v",
                    krylov_steps=3, clip_x0=1, window_high=701)
    np.save(sys.argv[3], images)
