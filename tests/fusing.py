"""Networks to fuse, of any widths, and what a fusion method is given for them."""

from functools import cache
from itertools import pairwise

import numpy as np
import torch
from hypothesis import settings
from planted import planted
from torch import nn
from zoo import symmetric

from lmc_core.alignment.problem import Model, Problem
from lmc_core.alignment.solve import Solver
from lmc_core.fusion.template import template
from lmc_core.networks.checkpoint import load
from lmc_core.networks.network import network
from lmc_core.symmetry.infer import symmetry

few = settings(max_examples=5, derandomize=True, deadline=None, database=None)


@cache
def copies(name):
    """A zoo network in float64, its symmetry and two planted orders of it."""
    net, found = symmetric(name)
    return net, found, tuple(planted(net, found, seed=seed).moved for seed in (1, 2))


def mlp(*widths, seed=0):
    torch.manual_seed(seed)
    layers = []
    for n, m in pairwise(widths):
        layers += [nn.Linear(n, m), nn.ReLU()]
    return network(nn.Sequential(*layers[:-1]).double(), torch.randn(16, widths[0], dtype=torch.float64))


def rnn(hidden, seed=0, features=3):
    torch.manual_seed(seed)

    class Classifier(nn.Module):
        def __init__(self):
            super().__init__()
            self.rnn = nn.RNN(features, hidden, batch_first=True, bias=False)
            self.fc = nn.Linear(hidden, 2, bias=False)

        def forward(self, x):
            return self.fc(self.rnn(x)[0][:, -1])

    return network(Classifier().double(), torch.randn(4, 5, features, dtype=torch.float64))


def named(family, seed=0, **options):
    from lmc_core.networks.families import architecture, build, example_inputs

    torch.manual_seed(seed)
    found = architecture(family, **options)
    return network(build(found), example_inputs(found), architecture=found)


def doubled(net):
    """The same function with every hidden unit twice, what they hand on halved."""
    found = symmetry(net, verify=False)
    state = dict(net.state)
    for name, axes in found.axes.items():
        for number, axis in enumerate(axes):
            if str(axis) in found.groups:
                half = 0.5 if found.roles[name, number] == "read" else 1.0
                state[name] = half * state[name].repeat_interleave(2, number)
    sizes = [net.state["0.weight"].shape[1], *(2 * g.size for g in found.groups.values()), 3]
    wide = mlp(*sizes)
    return wide.with_state(state)


def problem(*nets, widths=None, weights=None):
    """What a method is given for these networks."""
    symmetries = [symmetry(net, verify=False) for net in nets]
    frame = template(nets, symmetries, widths)
    models = tuple(Model.of(net, s, frame) for net, s in zip(nets, symmetries, strict=True))
    return Problem(models, weights or (1 / len(nets),) * len(nets), frame)


def plan(m, n, seed=0):
    """A random plan with uniform marginals."""
    return Solver("sinkhorn", 0.3, 500)(np.random.default_rng(seed).uniform(size=(m, n)))


def trained(name="digits-mlp-32"):
    return [load(f"checkpoints/{name}/seed{seed}.safetensors") for seed in (0, 1)]
