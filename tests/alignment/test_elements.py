"""Elements of classes: the nearest ones beat all others, and couplings that are maps are told from orders and plans."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from planted import difference
from scipy.linalg import expm
from zoo import symmetric

from lmc_core.alignment.coupling import Coupling, of_elements
from lmc_core.alignment.learn import Learned
from lmc_core.alignment.solve import nearest, polar, total
from lmc_core.alignment.transport import transport
from lmc_core.errors import SettingError
from lmc_core.networks.outputs import relative_error, tensors
from lmc_core.symmetry.axis import Group
from lmc_core.symmetry.classes import as_numbers, draw, inverse_transpose, of_numbers
from lmc_core.symmetry.move import random_elements
from lmc_core.symmetry.symmetry import Symmetry

KINDS = ("permutation", "signed", "centred", "orthogonal")


@given(kind=st.sampled_from(KINDS), n=st.integers(1, 7), seed=st.integers(0, 999))
@settings(max_examples=60, deadline=None, derandomize=True)
def test_no_other_element_of_a_class_gains_more_than_the_nearest(kind, n, seed):
    rng = np.random.default_rng(seed)
    cost = rng.normal(size=(n, n))
    best = total(nearest(kind, cost), cost)
    for _ in range(40):
        assert total(draw(kind, n, rng), cost) <= best + 1e-9


@given(kind=st.sampled_from(KINDS), n=st.integers(1, 7), seed=st.integers(0, 999))
@settings(max_examples=60, deadline=None, derandomize=True)
def test_an_element_is_found_again_in_what_it_moved(kind, n, seed):
    rng = np.random.default_rng(seed)
    element, x = draw(kind, n, rng), rng.normal(size=(n, 3 * n + 2))
    coupling = Coupling.of_element("g", element)
    found = Coupling.of_element("g", nearest(kind, coupling.matrices[0] @ x @ x.T))
    np.testing.assert_allclose(found.matrices[0], coupling.matrices[0], atol=1e-8)


@given(kind=st.sampled_from(["phase", "interleaved-phase"]), pairs=st.integers(1, 4), seed=st.integers(0, 999))
@settings(max_examples=40, deadline=None, derandomize=True)
def test_the_nearest_turns_of_rotary_pairs_beat_all_others_and_are_found_again(kind, pairs, seed):
    rng, n = np.random.default_rng(seed), 2 * pairs
    cost = rng.normal(size=(n, n))
    best = nearest(kind, cost)
    assert total(best, cost) == pytest.approx(2 * np.abs(as_numbers(kind, cost)).sum())
    for _ in range(40):
        assert total(draw(kind, n, rng), cost) <= total(best, cost) + 1e-9
    element, x = draw(kind, n, rng), rng.normal(size=(n, 3 * n + 2))
    np.testing.assert_allclose(nearest(kind, element @ x @ x.T), element, atol=1e-8)


@pytest.mark.parametrize("kind", ["complex", "interleaved-complex", "phase", "interleaved-phase"])
def test_what_is_learned_of_rotary_pairs_stays_in_their_class(kind):
    """At any parameters, and a step of descent moves all of them."""
    symmetry = Symmetry({"g": Group("g", 6, None, kind)}, {"w": (Group("g", 6, None, kind),)}, {})
    start = draw("interleaved-phase" if kind.startswith("interleaved") else "phase", 6, np.random.default_rng(0))
    learned = Learned(symmetry, {"g": start}, torch.device("cpu"))
    assert learned.count == (6 if kind.endswith("complex") else 3)
    np.testing.assert_allclose(learned.elements()["g"], start, atol=1e-12)
    with torch.no_grad():
        learned.free["g"].copy_(torch.randn(learned.free["g"].shape, generator=torch.Generator().manual_seed(1)))
    element = learned.elements()["g"]
    np.testing.assert_allclose(of_numbers(kind, as_numbers(kind, element)), element, atol=1e-12)
    there, back = learned.movers()["g"]
    np.testing.assert_allclose(
        back.matrix.detach(), inverse_transpose(there.matrix.detach().double().numpy()), atol=1e-5
    )
    there(torch.randn(6), 0).sum().backward()
    assert bool((learned.free["g"].grad != 0).all())


@pytest.mark.parametrize("kind", ["centred", "orthogonal", "signed"])
def test_the_nearest_element_is_of_its_class(kind):
    element = nearest(kind, np.random.default_rng(0).normal(size=(6, 6)))
    np.testing.assert_allclose(element @ element.T, np.eye(6), atol=1e-12)
    if kind == "centred":
        np.testing.assert_allclose(element @ np.ones(6), np.ones(6), atol=1e-12)
    if kind == "signed":
        assert ((element != 0).sum(0) == 1).all()


def test_larger_classes_gain_at_least_as_much():
    cost = np.random.default_rng(3).normal(size=(9, 9))
    gains = {kind: total(nearest(kind, cost), cost) for kind in KINDS}
    assert gains["permutation"] < gains["signed"] < gains["orthogonal"]
    assert gains["permutation"] < gains["centred"] < gains["orthogonal"]
    assert gains["orthogonal"] == pytest.approx(np.linalg.svd(cost)[1].sum())


def test_the_nearest_rotation_is_the_orthogonal_factor_of_a_polar_decomposition():
    rng = np.random.default_rng(5)
    turn, stretch = draw("orthogonal", 5, rng), rng.normal(size=(5, 5))
    np.testing.assert_allclose(polar(turn @ (stretch @ stretch.T)), turn, atol=1e-10)


@pytest.mark.parametrize("kind", ["general", "scaled", "complex", "interleaved-complex"])
def test_classes_that_must_be_balanced_first_are_refused(kind):
    with pytest.raises(SettingError, match="balance"):
        nearest(kind, np.eye(3))


def test_a_map_keeps_the_function_and_is_no_order():
    order, turn = Coupling("g", perm=np.array([1, 0])), Coupling("g", map=np.array([[0.6, 0.8], [-0.8, 0.6]]))
    plan = Coupling("g", plan=np.full((2, 2), 0.25))
    assert [c.is_hard for c in (order, turn, plan)] == [True, False, False]
    assert [c.keeps_function for c in (order, turn, plan)] == [True, True, False]
    assert not turn.is_identity
    np.testing.assert_allclose(turn.matrix.sum(), 1)
    np.testing.assert_allclose(turn.matrices[0] @ turn.matrices[1].T, np.eye(2), atol=1e-12)


@given(degrees=st.floats(0.5, 179.5), seed=st.integers(0, 99))
@settings(max_examples=25, deadline=None, derandomize=True)
def test_angles_are_those_that_planes_are_turned_by(degrees, seed):
    basis, turn = draw("orthogonal", 6, np.random.default_rng(seed)), np.zeros((6, 6))
    turn[0, 1] = np.radians(degrees)
    rotation = basis @ expm(turn - turn.T) @ basis.T
    angles = Coupling("g", map=rotation).angles
    np.testing.assert_allclose(angles, [0, 0, 0, 0, degrees, degrees], atol=1e-4)
    assert Coupling("g", perm=np.arange(3)).angles is None


@pytest.mark.parametrize("name", ["mlp", "vit_nn_encoder", "llama_gqa_rope", "lstm2", "tied_autoencoder"])
def test_transport_by_random_elements_keeps_the_function(name):
    net, found = symmetric(name)
    elements = random_elements(found, np.random.default_rng(7))
    moved = transport(net, found, of_elements(elements))
    assert difference(net.state, moved.state) > 1e-3
    before = tensors(net(*net.example_inputs))
    assert relative_error(before, moved(*net.example_inputs)) < 1e-10
