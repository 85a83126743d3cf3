# SPDX-License-Identifier: BSD-3-Clause
"""The loop of the small trainings: Adam, an average of the weights, a checkpoint that is resumed."""
import copy
import json
import os
import time

from train_unet import learning_rate, update_average  # first: it sets the number of threads

import torch


class Loop:
    """args: work, minutes, images, batch, rate, seed.  name: of the checkpoint in args.work."""

    def __init__(self, args, name, net, decay=0.0):
        os.makedirs(args.work, exist_ok=True)
        self.args, self.path = args, os.path.join(args.work, name + ".ckpt")
        self.net = net.to(memory_format=torch.channels_last)
        self.average = copy.deepcopy(self.net)
        self.opt = torch.optim.AdamW(net.parameters(), lr=args.rate, betas=(0.9, 0.99), weight_decay=decay)
        self.state = {"images": 0, "seconds": 0.0, "loss": 0.0}
        if os.path.exists(self.path):
            saved = torch.load(self.path)
            for key, part in self.parts().items():
                part.load_state_dict(saved[key])
            self.state.update(saved["state"])
        torch.manual_seed(args.seed + self.state["images"])
        print(json.dumps({"start": self.state}), flush=True)

    def parts(self):
        return {"net": self.net, "ema": self.average, "opt": self.opt}

    def save(self):
        saved = {key: part.state_dict() for key, part in self.parts().items()}
        torch.save({**saved, "state": self.state}, self.path + ".new")
        os.replace(self.path + ".new", self.path)

    def step(self, loss_of):
        """loss_of(net): the loss of a fresh batch."""
        args, state, start = self.args, self.state, time.time()
        for group in self.opt.param_groups:
            group["lr"] = learning_rate(args, state, state["images"])
        loss = loss_of(self.net)
        self.opt.zero_grad(set_to_none=True)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(self.net.parameters(), 1.0)
        self.opt.step()
        share = max(0.005, args.batch / (state["images"] + args.batch))  # a plain mean at first
        state["images"] += args.batch
        state["loss"] += share * (float(loss) - state["loss"])
        update_average(self.average, self.net, state["images"], args.batch)
        state["seconds"] += time.time() - start

    def run(self, loss_of):
        """Returns the averaged network when the budget is spent."""
        args, state = self.args, self.state
        saved, shown = time.time(), state["images"]
        while state["seconds"] < 60 * args.minutes and state["images"] < args.images:
            self.step(loss_of)
            if state["images"] - shown >= 12800:
                shown = state["images"]
                print(json.dumps({**state, "lr": self.opt.param_groups[0]["lr"]}), flush=True)
            if time.time() - saved > 120:
                saved = time.time()
                self.save()
        self.save()
        print(json.dumps({"end": state}), flush=True)
        return self.average


def write(path, net, pairs):
    """net as TorchScript, pairs as its extra entry covsamp.txt."""
    text = "".join("%s=%s\n" % pair for pair in pairs.items())
    torch.jit.script(net.eval()).save(path + ".new", _extra_files={"covsamp.txt": text})
    os.replace(path + ".new", path)
