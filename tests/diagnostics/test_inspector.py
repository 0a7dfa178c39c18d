"""Single units looked at, and the planes a cloud is drawn in: planted answers and laws."""

import json
from dataclasses import dataclass

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from planted import planted
from torch import nn
from zoo import ZOO

from lmc_core.diagnostics.axes import axes, random_axes, sliced_axes
from lmc_core.diagnostics.cloud import Cloud
from lmc_core.diagnostics.inspector import Block, inspect
from lmc_core.diagnostics.projection import project, spread_kept
from lmc_core.diagnostics.tsne import TIMES, embed, tsne_cloud
from lmc_core.diagnostics.units import reads_groups, units_of
from lmc_core.errors import InputError, SettingError
from lmc_core.figures.path.figure import path_figure
from lmc_core.figures.path.units import HEIGHTS, LEAST, mosaic, units_figure, units_height
from lmc_core.networks.network import network
from lmc_core.paths.profile import Profile
from lmc_core.runs.keep import units as files
from lmc_core.symmetry.infer import symmetry
from lmc_core.words.units import units_alt, units_caption


def pair(module, *inputs, image=(), **changes):
    """Units of a network beside those of a re-ordered copy, put back in order."""
    torch.manual_seed(0)
    net = network(module, *inputs)
    found = symmetry(net, verify=False)
    moved = planted(net, found, seed=1)

    def units(group, **more):
        rows = units_of((net, moved.moved, net), symmetry=found, group=group)
        partner = moved.perms[group]
        about = {"image": image, "moved": reads_groups(found, group), "partner": partner}
        return inspect(rows, found, group, **about | changes | more)

    return net, found, moved, units


def mlp(**changes):
    module = nn.Sequential(nn.Flatten(), nn.Linear(48, 20), nn.ReLU(), nn.Linear(20, 12), nn.ReLU(), nn.Linear(12, 3))
    return pair(module, torch.zeros(2, 6, 8), image=(6, 8), **changes)


def test_a_planted_copy_shows_the_same_image_in_a_and_in_the_match():
    net, found, moved, units = mlp()
    group = next(iter(found.groups))
    one = units(group)
    (block,) = one.blocks
    assert (block.kind, block.shape) == ("image", (6, 8))
    wanted = net.state[block.tensor].numpy()
    other = moved.moved.state[block.tensor].numpy()
    for number in (0, 7, 19):
        a, b, match = one.weights(number, block)
        np.testing.assert_array_equal(a, match)
        np.testing.assert_allclose(a, wanted[number].reshape(6, 8), rtol=1e-6)
        np.testing.assert_allclose(b, other[number].reshape(6, 8), rtol=1e-6)
        np.testing.assert_allclose(match, other[one.partner[one.place(number)]].reshape(6, 8), rtol=1e-6)
    np.testing.assert_allclose(one.cosine[:, 1], 1, rtol=1e-6)
    np.testing.assert_array_equal(one.distance[:, 1], 0)
    assert (one.distance[one.partner != one.numbers, 0] > 0).all()


def test_a_deeper_unit_is_a_profile_whose_match_has_its_inputs_in_the_order_of_a():
    _, found, moved, units = mlp()
    group = list(found.groups)[1]
    one = units(group)
    (block,) = one.blocks
    assert (block.kind, block.shape, one.moved) == ("profile", (20,), True)
    a, _, match = one.weights(3, block)
    raw = moved.moved.state[block.tensor].numpy()[one.partner[3]]
    np.testing.assert_array_equal(a, match)
    assert not np.allclose(raw, match)
    np.testing.assert_allclose(np.sort(raw), np.sort(match), rtol=1e-6)


@pytest.mark.parametrize("name", ZOO)
def test_every_weight_of_every_unit_has_its_place_in_a_picture(name):
    module, inputs = ZOO[name]()
    _, found, _, units = pair(module, inputs, partner=None)
    for group in found.groups:
        one = units(group)
        covered = np.concatenate([np.arange(x.start, x.start + x.size) for x in one.blocks])
        np.testing.assert_array_equal(covered, np.arange(one.a.shape[1]))
        for block in one.blocks:
            assert units_figure(one, int(one.numbers[-1]), block).data
        assert units_alt(one, int(one.numbers[0]))


def test_the_taps_of_a_convolution_are_tiles():
    module = nn.Sequential(nn.Conv2d(3, 8, 5), nn.ReLU(), nn.Conv2d(8, 6, 3), nn.ReLU(), nn.Flatten(), nn.Linear(54, 2))
    net, found, _, units = pair(module, torch.zeros(2, 3, 9, 9), image=(3, 9, 9))
    first, second = (units(group).blocks[0] for group in found.groups)
    assert (first.kind, first.shape, second.shape) == ("taps", (3, 5, 5), (8, 3, 3))
    weight = net.state[first.tensor].numpy()[4]
    canvas = mosaic(weight.astype(float))
    assert canvas.shape == (5, 17)  # colours stand in one row
    np.testing.assert_allclose(canvas[:, :5], weight[0])
    np.testing.assert_allclose(canvas[:, 12:], weight[2])
    assert np.isnan(canvas[:, 5]).all()


def test_a_wide_layer_is_cut_and_says_so():
    _, found, _, units = mlp(numbers=48 * 5, first=[17, 3])
    one = units(next(iter(found.groups)))
    assert one.numbers.tolist() == [0, 1, 2, 3, 17]
    assert (one.total, len(one.a)) == (20, 5)
    assert "5 of 20 units are kept" in str(units_caption(one, 17))
    with pytest.raises(InputError, match=r"unit 4 of .* was not kept"):
        one.place(4)


def test_three_panels_share_one_scale():
    _, found, _, units = mlp()
    for group in found.groups:
        one = units(group)
        figure = json.loads(units_figure(one, 5).to_json())
        top = max(np.abs(x).max() for x in one.weights(5, one.blocks[0]))
        if one.blocks[0].kind == "image":
            axis = figure["layout"]["coloraxis"]
            assert axis["cmin"] == -axis["cmax"] == pytest.approx(-top)
            assert {trace["coloraxis"] for trace in figure["data"]} == {"coloraxis"}
        else:
            ranges = [figure["layout"][f"yaxis{k}"]["range"] for k in ("", 2, 3)]
            assert ranges[0] == ranges[1] == ranges[2]
            assert max(np.abs(ranges[0])) == pytest.approx(1.06 * top)


def test_as_the_data_sees_it_a_column_still_belongs_to_its_input_and_distances_are_those_of_the_cloud():
    net, found, moved, _ = mlp()
    rng, group = np.random.default_rng(0), next(iter(found.groups))
    x = rng.normal(size=(200, 48)) * (np.arange(48) != 7)  # the pixel that never varies
    moments = [Moment(x.T @ x / 200), *(None for _ in found.contractions[1:])]
    rows = {s: units_of((net, moved.moved), found, group, moments, symmetric=s) for s in (False, True)}
    assert np.abs(rows[True][0][:, 7]).max() < 1e-7
    assert np.abs(units_of((net,), found, group)[0][:, 7]).max() > 0.01
    gaps = [np.linalg.norm(a - b, axis=1) for a, b in rows.values()]
    np.testing.assert_allclose(gaps[0], gaps[1], rtol=1e-5)


@dataclass
class Moment:
    second: np.ndarray


def test_a_file_of_units_gives_back_one_layer(tmp_path):
    _, found, _, units = mlp()
    kept = {(group, metric): units(group, metric=metric) for group in found.groups for metric in ("weights", "data")}
    files.write(tmp_path, kept)
    content = (tmp_path / files.FILE).read_bytes()
    for (group, metric), one in kept.items():
        back = files.read(content, group)[metric]
        assert back.metric == metric
        assert back.blocks == one.blocks
        for name in ("numbers", "partner", "a", "b", "match", "cosine", "distance"):
            np.testing.assert_array_equal(getattr(back, name), getattr(one, name))
    assert files.read(content, "no such layer") == {}


@settings(max_examples=15, deadline=None)
@given(st.integers(0, 10_000), st.integers(2, 30))
def test_the_sliced_axis_of_two_clouds_shifted_along_a_direction_is_that_direction(seed, features):
    rng = np.random.default_rng(seed)
    a, e = rng.normal(size=(80, features)), rng.normal(size=features)
    e /= np.linalg.norm(e)
    basis, apart = sliced_axes(a, a + 2 * e, seed=seed)
    assert abs(basis[:, 0] @ e) == pytest.approx(1, abs=1e-6)
    assert apart == pytest.approx([2, 0], abs=1e-5)


def test_the_sliced_axis_sees_a_difference_of_shape_without_one_of_means():
    rng = np.random.default_rng(0)
    a, b = (rng.normal(size=(3000, 6)) for _ in range(2))
    b[:, 2] *= 3
    basis, apart = sliced_axes(a, b)
    assert abs(basis[2, 0]) > 0.99
    assert apart[0] == pytest.approx(2, abs=0.15)  # W₂ of N(0, 1) and N(0, 9)
    assert apart[1] < 0.3


def test_no_direction_of_a_plane_sets_two_clouds_farther_apart_than_the_sliced_axis():
    rng = np.random.default_rng(3)
    a, b = rng.normal(size=(60, 2)), rng.exponential(size=(60, 2)) * [1.0, 2.0]
    basis, apart = sliced_axes(a, b)
    angle = np.linspace(0, np.pi, 721)
    e = np.stack([np.cos(angle), np.sin(angle)])
    all_of_them = np.sqrt(((np.sort(a @ e, axis=0) - np.sort(b @ e, axis=0)) ** 2).mean(0))
    assert apart[0] == pytest.approx(all_of_them.max(), rel=1e-3)
    assert basis[:, 0] @ basis[:, 1] == pytest.approx(0, abs=1e-12)


def test_clouds_that_coincide_are_drawn_in_a_plane_all_the_same():
    a = np.random.default_rng(0).normal(size=(40, 5))
    basis, apart = sliced_axes(a, a[::-1])
    np.testing.assert_allclose(basis.T @ basis, np.eye(2), atol=1e-9)
    np.testing.assert_array_equal(apart, 0)


@pytest.mark.parametrize("features", [1, 2, 50])
def test_random_axes_are_orthonormal_and_those_of_their_seed(features):
    one, other = random_axes(features, 5), random_axes(features, 6)
    np.testing.assert_allclose(one.T @ one, np.diag([1.0, features > 1]), atol=1e-12)
    np.testing.assert_array_equal(one, random_axes(features, 5))
    assert features == 1 or not np.allclose(one, other)


@pytest.mark.parametrize("kind", ["pca", "random", "sliced"])
def test_no_plane_explains_more_than_the_principal_one(kind):
    rng = np.random.default_rng(1)
    a, b = rng.normal(size=(50, 9)) * np.linspace(3, 1, 9), rng.normal(size=(50, 9))
    assert axes(kind, a, b).explained.sum() <= axes("pca", a, b).explained.sum() + 1e-12


def test_every_linear_projection_tells_the_same_spread():
    rng = np.random.default_rng(2)
    rows = [rng.normal(size=(30, 7)) for _ in range(3)]
    about = {"t": np.linspace(0, 1, 5), "group": "g", "label": "layer 1"}
    kept = {p: project(*rows, projection=p, **about).halfway for p in ("pca-weights", "random", "sliced")}
    assert len(set(kept.values())) == 1
    with pytest.raises(SettingError, match="tsne"):
        project(*rows, projection="tsne", **about)


def test_t_sne_of_one_seed_is_one_picture_and_puts_a_match_where_a_is():
    _, found, _, units = mlp()
    one = units(next(iter(found.groups)))
    first, again = tsne_cloud(one, seed=3), tsne_cloud(one, seed=3)
    for name, array in first.to_arrays().items():
        np.testing.assert_array_equal(array, again.to_arrays()[name])
    assert not first.linear
    width = np.linalg.norm(first.a - first.a.mean(0), axis=1).mean()
    gaps = [np.linalg.norm(side.b - first.a, axis=1).mean() for side in (first.before, first.after)]
    assert gaps[1] < 0.3 * width < gaps[0]
    for side in (first.before, first.after):
        assert side.at.shape == (len(TIMES), 20, 2)
        np.testing.assert_array_equal(side.at[0], first.a)
        np.testing.assert_array_equal(side.at[-1], side.b)
    np.testing.assert_allclose(first.after.spread, 1, rtol=1e-6)
    figure = path_figure(path(), path(), first, method_title="Weight matching")
    assert [frame.name for frame in figure.frames] == [f"t={t:.4f}" for t in TIMES]
    assert Cloud.from_arrays(first.to_arrays()).after.at.shape == first.after.at.shape


def path():
    values = {"test": {"loss": np.array([0.1, 0.5, 0.1]), "accuracy": np.array([0.9, 0.5, 0.9])}}
    return Profile(np.array([0, 0.5, 1]), values, {"test": 10})


def test_t_sne_keeps_planted_islands_apart():
    rng = np.random.default_rng(0)
    islands = np.repeat(np.eye(3) * 40, 20, axis=0) + rng.normal(size=(60, 3))
    places = embed(islands).reshape(3, 20, 2)
    middle = places.mean(1)
    apart = min(np.linalg.norm(middle[i] - middle[j]) for i in range(3) for j in range(i))
    assert apart > 2 * max(np.linalg.norm(one - m, axis=1).mean() for one, m in zip(places, middle, strict=True))


def test_a_large_layer_is_placed_in_part_and_its_spread_is_that_of_all():
    module = nn.Sequential(nn.Linear(5, 150), nn.ReLU(), nn.Linear(150, 2))
    _, found, _, units = pair(module, torch.zeros(2, 5))
    one = units(next(iter(found.groups)))
    cloud = tsne_cloud(one)
    assert (cloud.units, len(cloud.drawn)) == (150, 128)
    assert set(cloud.drawn) < set(range(150))
    wanted = spread_kept(one.a, one.b, np.array(TIMES))
    np.testing.assert_allclose(cloud.before.spread, wanted, rtol=1e-5)


@pytest.mark.parametrize("layout", HEIGHTS)
def test_pictures_of_square_weights_take_no_more_height_than_they_fill(layout):
    def height(kind, shape):
        return units_height(Block("w", kind, shape, 0), layout)

    assert height("profile", (20,)) == height("rows", (4, 9)) == HEIGHTS[layout]
    assert LEAST < height("image", (3, 28)) <= height("image", (14, 28)) <= height("taps", (64, 3, 3))
    assert height("image", (3, 28)) < height("image", (24, 28)) <= HEIGHTS[layout]
    assert height("image", (90, 28)) == HEIGHTS[layout]
