"""OT alignment: soft plans say what they change, and are rounded when asked."""

import numpy as np
import pytest
import torch
from planted import difference, planted
from zoo import symmetric

from lmc_core.alignment.transport import transport
from lmc_core.methods.align import align


def test_soft_plans_are_doubly_stochastic_and_say_how_much_they_change_the_function(trained):
    a, b, found, data = trained
    alignment = align(a, b, "ot-alignment", data, symmetry=found, solver="sinkhorn", epsilon=0.05)
    for coupling in alignment.couplings.values():
        assert not coupling.is_hard
        assert np.allclose(coupling.plan.sum(0), 1 / 32)
        assert np.allclose(coupling.plan.sum(1), 1 / 32)
    assert alignment.function_error > 0.01
    (note,) = alignment.notes
    assert "3 of 3 groups are soft" in note
    assert f"{alignment.function_error:.1%}" in note


def test_the_softer_the_plans_the_more_they_change_the_function(trained):
    a, _, found, _ = trained
    errors = [
        align(a, a, "ot-alignment", symmetry=found, solver="sinkhorn", epsilon=e).function_error
        for e in (0.001, 0.02, 0.5)
    ]
    assert errors == sorted(errors)
    assert errors[0] < 0.01 < errors[-1]


@pytest.mark.parametrize("name", ["mlp", "resnet_groupnorm", "gpt_tied_sdpa"])
def test_soft_plans_are_rounded_to_permutations_when_asked(name):
    net, found = symmetric(name)
    problem = planted(net, found, seed=1)
    alignment = align(net, problem.moved, "ot-alignment", symmetry=found, solver="sinkhorn", epsilon=0.05, round=True)
    assert all(coupling.is_hard for coupling in alignment.couplings.values())
    assert alignment.notes == ()
    assert difference(alignment.transport(problem.moved).state, net.state) == 0


def test_a_soft_state_keeps_the_mean_of_what_it_mixes(trained):
    a, b, found, _ = trained
    alignment = align(a, b, "ot-alignment", symmetry=found, solver="sinkhorn", epsilon=10.0)
    mixed = transport(b, found, alignment.couplings).state
    group = next(iter(found.groups))
    name = next(n for n, axes in found.axes.items() if str(axes[0]) == group and len(axes) == 1)
    assert torch.allclose(mixed[name], b.state[name].mean().expand_as(mixed[name]), atol=0.05)
