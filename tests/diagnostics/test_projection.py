"""The cloud: laws of the spread, of the plane and of what is drawn."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from planted import planted
from torch import nn

from lmc_core.diagnostics.projection import Cloud, cloud, frame_times, project, spread_kept
from lmc_core.diagnostics.shape import density, ellipse, farthest, plane
from lmc_core.errors import InputError, SettingError
from lmc_core.networks.network import network
from lmc_core.symmetry.infer import symmetry

T = np.linspace(0, 1, 9)


def made(a, before, after, **changes):
    return project(a, before, after, **({"t": T, "group": "g", "label": "layer 1"} | changes))


def gauss(n=300, d=6, seed=0):
    return np.random.default_rng(seed).normal(size=(n, d)) * np.linspace(3, 1, d)


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 10_000))
def test_strangers_keep_half_of_the_spread_half_way(seed):
    rng = np.random.default_rng(seed)
    kept = spread_kept(rng.normal(size=(4000, 12)), rng.normal(size=(4000, 12)), np.array([0.5]))
    assert kept[0] == pytest.approx(0.5, abs=0.02)


def test_identical_units_keep_all_of_it_everywhere():
    np.testing.assert_allclose(spread_kept(gauss(), gauss(), T), 1.0, rtol=1e-12)


def test_both_ends_keep_everything_whatever_the_partners():
    kept = spread_kept(gauss(seed=1), 2 * gauss(seed=2), T)
    assert kept[0] == pytest.approx(1) == kept[-1]
    assert (kept <= 1 + 1e-12).all()


@settings(max_examples=10, deadline=None)
@given(st.integers(0, 10_000))
def test_the_spread_does_not_see_a_rotation_or_a_shift(seed):
    rng = np.random.default_rng(seed)
    a, b = gauss(seed=seed), gauss(seed=seed + 1)
    turn = np.linalg.qr(rng.normal(size=(6, 6)))[0]
    np.testing.assert_allclose(spread_kept(a @ turn + 5, b @ turn - 3, T), spread_kept(a, b, T), rtol=1e-9)


def test_the_spread_counts_all_directions_and_not_the_two_drawn():
    a, b = gauss(seed=1), gauss(seed=2)
    b[:, :2] = a[:, :2]  # partners agree in the two widest directions
    half = made(a, b, b).halfway[0]
    in_plane = spread_kept(a[:, :2], b[:, :2], np.array([0.5]))[0]
    assert in_plane == pytest.approx(1)
    assert half < 0.9


def test_the_plane_holds_the_two_widest_directions():
    rng = np.random.default_rng(0)
    turn = np.linalg.qr(rng.normal(size=(40, 40)))[0]
    rows = rng.normal(size=(5000, 40)) * ([9, 4] + [0.5] * 38) @ turn
    _, basis, explained = plane(rows)
    np.testing.assert_allclose(np.abs(np.diagonal(basis.T @ turn[:2].T)), 1, atol=5e-3)
    np.testing.assert_allclose(explained, np.array([81, 16]) / (97 + 38 / 4), rtol=0.05)


def test_a_large_plane_is_that_of_the_full_decomposition():
    rng = np.random.default_rng(4)
    rows = rng.normal(size=(700, 400)) * np.linspace(3, 1, 400)
    values = np.linalg.svd(rows - rows.mean(0), compute_uv=False)
    np.testing.assert_allclose(plane(rows)[2], values[:2] ** 2 / (values**2).sum(), rtol=1e-3)
    np.testing.assert_array_equal(plane(rows)[1], plane(rows)[1])


@pytest.mark.parametrize("rows", [np.zeros((5, 3)), np.ones((4, 1)), np.arange(4.0)[:, None], np.ones((1, 7))])
def test_units_that_fill_no_plane_still_make_a_cloud(rows):
    found = made(rows, rows, rows)
    assert np.isfinite(found.before.density_x).all()
    assert np.isfinite(found.after.ellipse).all()
    assert found.halfway == (1.0, 1.0)


def test_a_copy_put_back_in_order_lies_on_the_original():
    torch.manual_seed(0)
    module = nn.Sequential(nn.Linear(7, 20), nn.ReLU(), nn.Linear(20, 20), nn.ReLU(), nn.Linear(20, 3)).double()
    net = network(module, torch.zeros(2, 7, dtype=torch.float64))
    found = symmetry(net, verify=False)
    moved = planted(net, found, seed=1).moved
    for group in found.groups:
        one = cloud(net, moved, net, found, group, t=T, projection="pca-weights")
        np.testing.assert_array_equal(one.after.b, one.a)
        assert not np.allclose(one.before.b, one.a)
        np.testing.assert_allclose(one.after.spread, 1, rtol=1e-6)
        np.testing.assert_array_equal(one.after.distance, 0)
        assert one.halfway[0] < 0.9
        assert one.moved_inputs == (group != next(iter(found.groups)))


def test_both_panels_link_the_same_units_of_a_and_only_those_drawn():
    found = made(gauss(1500), gauss(1500, seed=1), gauss(1500, seed=2))
    assert len(found.a) == len(found.drawn) == len(found.before.b) == len(found.after.distance) == 1000
    assert found.units == 1500
    assert len(found.links) == 36 == len(set(found.links.tolist()))
    assert len(found.before.long) == len(found.after.long) == 36
    again = made(gauss(1500), gauss(1500, seed=1), gauss(1500, seed=2))
    np.testing.assert_array_equal(again.drawn, found.drawn)


def test_up_to_64_units_are_all_linked():
    assert len(made(gauss(64), gauss(64, seed=1), gauss(64)).links) == 64
    assert len(made(gauss(65), gauss(65, seed=1), gauss(65)).links) == 36


def test_a_long_link_is_longer_than_nine_tenths_of_all_aligned_pairs():
    a, noise = gauss(60), 0.1 * gauss(60, seed=1)
    found = made(a, gauss(60, seed=2), a + noise)
    assert found.after.long.sum() == 6
    assert found.before.long.mean() > 0.5


def test_linked_units_are_spread_over_the_cloud_and_not_its_middle():
    points = gauss(400, 2)
    chosen = points[farthest(points, 36)]
    gaps = np.linalg.norm(chosen[:, None] - chosen[None], axis=2) + 9 * np.eye(36)
    drawn = points[:36]
    others = np.linalg.norm(drawn[:, None] - drawn[None], axis=2) + 9 * np.eye(36)
    assert gaps.min() > 3 * others.min()


def test_densities_integrate_to_one_and_follow_the_units():
    found = made(gauss(), gauss(seed=1), gauss(seed=2))
    step = found.grid_x[1] - found.grid_x[0]
    for curve in (found.density_a_x, found.after.density_b_x, *found.before.density_x):
        assert step * curve.sum() == pytest.approx(1, abs=0.02)
    np.testing.assert_allclose(found.before.density_x[0], found.density_a_x, atol=1e-6)
    np.testing.assert_allclose(found.after.density_y[-1], found.after.density_b_y, atol=1e-6)
    half = len(T) // 2
    assert found.before.density_x[half].max() > found.density_a_x.max()  # a cloud that shrinks is denser


def test_a_density_is_that_of_a_gaussian():
    grid = np.linspace(-4, 4, 81)
    values = np.random.default_rng(0).normal(size=20_000)
    np.testing.assert_allclose(density(values, grid), np.exp(-(grid**2) / 2) / np.sqrt(2 * np.pi), atol=0.025)


def test_an_ellipse_holds_86_percent_of_a_gaussian_cloud():
    points = gauss(20_000, 2) @ np.array([[1, 0.6], [0, 0.8]])
    outline = ellipse(points)
    mean, whiten = points.mean(0), np.linalg.inv(np.linalg.cholesky(np.cov(points.T)))
    np.testing.assert_allclose(np.linalg.norm((outline - mean) @ whiten.T, axis=1), 2, rtol=1e-3)
    inside = np.linalg.norm((points - mean) @ whiten.T, axis=1) < 2
    assert inside.mean() == pytest.approx(0.865, abs=0.01)
    np.testing.assert_allclose(outline[0], outline[-1])


def test_a_stored_cloud_is_the_same_cloud(tmp_path):
    found = made(gauss(), gauss(seed=1), gauss(seed=2), partner=np.arange(300)[::-1], moved_inputs=True)
    arrays = found.to_arrays()
    assert all(x.dtype in (np.float32, np.int32, np.bool_) for x in arrays.values() if x.ndim)
    np.savez(tmp_path / "cloud.npz", **arrays)
    with np.load(tmp_path / "cloud.npz", allow_pickle=False) as stored:
        back = Cloud.from_arrays(dict(stored))
    assert (back.group, back.label, back.units, back.moved_inputs) == ("g", "layer 1", 300, True)
    for name, array in back.to_arrays().items():
        np.testing.assert_array_equal(array, arrays[name])


def test_a_stored_cloud_that_lacks_an_array_says_which():
    arrays = made(gauss(), gauss(), gauss()).to_arrays()
    del arrays["after.ellipse"]
    with pytest.raises(InputError, match=r"after\.ellipse|ellipse"):
        Cloud.from_arrays(arrays)


@pytest.mark.parametrize("points", [2, 3, 24, 25, 26, 51, 101])
def test_a_path_has_at_most_25_frames_with_both_ends_and_the_middle(points):
    t = np.linspace(0, 1, points)
    frames = frame_times(t)
    assert len(frames) == min(points, 25)
    assert frames[0] == 0
    assert frames[-1] == 1
    assert points % 2 == 0 or 0.5 in frames


def test_a_projection_that_needs_the_data_says_so():
    net = network(nn.Sequential(nn.Linear(3, 4), nn.ReLU(), nn.Linear(4, 2)), torch.zeros(2, 3))
    found = symmetry(net, verify=False)
    (group,) = found.groups
    with pytest.raises(SettingError, match="moments"):
        cloud(net, net, net, found, group, t=T)
    with pytest.raises(SettingError, match="tsne"):
        cloud(net, net, net, found, group, t=T, projection="tsne")
