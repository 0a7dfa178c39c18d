"""Runs whose couplings are maps: kept whole, in two files of numbers, and a learned one with its null test."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from asking import path_request
from bundles import A, B
from results import same

from lmc_core import runs
from lmc_core.data.registry import dataset
from lmc_core.diagnostics.null import NullTest, Votes, shuffled, votes
from lmc_core.networks.checkpoint import load
from lmc_core.paths.path import LinearPath
from lmc_core.report import silent
from lmc_core.runs import keep
from lmc_core.runs.keep.store import Store
from lmc_core.runs.kinds.path import PathResult
from lmc_core.runs.work.path import path_run, work
from lmc_core.words.path import null_sentence, path_finding

FILES = [f"checkpoints/digits-mlp-32/seed{seed}.safetensors" for seed in (0, 1)]


@pytest.fixture(scope="module")
def learned():
    """A run of learned matching between two classifiers whose units can be scaled."""
    return path_run(
        *map(load, FILES),
        dataset("digits"),
        method="learned-matching",
        settings={"steps": 40},
        points=5,
        train_examples=200,
    )


def test_a_learned_run_has_maps_and_a_null_test(learned):
    result, ends = learned
    assert any(coupling.map is not None for coupling in ends.alignment.couplings.values())
    assert result.alignment.function_error < 1e-5
    assert result.null is not None
    assert result.null.real.disagreeing > 0
    assert str(null_sentence(result.null)) in result.finding
    assert result.aligned.barrier() < result.naive.barrier()


def test_a_result_with_maps_comes_back_from_the_store_as_it_went_in(learned, tmp_path):
    store = Store(str(tmp_path))
    store.save("0" * 16, learned[0])
    stored = store.load("0" * 16)
    assert isinstance(stored, PathResult)
    same(stored, learned[0])


def test_a_method_that_learns_nothing_has_no_null_test():
    result, ends = path_run(
        *map(load, FILES), dataset("digits"), method="full-symmetry-matching", points=3, train_examples=50
    )
    assert result.null is None
    assert ends.alignment.canonical
    form = result.symmetry.form
    assert [(row.tensor, row.part, row.of) for row in form] == [(f"fc{k}", "scales", "A, B") for k in (1, 2, 3)]
    assert all(row.settled and row.said.startswith("balanced between") for row in form)


def test_a_worker_leaves_both_ends_of_the_path_in_files(tmp_path):
    request = path_request(A, B, method="full-symmetry-matching", points=3, train_examples=50)
    result = work(request, silent, tmp_path, "cpu")
    nets = [load(str(tmp_path / f"{name}.safetensors")) for name in ("reference", "aligned")]
    x = torch.as_tensor(dataset("digits").x_test[:50])
    for net, before in zip(nets, map(load, FILES), strict=True):
        torch.testing.assert_close(net(x), before(x), rtol=1e-4, atol=1e-4)
    middle = nets[0].with_state(dict(LinearPath(*nets)(0.5)))
    loss = torch.nn.functional.cross_entropy(
        middle(torch.as_tensor(dataset("digits").x_test)), torch.as_tensor(dataset("digits").y_test)
    )
    assert float(loss) == pytest.approx(float(result.aligned.loss("test")[1]), rel=1e-4)


def test_a_shuffled_network_holds_the_same_numbers_and_knows_nothing():
    net, data = load(FILES[0]), dataset("digits")
    noise = shuffled(net, 3)
    for name, x in net.state.items():
        assert torch.equal(x.flatten().sort().values, noise.state[name].flatten().sort().values)
    said = noise(torch.as_tensor(data.x_test)).argmax(1).numpy()
    assert (said == data.y_test).mean() < 0.3


def test_votes_count_whom_the_network_half_way_sides_with():
    a, b, data = *map(load, FILES), dataset("digits")
    for middle, sides in ((a, (1, 0)), (b, (0, 1))):
        found, examples = votes(0.0, a, b, middle, data)
        assert examples == len(data.x_test)
        assert found.disagreeing > 0
        assert (found.as_a, found.as_b) == (sides[0] * found.disagreeing, sides[1] * found.disagreeing)


@pytest.mark.parametrize(
    ("real", "null", "passed"),
    [((50, 40), (90, 1), True), ((90, 1), (90, 1), False), ((50, 40), (50, 40), False), ((50, 25), (90, 1), True)],
)
def test_a_null_test_fails_where_b_does_not_count_or_a_shuffled_b_counts_as_much(learned, real, null, passed):
    test = NullTest(Votes(0.3, 100, *real), Votes(0.5, 100, *null), 1000)
    assert test.passed == passed
    result = replace(learned[0], null=test)
    found = path_finding(result.naive, result.aligned, "learned-matching", 10, null=test).text
    assert ("does not show" in found) != passed


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    for name in ("LMC_STORE", "LMC_DATABASE_URL", "LMC_CHECKPOINTS"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("LMC_HOME", str(tmp_path))
    yield tmp_path
    keep.opened().index.close()


def test_a_bundle_carries_maps_and_a_null_test(learned, home):
    from lmc_core.runs.library import bundle
    from lmc_core.runs.library import models as library
    from lmc_core.runs.share.bundle import export

    request = path_request(A, B, method="learned-matching")
    cards = tuple(library.card(name) for name in (A, B))
    kept = replace(learned[0], models=cards, request={"kind": "path", **request.options})
    keep.opened().store.save(request.id, kept)
    runs.submit(request, "ann")
    path = home / "run.zip"
    path.write_bytes(export(request.id))
    back = bundle.read(path, "run.zip")
    assert isinstance(back, PathResult)
    same(back.null, kept.null)
    same(dict(back.alignment.couplings), dict(kept.alignment.couplings))
