"""What a run computes, on shipped networks: the one code path of worker and command line."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from results import same

from lmc_core.data.registry import dataset
from lmc_core.errors import Cancelled, MismatchError, SettingError, TraceError
from lmc_core.networks.checkpoint import load
from lmc_core.networks.network import Network
from lmc_core.runs.keep.store import Store
from lmc_core.runs.kinds.path import STAGES, PathResult
from lmc_core.runs.values.card import ModelCard
from lmc_core.runs.work.device import pick_device
from lmc_core.runs.work.models import open_pair
from lmc_core.runs.work.path import path_run

CHECKPOINTS = Path(__file__).parents[3] / "checkpoints"


class Witness:
    """A report that remembers what it was told, and cancels at a stage if asked to."""

    def __init__(self, cancel_at: str = ""):
        self.stages: list[str] = []
        self.curves: list[Mapping[str, Any]] = []
        self.cancel_at = cancel_at

    def __call__(self, stage: str, done: int, of: int, /, part: str = "") -> None:
        self.stages.append(stage)
        if self.cancel_at and stage.startswith(self.cancel_at) and done:
            raise Cancelled

    def partial(self, values: Mapping[str, Any]) -> None:
        self.curves.append(values)


@pytest.fixture(scope="module")
def pair() -> tuple[Network, Network]:
    a, b = (load(CHECKPOINTS / "digits-mlp-32" / f"seed{seed}.safetensors") for seed in (0, 1))
    return a, b


LINEAR = ("pca-data", "pca-weights", "random", "sliced")


@pytest.fixture(scope="module")
def computed(pair: tuple[Network, Network]) -> tuple[PathResult, Network, Witness]:
    witness = Witness()
    data = dataset("digits")
    result, ends = path_run(*pair, data, points=5, train_examples=200, report=witness)
    return result, ends.moved, witness


def test_a_run_measures_both_paths_with_the_same_ends(computed: tuple[PathResult, Network, Witness]) -> None:
    result = computed[0]
    for split in ("train", "test"):
        for metric in ("loss", "accuracy"):
            naive, aligned = (p.values[split][metric] for p in (result.naive, result.aligned))
            np.testing.assert_allclose(naive[[0, -1]], aligned[[0, -1]], atol=1e-6)
    assert result.aligned.barrier() < result.naive.barrier()
    assert result.alignment.function_error is not None
    assert max(result.alignment.function_error, result.symmetry.error or 0) < 1e-5


def test_a_run_shows_every_group_in_every_way(computed: tuple[PathResult, Network, Witness]) -> None:
    result = computed[0]
    groups = [row.name for row in result.symmetry.groups]
    assert set(result.clouds) == {(group, way) for group in groups for way in LINEAR}
    assert set(result.matching) == set(result.layers) == set(groups)
    assert all(row.moved for row in result.symmetry.groups)
    assert result.finding.endswith(".")
    assert result.versions["torch"].startswith("2.")


def test_a_run_tells_its_stages_in_order_and_the_curve_measured_so_far(
    computed: tuple[PathResult, Network, Witness],
) -> None:
    result, _, witness = computed
    assert list(dict.fromkeys(witness.stages)) == list(STAGES[1:])
    last = witness.curves[-1]
    np.testing.assert_allclose(last["aligned"], result.aligned.loss())
    np.testing.assert_allclose(last["naive"], result.naive.loss())
    assert last["t"] == [0.0, 0.25, 0.5, 0.75, 1.0]


def test_what_a_run_finds_is_shown_before_its_layers_are_compared(
    computed: tuple[PathResult, Network, Witness],
) -> None:
    result, _, witness = computed
    last = witness.curves[-1]
    assert last["finding"] == result.finding
    assert last["aligned"] == pytest.approx(result.aligned.loss().tolist())


def test_a_real_result_comes_back_from_the_store_as_it_went_in(
    computed: tuple[PathResult, Network, Witness], tmp_path: Path
) -> None:
    store = Store(str(tmp_path))
    store.save("0" * 16, computed[0])
    stored = store.load("0" * 16)
    same(stored, computed[0])
    assert stored.json == computed[0].json


def test_a_network_and_itself_have_no_barrier_and_nothing_moves(pair: tuple[Network, Network]) -> None:
    result, ends = path_run(pair[0], pair[0], dataset("digits"), points=3, train_examples=50)
    assert result.naive.barrier() == pytest.approx(0, abs=1e-7)
    assert [row.moved for row in result.symmetry.groups] == [0, 0, 0]
    for name, tensor in pair[0].state.items():
        assert torch.equal(ends.moved.state[name], tensor)


@pytest.mark.parametrize("stage", STAGES[2:])
def test_a_run_can_be_stopped_in_every_stage(pair: tuple[Network, Network], stage: str) -> None:
    with pytest.raises(Cancelled):
        path_run(*pair, dataset("digits"), points=3, train_examples=50, report=Witness(cancel_at=stage))


@pytest.mark.parametrize("exact", [(True, False), (False, True)])
def test_networks_of_two_precisions_give_what_they_give_in_one(
    pair: tuple[Network, Network], exact: tuple[bool, bool]
) -> None:
    ends = [net.to(dtype=torch.float64) if double else net for net, double in zip(pair, exact, strict=True)]
    how: dict[str, Any] = {"method": "weight-matching", "points": 3, "train_examples": 100, "diagnosed": False}
    found, known = (path_run(*networks, dataset("digits"), **how)[0] for networks in (ends, pair))
    for name in ("naive", "aligned"):
        for split, measured in getattr(known, name).values.items():
            for metric, values in measured.items():
                np.testing.assert_allclose(getattr(found, name).values[split][metric], values, rtol=1e-4, atol=1e-4)


def test_two_widths_are_refused_by_naming_the_first_tensor_that_differs(pair: tuple[Network, Network]) -> None:
    other = load(CHECKPOINTS / "digits-mlp-128" / "seed0.safetensors")
    with pytest.raises(MismatchError, match=r"fc1.*\(32, 64\) in A and \(128, 64\) in B"):
        path_run(pair[0], other, dataset("digits"))


def test_a_device_that_is_not_there_is_refused() -> None:
    assert pick_device("auto", "cpu") == pick_device("cpu", "cuda:7") == "cpu"
    with pytest.raises(SettingError, match="device='cuda:99' is not available here"):
        pick_device("cuda:99")


def test_a_shipped_pair_opens_without_notes_and_under_its_titles() -> None:
    cards = []
    for seed in (0, 1):
        path = CHECKPOINTS / "digits-mlp-32" / f"seed{seed}.safetensors"
        cards.append(ModelCard(f"x/{seed}", "A net", fingerprint=load(path).fingerprint, path=str(path), seed=seed))
    a, b, notes = open_pair(*cards)
    assert (a.source, b.source, notes) == ("A net, seed 0", "A net, seed 1", ())


def test_what_could_not_be_compared_is_noted_in_the_result(
    pair: tuple[Network, Network], monkeypatch: pytest.MonkeyPatch
) -> None:
    def fails(*_: object, **__: object) -> None:
        raise TraceError("the graph has a loop")

    monkeypatch.setattr("lmc_core.diagnostics.diagnose.connectivity", fails)
    result, _ = path_run(*pair, dataset("digits"), points=3, train_examples=50)
    assert result.notes == ("Features were not compared: the graph has a loop",)
    assert result.json["notes"][-1] == result.notes[-1]
