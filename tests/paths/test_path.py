"""Straight lines between networks, and what a profile says of them."""

import numpy as np
import pytest
import torch
from torch import nn

from lmc_core.errors import MismatchError, SettingError
from lmc_core.networks.network import network
from lmc_core.networks.values import Normalize
from lmc_core.paths.path import LinearPath
from lmc_core.paths.profile import Profile


def pair(**details):
    """Two MLPs with BatchNorm, 6-5-3."""

    def make(seed):
        torch.manual_seed(seed)
        module = nn.Sequential(nn.Linear(6, 5), nn.BatchNorm1d(5), nn.ReLU(), nn.Linear(5, 3))
        return network(module, torch.zeros(2, 6), **details)

    return make(0), make(1)


def profile(loss, accuracy=None):
    y = np.asarray(loss, float)
    values = {"loss": y, "accuracy": np.ones_like(y) if accuracy is None else np.asarray(accuracy, float)}
    return Profile(np.linspace(0, 1, len(y)), {"test": values, "train": values}, {"test": 1, "train": 1})


def test_the_ends_of_a_line_are_the_very_states_given():
    a, b = pair()
    path = LinearPath(a, b)
    assert path(0) is a.state
    assert path(1.0) is b.state


def test_a_point_of_a_line_is_the_weighted_mean_of_its_ends():
    a, b = pair()
    state = dict(LinearPath(a, b)(0.25))
    assert list(state) == list(a.state)
    for name, x in a.state.items():
        if x.is_floating_point():
            torch.testing.assert_close(state[name], 0.75 * x + 0.25 * b.state[name])


def test_where_both_ends_agree_the_line_does_not_move_at_all():
    a, _ = pair()
    state = LinearPath(a, a)(0.3)
    assert all(torch.equal(state[name], a.state[name]) for name in state)


def test_whole_numbers_jump_from_one_end_to_the_other_in_the_middle():
    a, b = pair()
    b = b.with_state({**b.state, "1.num_batches_tracked": torch.tensor(7)})
    path = LinearPath(a, b)
    assert [int(path(t)["1.num_batches_tracked"]) for t in (0, 0.49, 0.5, 1)] == [0, 0, 7, 7]


def test_a_point_outside_the_line_is_refused():
    with pytest.raises(SettingError, match=r"t=1.5 is outside"):
        LinearPath(*pair())(1.5)


def test_networks_of_other_shapes_are_refused_by_the_first_tensor_that_differs():
    a, _ = pair()
    wider = network(nn.Sequential(nn.Linear(6, 7), nn.BatchNorm1d(7), nn.ReLU(), nn.Linear(7, 3)), torch.zeros(2, 6))
    with pytest.raises(MismatchError, match=r"0\.weight"):
        LinearPath(a, wider)


def test_networks_with_other_tensors_are_refused():
    a, _ = pair()
    plain = network(nn.Sequential(nn.Linear(6, 5), nn.ReLU(), nn.Linear(5, 3)), torch.zeros(2, 6))
    with pytest.raises(MismatchError, match=r"1\.weight"):
        LinearPath(a, plain)


def test_networks_that_read_other_inputs_are_refused():
    a, _ = pair()
    _, b = pair(normalize=Normalize((0.5,), (0.5,)))
    with pytest.raises(MismatchError, match="normalise"):
        LinearPath(a, b)


def test_networks_of_other_number_types_are_refused():
    a, b = pair()
    with pytest.raises(MismatchError, match=r"float32.*float64"):
        LinearPath(a, b.to(dtype=torch.float64))


def test_the_barrier_of_a_known_quadratic_is_its_height_above_the_chord():
    t = np.linspace(0, 1, 41)
    found = profile(2 + 3 * t + 4 * t * (1 - t))
    assert found.barrier() == pytest.approx(1.0)
    assert found.peak() == 0.5
    assert found.midpoint() == pytest.approx(2 + 1.5 + 1)


def test_the_barrier_of_a_dip_is_zero_and_the_midpoint_shows_it():
    found = profile([1.0, 0.2, 1.0])
    assert found.barrier() == 0.0
    assert found.excess().tolist() == [0.0, -0.8, 0.0]


def test_a_loss_of_accuracy_is_a_positive_barrier():
    found = profile([0, 0, 0], accuracy=[0.9, 0.5, 0.7])
    assert found.barrier("test", "accuracy") == pytest.approx(0.3)
