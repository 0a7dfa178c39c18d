"""The plane through three networks: its geometry, and that what is measured on it is what the networks do."""

import re
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from asking import request_of

from lmc_core.data.dataset import Dataset
from lmc_core.data.registry import dataset
from lmc_core.errors import Cancelled, MismatchError, SettingError
from lmc_core.figures.palette import THEMES
from lmc_core.figures.plane.maps import plane_figure
from lmc_core.figures.plane.relief import TALL, relief_figure
from lmc_core.figures.plane.scene import loss_range, scene
from lmc_core.methods.align import align
from lmc_core.networks.checkpoint import load
from lmc_core.networks.network import Network
from lmc_core.paths.evaluate import evaluate
from lmc_core.paths.path import LinearPath
from lmc_core.paths.plane import Plane, evaluate_plane
from lmc_core.paths.surface import Surface
from lmc_core.report import silent
from lmc_core.runs.kinds.plane import PlaneResult
from lmc_core.runs.library.proofs import plane as proof
from lmc_core.runs.summary.plane import table
from lmc_core.runs.work.run import run
from lmc_core.words.numbers import loss
from lmc_core.words.plane import plane_alt, plane_caption, plane_cards, plane_finding

CHECKPOINTS = Path(__file__).parents[2] / "checkpoints"


@pytest.fixture(scope="module")
def corners() -> tuple[Network, Network, Network]:
    a, b = (load(CHECKPOINTS / "digits-mlp-32" / f"seed{seed}.safetensors") for seed in (0, 1))
    b = a.with_state(b.state)
    return a, b, align(a, b, "weight-matching").transport(b)


@pytest.fixture(scope="module")
def plane(corners: tuple[Network, Network, Network]) -> Plane:
    return Plane.through(*corners)


@pytest.fixture(scope="module")
def data() -> Dataset:
    return dataset("digits")


@pytest.fixture(scope="module")
def measured(plane: Plane, data: Dataset) -> Surface:
    return evaluate_plane(plane, data, points=9, train_examples=200, test_examples=None)


def test_the_three_networks_lie_at_their_own_coordinates(plane: Plane, corners: tuple[Network, ...]) -> None:
    places = ((0.0, 0.0), (plane.length, 0.0), plane.foot)
    for network, place in zip(corners, places, strict=True):
        assert plane.project(network.state) == pytest.approx(place, abs=1e-5)
        for name, tensor in plane.state(*place).items():
            torch.testing.assert_close(tensor, network.state[name], rtol=1e-5, atol=1e-5)


def test_distances_in_the_plane_are_distances_of_weights(plane: Plane) -> None:
    def vector(x: float, y: float) -> torch.Tensor:
        return torch.cat([t.double().reshape(-1) for t in plane.state(x, y).values()])

    for one, other in (((0.0, 0.0), (3.0, 4.0)), ((-2.0, 1.0), (1.0, 5.0)), (plane.foot, (plane.length, 0.0))):
        apart = float((vector(*one) - vector(*other)).norm())
        assert apart == pytest.approx(float(np.hypot(*np.subtract(one, other))), rel=1e-4)


def test_losses_at_the_corners_are_those_of_the_networks(
    plane: Plane, corners: tuple[Network, ...], data: Dataset
) -> None:
    for network, place in zip(corners, ((0.0, 0.0), (plane.length, 0.0), plane.foot), strict=True):
        there = plane.a.with_state(plane.state(*place))
        profile = evaluate(LinearPath(network, there), data, points=2)
        assert profile.loss()[1] == pytest.approx(profile.loss()[0], abs=1e-6)
        assert profile.accuracy()[1] == profile.accuracy()[0]


def test_every_cell_holds_what_the_network_there_does(plane: Plane, measured: Surface, data: Dataset) -> None:
    rng = np.random.default_rng(0)
    for row, column in zip(rng.integers(len(measured.y), size=6), rng.integers(len(measured.x), size=6), strict=True):
        there = plane.a.with_state(plane.state(float(measured.x[column]), float(measured.y[row])))
        profile = evaluate(LinearPath(plane.a, there), data, points=2, train_examples=200)
        for split in ("train", "test"):
            for metric, values in measured.values[split].items():
                assert values[row, column] == pytest.approx(profile.values[split][metric][1], rel=1e-4, abs=1e-5)


def test_cells_are_square_and_the_grid_surrounds_the_corners(measured: Surface) -> None:
    steps = np.concatenate([np.diff(measured.x), np.diff(measured.y)])
    np.testing.assert_allclose(steps, steps[0])
    for x, y in measured.corners.values():
        assert measured.x[0] < x < measured.x[-1]
        assert measured.y[0] < y < measured.y[-1]
    assert measured.distance("a", "b") == pytest.approx(measured.corners["b"][0])


def test_networks_with_running_statistics_are_measured_at_every_point_with_fresh_ones(data: Dataset) -> None:
    a, b = (load(CHECKPOINTS / "cifar10-resnet8" / f"seed{seed}.safetensors") for seed in (0, 1))
    rng = np.random.default_rng(0)
    x, y = rng.random((96, 3, 32, 32), np.float32), rng.integers(10, size=96)
    noise = Dataset("noise", x[:64], y[:64], x[64:], y[64:], tuple("abcdefghij"))
    c = align(a, b, "weight-matching").transport(b)
    found = evaluate_plane(Plane.through(a, b, c), noise, points=3, recalibrate="bn-reset")
    assert np.isfinite(found.loss("train")).all()
    assert found.recalibrate == "bn-reset"


def test_three_networks_on_one_line_span_no_plane(corners: tuple[Network, ...]) -> None:
    a, b, _ = corners
    half = a.with_state({name: (x + b.state[name]) / 2 for name, x in a.state.items()})
    for c in (half, b, a):
        with pytest.raises(MismatchError, match="one line"):
            Plane.through(a, b, c)
    with pytest.raises(MismatchError, match="one line"):
        Plane.through(a, a, b)


def test_one_point_is_no_grid_and_a_grid_can_be_stopped(plane: Plane, data: Dataset) -> None:
    with pytest.raises(SettingError, match="points=1"):
        evaluate_plane(plane, data, points=1)

    def stop(stage: str, done: int, total: int) -> None:
        if done > 100:
            raise Cancelled

    with pytest.raises(Cancelled):
        evaluate_plane(plane, data, points=5, report=stop)


def test_the_figure_draws_both_paths_and_clips_what_is_far_above_them(
    measured: Surface, plane: Plane, data: Dataset
) -> None:
    naive, aligned = (evaluate(LinearPath(plane.a, end), data, points=5) for end in (plane.b, plane.c))
    low, high = loss_range(measured, naive, aligned)
    figure = plane_figure(measured, naive, aligned)
    maps = [trace for trace in figure.data if trace.type == "contour"]
    assert [len(maps), maps[0].z.shape] == [2, measured.loss().shape]
    assert float(maps[0].z.min()) >= low - 1e-6
    assert float(maps[0].z.max()) <= high + 1e-6
    assert high >= naive.loss().max()
    relief = relief_figure(measured, naive, aligned)
    assert [trace.type for trace in relief.data] == ["surface"] + ["scatter3d"] * 5
    assert plane_finding(measured, naive, aligned, "Weight matching").case in ("removes", "strongly", "reduces")
    assert "weight matching" in plane_finding(measured, naive, aligned, "Weight matching").text
    assert "aligned B" in plane_alt(measured, naive, aligned)
    assert len(plane_cards(measured, naive, aligned)) == 4


def test_a_relief_has_a_scale_of_colours_and_summits_of_their_own_shape(
    measured: Surface, plane: Plane, data: Dataset
) -> None:
    naive, aligned = (evaluate(LinearPath(plane.a, end), data, points=5) for end in (plane.b, plane.c))
    low, high = loss_range(measured, naive, aligned)
    tall = measured.loss("test").copy()
    tall[0, :2] = low + 2.0 * (high - low), low + 50.0 * (high - low)
    steep = replace(measured, values={**measured.values, "test": {**measured.values["test"], "loss": tall}})
    ground = relief_figure(steep, naive, aligned, eye=(1.0, -2.0, 0.5)).data[0]
    assert ground.z[0, 0] == pytest.approx(tall[0, 0], rel=1e-5), "a summit is not cut where the colours end"
    assert ground.z[0, 1] == pytest.approx(low + TALL * (high - low), rel=1e-5)
    assert ground.colorbar.ticktext[-1].endswith("and more")
    assert [ground.cmin, ground.cmax] == pytest.approx([low, high])
    calm = relief_figure(measured, naive, aligned, metric="accuracy")
    assert calm.data[0].colorbar.ticktext[-1] == "100%"
    assert relief_figure(measured, naive, aligned, eye=(1.0, -2.0, 0.5)).layout.scene.camera.eye.y == -2.0


def test_a_checkpoint_is_seen_at_its_closest_point_and_as_far_as_it_is_from_there(plane: Plane) -> None:
    rng = torch.Generator().manual_seed(3)
    there = plane.state(2.5, 1.25)

    def flat(state: Mapping[str, torch.Tensor]) -> torch.Tensor:
        return torch.cat([t.double().reshape(-1) for t in state.values()])

    basis = torch.linalg.qr(torch.stack([flat(end.state) - flat(plane.a.state) for end in (plane.b, plane.c)], 1)).Q
    aside = torch.randn(len(flat(there)), generator=rng, dtype=torch.float64)
    aside -= basis @ (basis.T @ aside)
    pieces = (3.0 * aside / aside.norm()).split([t.numel() for t in there.values()])
    moved = {name: t.double() + part.reshape(t.shape) for (name, t), part in zip(there.items(), pieces, strict=True)}
    assert plane.seen(there) == pytest.approx((2.5, 1.25, 0.0), abs=5e-3)
    assert plane.seen(moved) == pytest.approx((2.5, 1.25, 3.0), abs=5e-3)
    low, high = plane.extent(0.0, around=[(-9.0, 40.0)])
    assert (low[0], high[1]) == (-9.0, 40.0)


def test_a_training_run_is_drawn_on_the_plane_with_what_its_checkpoints_score(tmp_path: Path) -> None:
    a, b = ("digits-mlp-32/seed0", "digits-mlp-32/seed1")
    asked = {"a": a, "b": b, "method": "weight-matching", "grid": 5, "train_examples": 100}
    assert "training" not in request_of("plane", **asked).json, "requests from before keep their names"
    result = run(request_of("plane", **asked, training=[b, a]), silent, tmp_path, "cpu")
    assert isinstance(result, PlaneResult)
    walked, surface, paths = result.surface.trajectory, result.surface, (result.naive, result.aligned)
    assert walked is not None
    assert list(walked.x) == pytest.approx([surface.corners["b"][0], 0.0], abs=1e-3)
    assert [*walked.y, *walked.off] == pytest.approx([0.0] * 4, abs=0.05), "A and B lie on their own plane"
    assert walked.values["test"]["loss"][1] == pytest.approx(result.naive.loss()[0], rel=1e-5)
    assert walked.values["test"]["accuracy"][0] == pytest.approx(result.naive.accuracy()[-1], rel=1e-5)
    for said in (str(plane_caption(surface)), plane_alt(surface, *paths)):
        assert "training run of 2 checkpoints" in said
    for figure in (plane_figure(surface, *paths), relief_figure(surface, *paths)):
        assert [trace for trace in figure.data if "Training" in (trace.hovertemplate or "")]
    assert proof(result) == result.finding
    with pytest.raises(SettingError, match="from 2 to"):
        request_of("plane", **asked, training=[a])
    folded = request_of("plane", **asked | {"method": "full-symmetry-matching"}, training=[b, a])
    with pytest.raises(SettingError, match="canonical form"):
        run(folded, silent, tmp_path, "cpu")


def test_a_third_model_is_named_in_the_words_and_no_path_to_it_is_called_aligned(
    measured: Surface, plane: Plane, data: Dataset
) -> None:
    naive, other = (evaluate(LinearPath(plane.a, end), data, points=5) for end in (plane.b, plane.c))
    corners = {"a": (0.0, 0.0), "b": (plane.length, 0.0), "c": plane.foot}
    surface = replace(measured, corners=corners)
    said = [plane_finding(surface, *pair, "").text for pair in ((naive, other), (other, naive), (naive, naive))]
    said += [plane_alt(surface, naive, other), str(plane_caption(surface)), str(plane_cards(surface, naive, other))]
    assert all(re.search(r"\bC\b", text) and "lign" not in text for text in said)
    assert len(set(said[:3])) == 3
    drawn = str(plane_figure(surface, naive, other)) + str(relief_figure(surface, naive, other))
    assert "<b>C</b>" in drawn
    assert "aligned" not in drawn


def test_the_side_between_two_models_is_drawn_from_one_to_the_other_and_told(
    measured: Surface, plane: Plane, data: Dataset
) -> None:
    ends = ((plane.a, plane.b), (plane.a, plane.c), (plane.b, plane.c))
    to_b, to_c, across = (evaluate(LinearPath(*pair), data, points=9) for pair in ends)
    corners = {"a": (0.0, 0.0), "b": (plane.length, 0.0), "c": plane.foot}
    surface, side = replace(measured, corners=corners), {"across": across}
    for x, y, t in zip(*np.linspace(corners["b"], corners["c"], 9).T, across.t, strict=True):
        there = LinearPath(plane.b, plane.c)(float(t))
        for name, tensor in plane.state(x, y).items():
            torch.testing.assert_close(tensor, there[name], rtol=1e-4, atol=1e-4)
    drawn = scene(surface, to_b, to_c, "test", THEMES["light"], across)
    assert [route.name for route in drawn.routes] == ["A to B", "A to C", "B to C"]
    assert len({route.dash for route in drawn.routes}) == 3
    last = drawn.routes[-1]
    np.testing.assert_allclose([last.x[[0, -1]], last.y[[0, -1]]], np.transpose([corners["b"], corners["c"]]))
    flat, relief = (draw(surface, to_b, to_c, **side) for draw in (plane_figure, relief_figure))
    assert str(flat).count("<b>B to C</b>") == 2
    lifted = [trace for trace in relief.data if trace.type == "scatter3d" and "B to C" in trace.hovertemplate]
    assert len(lifted) == 1
    assert lifted[0].z == pytest.approx(across.loss(), abs=0.1 * np.ptp(across.loss()))
    barrier, top = (loss(value) for value in (across.barrier(), float(across.loss().max())))
    assert f"Between B and C the ridge is {barrier} high." in plane_finding(surface, to_b, to_c, "", **side).text
    assert f"on the side from B to C {top}" in plane_alt(surface, to_b, to_c, **side)
    assert "from B to C" in str(plane_caption(surface, across))
    half = f"{100 * across.midpoint('test', 'accuracy'):.1f}"
    for card, said in zip(
        plane_cards(surface, to_b, to_c, **side), (barrier, half, f"{surface.distance('b', 'c'):.1f}"), strict=False
    ):
        assert card.note.endswith(f"B–C {said}")


def test_a_plane_of_three_models_measures_all_its_sides_and_goes_into_a_bundle_with_them(tmp_path: Path) -> None:
    three = {"a": "digits-mlp-128/seed0", "b": "digits-mlp-128/seed1", "third": "digits-mlp-128/seed2"}
    request = request_of("plane", **three, grid=5, train_examples=200)
    result = run(request, silent, tmp_path, "cpu")
    assert isinstance(result, PlaneResult)
    sides = result.sides
    assert list(sides) == ["a-b", "a-c", "b-c"]
    for profile, other, end, start in ((sides["b-c"], sides["a-b"], 0, -1), (sides["b-c"], sides["a-c"], -1, -1)):
        assert profile.loss()[end] == pytest.approx(other.loss()[start])
    assert result.json["barriers"]["b-c"] == sides["b-c"].barrier()
    assert proof(result) == result.finding
    with pytest.raises(AssertionError):
        proof(replace(result, surface=replace(result.surface, corners={"a": (0, 0), "b": (1, 0), "aligned": (1, 1)})))
    near = replace(result.surface, x=result.surface.x + (4e-16 - result.surface.x[1]))
    columns = table(replace(result, surface=near))
    assert columns["x"][:3] == [near.x[0], 0.0, near.x[2]], "what is nothing but rounding is written as 0"
    before = replace(result, across=None)  # as it was stored before this side was measured
    assert list(before.sides) == ["a-b", "a-c"]
    assert "Between B and C" not in proof(before)


def test_a_loss_that_is_no_number_between_two_models_is_said(measured: Surface, plane: Plane, data: Dataset) -> None:
    path = evaluate(LinearPath(plane.a, plane.b), data, points=3)
    lost = replace(path, values={"test": {"loss": np.array([0.1, np.nan, 0.1]), "accuracy": np.ones(3)}})
    surface = replace(measured, corners={"a": (0.0, 0.0), "b": (plane.length, 0.0), "c": plane.foot})
    assert "Between B and C the loss is not a number" in plane_finding(surface, path, path, "", across=lost).text
