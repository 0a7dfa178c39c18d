"""The cost of a group is the gradient of the objective, steps never make it worse, and skipping changes nothing."""

import numpy as np
import pytest
import torch
from planted import SHAPES, chain, difference, grouped, heads, holder, parameters, planted, recurrent

from lmc_core.alignment.blocks import blocks
from lmc_core.alignment.coupling import Coupling
from lmc_core.alignment.objective import Objective, Position
from lmc_core.alignment.sweeps import forward, sweep
from lmc_core.alignment.terms import weight_terms
from lmc_core.alignment.transport import carry, roles, transport
from lmc_core.symmetry.axis import Fixed, Group
from lmc_core.symmetry.permute import identity, random_permutations


def random_problem(shape, seed=0):
    """Unrelated networks A and B."""
    symmetry = SHAPES[shape]()
    a, b = holder(symmetry, seed), holder(symmetry, seed + 100)
    return symmetry, Objective(b, symmetry, weight_terms(a, symmetry)), a, b


def block_named(objective, name):
    return next(block for block in objective.blocks if block.name == name)


@pytest.mark.parametrize("shape", SHAPES)
def test_the_objective_is_the_inner_product_of_all_tensors_after_transport(shape):
    symmetry, objective, a, b = random_problem(shape)
    perms = random_permutations(symmetry, np.random.default_rng(3))
    moved = transport(b, symmetry, {name: Coupling(name, perm) for name, perm in perms.items()})
    expected = sum(float((a.state[name] * moved.state[name]).sum()) for name in a.state)
    assert Position(objective, perms).total == pytest.approx(expected, rel=1e-12)


@pytest.mark.parametrize(("shape", "name"), [("chain", "a"), ("chain", "b"), ("recurrent", "g"), ("heads", "head")])
def test_the_cost_of_a_group_tells_the_change_of_the_objective_for_every_permutation(shape, name):
    symmetry, objective, *_ = random_problem(shape)
    rng = np.random.default_rng(0)
    start = random_permutations(symmetry, rng)
    position, block = Position(objective, start), block_named(objective, name)
    cost = position.cost(block)
    for _ in range(5):
        other = {**start, **{n: random_permutations(symmetry, rng)[n] for n in block.names}}
        change = Position(objective, other).total - position.total
        assert cost.total(block, other) - cost.total(block, start) == pytest.approx(change, abs=1e-10)


@pytest.mark.parametrize(("shape", "name"), [("chain", "a"), ("recurrent", "h"), ("heads", "stream")])
def test_the_cost_of_a_group_is_the_derivative_of_the_objective_over_soft_couplings(shape, name):
    """Central differences of Σ <A, T(B, P)> in every entry of one plan, also where it enters quadratically."""
    symmetry, objective, a, b = random_problem(shape)
    start = random_permutations(symmetry, np.random.default_rng(1))
    cost = Position(objective, start).cost(block_named(objective, name)).outer
    maps = {}
    for group, perm in start.items():
        write, read = (torch.as_tensor(matrix) for matrix in Coupling(group, perm).matrices)
        maps[group, "write"], maps[group, "read"] = write, read

    def value(matrix):
        soft = {**maps, (name, "write"): matrix, (name, "read"): matrix}
        return sum(
            float((a.state[t] * carry(b.state[t], symmetry.axes[t], roles(symmetry, t), soft)).sum()) for t in a.state
        )

    n, step = symmetry.groups[name].size, 1e-3
    for i, j in np.ndindex(n, n):
        nudge = torch.zeros(n, n, dtype=torch.float64)
        nudge[i, j] = step
        matrix = maps[name, "write"]
        slope = (value(matrix + nudge) - value(matrix - nudge)) / (2 * step)
        assert cost[i, j] == pytest.approx(slope, abs=1e-8)


def test_a_quadratic_group_is_one_that_meets_itself_in_a_tensor():
    assert random_problem("recurrent")[1].wiring.quadratic == {"h"}
    assert random_problem("grouped")[1].wiring.quadratic == {"g"}
    assert random_problem("heads")[1].wiring.quadratic == frozenset()


def test_the_cost_of_nested_groups_on_two_axes_is_the_gradient_at_the_current_order():
    """For a small change of a plan P + ε (Q − P), along pairs of permutations inside every outer unit."""
    symmetry, objective, a, b = random_problem("grouped")
    rng = np.random.default_rng(2)
    start = random_permutations(symmetry, rng)
    other = {**start, "c": random_permutations(symmetry, rng)["c"]}
    block = block_named(objective, "g")
    cost = Position(objective, start).cost(block)
    here, there = (
        {role: torch.as_tensor(m) for role, m in zip(("write", "read"), Coupling("c", p["c"]).matrices, strict=True)}
        for p in (start, other)
    )
    outer = torch.as_tensor(Coupling("g", start["g"]).matrices[0])

    def value(step):
        soft = {("g", "write"): outer, ("g", "read"): outer}
        soft |= {("c", role): here[role] + step * (there[role] - here[role]) for role in here}
        return sum(
            float((a.state[t] * carry(b.state[t], symmetry.axes[t], roles(symmetry, t), soft)).sum()) for t in a.state
        )

    slope = (value(1e-4) - value(-1e-4)) / 2e-4
    assert cost.total(block, other) - cost.total(block, start) == pytest.approx(slope, abs=1e-7)


@pytest.mark.parametrize("shape", SHAPES)
def test_the_objective_never_decreases(shape):
    for seed in range(5):
        _, objective, *_ = random_problem(shape, seed)
        found = sweep(objective, np.random.default_rng(seed))
        assert found.converged
        assert (np.diff(found.history) > 0).all()
        assert len(found.history) > 1


@pytest.mark.parametrize("shape", SHAPES)
def test_the_history_ends_at_the_objective_of_the_couplings(shape):
    _, objective, *_ = random_problem(shape)
    found = sweep(objective, np.random.default_rng(0))
    perms = found.perms
    assert Position(objective, perms).total == pytest.approx(found.history[-1], rel=1e-12)


@pytest.mark.parametrize("shape", SHAPES)
def test_skipping_groups_whose_neighbours_did_not_move_changes_nothing(shape):
    for seed in range(5):
        symmetry, objective, *_ = random_problem(shape, seed)
        start = random_permutations(symmetry, np.random.default_rng(seed))
        with_skipping, without = (
            sweep(objective, np.random.default_rng(seed), start=start, skip=skip) for skip in (True, False)
        )
        assert with_skipping.history == without.history
        for name in symmetry.groups:
            assert (with_skipping.perms[name] == without.perms[name]).all()


def test_skipping_saves_visits():
    _, objective, *_ = random_problem("chain")
    visits = {True: 0, False: 0}
    for skip in visits:

        def count(stage, done, total, skip=skip):
            visits[skip] += 1

        sweep(objective, np.random.default_rng(0), report=count, skip=skip)
    assert 0 < visits[True] < visits[False]


@pytest.mark.parametrize("shape", SHAPES)
def test_permuted_parameters_are_put_back_exactly(shape):
    symmetry = SHAPES[shape]()
    problem = planted(holder(symmetry), symmetry, seed=4)
    objective = Objective(problem.moved, symmetry, weight_terms(problem.reference, symmetry))
    found = max(
        (sweep(objective, np.random.default_rng(r), start=_start(symmetry, r)) for r in range(6)),
        key=lambda f: f.history[-1],
    )
    back = transport(problem.moved, symmetry, found.couplings[0])
    assert difference(problem.moved.state, problem.reference.state) > 0.1
    assert difference(back.state, problem.reference.state) == 0
    for name, perm in problem.perms.items():
        assert (found.perms[name] == perm).all()


def _start(symmetry, restart):
    return random_permutations(symmetry, np.random.default_rng(restart)) if restart else None


def test_units_that_are_equal_do_not_move():
    """Two units with the same weights can be exchanged at no gain: the identity is kept."""
    symmetry = chain()
    a = holder(symmetry)
    state = {name: tensor.clone() for name, tensor in a.state.items()}
    state["w1"][1], state["b1"][1], state["w2"][:, 1] = state["w1"][0], state["b1"][0], state["w2"][:, 0]
    same = a.with_state(state)
    found = sweep(Objective(same, symmetry, weight_terms(same, symmetry)), np.random.default_rng(0))
    assert all(coupling.is_identity for coupling in found.couplings[0].values())
    assert len(found.history) == 1


def test_one_hidden_layer_is_solved_by_one_assignment():
    a = Group("a", 8)
    symmetry = parameters({"w1": (a, Fixed(4)), "b1": (a,), "w2": (Fixed(3), a)}, {"w2": (1,)})
    problem = planted(holder(symmetry), symmetry, seed=1)
    objective = Objective(problem.moved, symmetry, weight_terms(problem.reference, symmetry))
    assert len(sweep(objective, np.random.default_rng(0)).history) == 2


def test_groups_nested_more_than_once_stay_where_their_outer_units_go():
    from lmc_core.symmetry.axis import Product

    outer, middle = Group("outer", 3), Group("middle", 2, within="outer")
    deep = Product((outer, middle, Group("deep", 2, within="middle")))
    symmetry = parameters({"w": (deep, Fixed(3))})
    assert [block.names for block in blocks(symmetry)] == [("outer", "middle")]
    assert identity(symmetry)["deep"].shape == (6, 2)


def test_a_sweep_that_is_cut_short_says_so():
    _, objective, *_ = random_problem("recurrent")
    found = sweep(objective, np.random.default_rng(0), limit=1)
    assert not found.converged
    assert "did not converge in 1 sweeps" in found.notes[0]


def test_a_forward_pass_of_a_chain_settles_after_one_pass():
    _, objective, *_ = random_problem("chain")
    assert forward(objective, limit=20).converged


def test_named_shapes_have_the_groups_they_promise():
    assert list(chain().groups) == ["a", "b"]
    assert list(recurrent().groups) == ["h", "g"]
    assert list(heads().groups) == ["stream", "head", "qk", "vo"]
    assert list(grouped().groups) == ["g", "c"]


def test_a_recurrence_is_found_even_where_the_inputs_say_little_about_the_units():
    """40 hidden units, 3 inputs: the best linear step alone is rejected at once, held steps climb to the answer."""
    h = Group("h", 40)
    symmetry = parameters({"ih": (h, Fixed(3)), "hh": (h, h)}, {"hh": (1,)})
    problem = planted(holder(symmetry), symmetry, seed=2, noise=1.0)
    objective = Objective(problem.moved, symmetry, weight_terms(problem.reference, symmetry))
    found = sweep(objective, np.random.default_rng(0))
    assert (found.perms["h"] == problem.perms["h"]).all()
