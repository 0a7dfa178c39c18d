"""The objective over plans and Frank–Wolfe on it: gradients, exact steps, and answers that coordinate ascent misses."""

import numpy as np
import pytest
import torch
from planted import SHAPES, holder, planted
from zoo import symmetric

from lmc_core.alignment.objective import Objective, Position, weight_objective
from lmc_core.alignment.relaxed import Relaxed, frank_wolfe, line_search
from lmc_core.alignment.terms import weight_terms
from lmc_core.errors import Cancelled
from lmc_core.methods.align import align
from lmc_core.symmetry.permute import identity, random_permutations

MEMBERS = ["mlp", "resnet_bn", "resnet_groupnorm", "lstm2", "gpt_tied_sdpa", "llama_gqa_rope"]


def objective(net, found, seed=0, noise=1.0):
    problem = planted(net, found, seed=seed, noise=noise)
    return weight_objective(net, problem.moved, found)


def silent(step):
    return None


def between(relaxed, found, seed=0):
    """A point inside: the mean of the centre and two corners."""
    rng = np.random.default_rng(seed)
    corners = [relaxed.vertex({**identity(found), **random_permutations(found, rng)}) for _ in range(2)]
    centre = relaxed.centre()
    return {name: (plan + corners[0][name] + corners[1][name]) / 3 for name, plan in centre.items()}


@pytest.mark.parametrize("name", MEMBERS)
def test_on_permutations_the_objective_over_plans_is_the_objective(name):
    net, found = symmetric(name)
    whole = objective(net, found)
    perms = {**identity(found), **random_permutations(found, np.random.default_rng(3))}
    relaxed = Relaxed(whole)
    assert float(relaxed.value(relaxed.vertex(perms))) == pytest.approx(Position(whole, perms).total, rel=1e-12)


@pytest.mark.parametrize("name", ["mlp", "resnet_bn", "lstm2", "gpt_tied_sdpa", "llama_gqa_rope"])
def test_at_a_corner_the_gradient_is_the_cost_that_coordinate_ascent_solves(name):
    """Where a group meets itself both sides count; elsewhere the gradients are the very matrices of the sweep."""
    net, found = symmetric(name)
    whole = objective(net, found)
    perms = {**identity(found), **random_permutations(found, np.random.default_rng(3))}
    relaxed = Relaxed(whole)
    _, gradient = relaxed.gradient(relaxed.vertex(perms))
    position = Position(whole, perms)
    for block in whole.blocks:
        cost = position.cost(block)
        if not block.inner:
            assert np.allclose(gradient[block.name].numpy(), cost.outer, atol=1e-9), block.name


@pytest.mark.parametrize("name", list(SHAPES))
def test_the_gradient_is_that_of_finite_differences(name):
    found = SHAPES[name]()
    relaxed = Relaxed(objective(holder(found), found))
    plans = between(relaxed, found)
    _, gradient = relaxed.gradient(plans)
    generator = torch.Generator().manual_seed(0)
    step = {n: torch.randn(p.shape, generator=generator, dtype=p.dtype) for n, p in plans.items()}
    h = 1e-5
    up, down = (float(relaxed.value({n: p + s * h * step[n] for n, p in plans.items()})) for s in (1, -1))
    slope = sum(float((gradient[n] * step[n]).sum()) for n in plans)
    assert slope == pytest.approx((up - down) / (2 * h), rel=1e-6)


@pytest.mark.parametrize("name", list(SHAPES))
def test_no_other_point_of_the_segment_is_better_than_the_one_the_line_search_finds(name):
    found = SHAPES[name]()
    relaxed = Relaxed(objective(holder(found), found))
    plans = between(relaxed, found, seed=1)
    for seed in range(4):
        perms = {**identity(found), **random_permutations(found, np.random.default_rng(seed))}
        corner = relaxed.vertex(perms)
        direction = {n: corner[n] - p for n, p in plans.items()}
        value, gradient = relaxed.gradient(plans)
        slope = sum(float((gradient[n] * d).sum()) for n, d in direction.items())
        gamma, gain = line_search(relaxed, plans, perms, value, slope, relaxed.value_at(perms))
        along = [
            float(relaxed.value({n: p + g * direction[n] for n, p in plans.items()})) for g in np.linspace(0, 1, 51)
        ]
        assert 0 <= gamma <= 1
        assert float(relaxed.value(plans)) + gain >= max(along) - 1e-9 * max(map(abs, along))


@pytest.mark.parametrize("name", list(SHAPES))
def test_what_a_cost_is_at_permutations_and_the_way_to_them_are_those_of_plans(name):
    found = SHAPES[name]()
    relaxed = Relaxed(objective(holder(found), found))
    perms = {**identity(found), **random_permutations(found, np.random.default_rng(3))}
    plans, corner = between(relaxed, found, seed=1), relaxed.vertex(perms)
    _, gradient = relaxed.gradient(plans)
    assert relaxed.at(gradient, perms) == pytest.approx(sum(float((gradient[n] * p).sum()) for n, p in corner.items()))
    for name, plan in relaxed.toward(plans, perms, 0.3).items():
        assert torch.allclose(plan, torch.lerp(plans[name], corner[name], 0.3), atol=1e-14)


@pytest.mark.parametrize("name", ["mlp", "resnet_bn", "resnet_groupnorm", "lstm2"])
def test_gathered_at_a_corner_value_and_gradient_are_those_of_products_of_plans(name):
    net, found = symmetric(name)
    relaxed = Relaxed(objective(net, found))
    assert relaxed.quadratic
    perms = {**identity(found), **random_permutations(found, np.random.default_rng(3))}
    corner = relaxed.vertex(perms)
    value, gradient = relaxed.gradient(corner)
    gathered, other = relaxed.corner(perms)
    assert gathered == pytest.approx(value, rel=1e-6)
    for group, slope in gradient.items():
        assert torch.allclose(other[group], slope, rtol=1e-5, atol=1e-5 * float(slope.abs().max())), group


@pytest.mark.parametrize("name", MEMBERS)
def test_every_step_is_an_improvement_and_plans_stay_doubly_stochastic(name):
    net, found = symmetric(name)
    torch.manual_seed(5)
    other = net.with_state({k: torch.rand_like(x) if x.is_floating_point() else x for k, x in net.state.items()})
    relaxed = Relaxed(Objective(other, found, weight_terms(net, found)))
    walk = frank_wolfe(relaxed, relaxed.centre(), limit=20, tick=silent)
    assert all(after >= before for before, after in zip(walk.history, walk.history[1:], strict=False))
    for block in relaxed.blocks:
        plan = walk.plans[block.name]
        assert float(plan.min()) > -1e-12
        for axis in (0, 1):
            assert torch.allclose(plan.sum(axis), torch.ones(block.outer.size, dtype=plan.dtype))
        for group in block.inner:
            nested = walk.plans[group.name]
            for axis in (2, 3):
                assert torch.allclose(nested.sum(axis), plan[..., None].expand(*plan.shape, group.size), atol=1e-12)


def test_frank_wolfe_finds_planted_orders_that_a_coordinate_sweep_misses():
    """One residual block of width 30 on a stream of 50, nothing fixed at either end (samuela/git-re-basin, issue 8)."""
    from lmc_core.training.reproduce.residual_toy import recovered

    counts = recovered(draws=12)
    assert counts["one coordinate sweep"] <= 5
    assert counts["Frank–Wolfe"] == counts["weight matching, 30 starts"] == 12


def test_a_walk_that_is_cut_short_says_so():
    net, found = symmetric("resnet_bn")
    torch.manual_seed(5)
    other = net.with_state({k: torch.rand_like(x) if x.is_floating_point() else x for k, x in net.state.items()})
    cut = align(net, other, "frank-wolfe", symmetry=found, iterations=1, restarts=1)
    assert not cut.converged
    assert any("after 1 step" in note for note in cut.notes)


def test_frank_wolfe_is_cancelled_between_two_steps():
    net, found = symmetric("mlp")
    seen = []

    def report(stage, done, total):
        seen.append(stage)
        if stage.startswith("Frank–Wolfe, start 2"):
            raise Cancelled

    with pytest.raises(Cancelled):
        align(net, net, "frank-wolfe", symmetry=found, report=report)
    assert seen[-1] == "Frank–Wolfe, start 2"
