"""Uploaded files, from the bytes a visitor hands over to a model in the library, through a real worker."""

import io
import pickle
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import torch
from asking import path_request
from machine import machine
from safetensors.torch import load_file

from lmc_core import runs
from lmc_core.runs import keep
from lmc_core.runs.kinds.inspect import InspectResult
from lmc_core.runs.kinds.path import PathResult
from lmc_core.runs.library import data as datasets
from lmc_core.runs.library import models as library
from lmc_core.runs.library import uploads
from lmc_core.runs.library.limits import stored_bytes
from lmc_core.runs.values.status import RunStatus

A = "digits-mlp-128/seed0"


@pytest.fixture(scope="module", autouse=True)
def engine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    with machine(tmp_path_factory.mktemp("home"), LMC_WORKER_THREADS="1"):
        yield


def wait(run: str) -> RunStatus:
    end = time.monotonic() + 120
    while not (status := runs.status(run)).finished:
        assert time.monotonic() < end, status
        time.sleep(0.05)
    return status


def a_torch_file(factor: float = 1.0) -> bytes:
    """The shipped network's weights as somebody else would have saved them."""
    tensors = load_file(library.card(A).path)
    renamed = {f"module.{name}": factor * tensor for name, tensor in tensors.items()}
    buffer = io.BytesIO()
    torch.save({"epoch": 3, "state_dict": renamed}, buffer)
    return buffer.getvalue()


@pytest.fixture(scope="module")
def uploaded() -> RunStatus:
    return wait(runs.submit(library.add("my net.pth", a_torch_file(), data="digits", owner="ann"), "ann"))


def test_an_uploaded_file_becomes_a_model_with_its_accuracy_and_verified_symmetry(uploaded: RunStatus) -> None:
    assert uploaded.state == "done", uploaded.reason
    assert uploaded.model is not None
    card = library.card(uploaded.model)
    assert (card.title, card.family, card.uploaded, card.listed) == ("my net", "mlp", True, False)
    assert card.id == uploads.identity(uploaded.id, card.fingerprint)
    assert card.accuracy["test"] == pytest.approx(library.card(A).accuracy["test"], abs=1e-3)
    assert list(card.groups.values()) == [128, 128, 128]
    assert card.error is not None
    assert card.error < 1e-5
    assert "97" in uploaded.finding or "98" in uploaded.finding
    result = runs.result(uploaded.id)
    assert isinstance(result, InspectResult)
    assert result.symmetry.groups[0].size == 128


def test_the_library_keeps_a_safetensors_file_and_not_the_upload(uploaded: RunStatus) -> None:
    store = keep.opened().store
    assert uploaded.model is not None
    assert not store.exists("uploads", runs.request(uploaded.id).options["upload"])
    with library.weights(library.card(uploaded.model)) as path:
        kept, shipped = load_file(path), load_file(library.card(A).path)
    np.testing.assert_array_equal(next(iter(kept.values())), next(iter(shipped.values())))


def test_a_model_that_does_not_read_the_chosen_data_is_measured_on_data_that_it_reads() -> None:
    arrays, rng = io.BytesIO(), np.random.default_rng(0)
    x, y = rng.random((40, 6, 6), dtype=np.float32), np.arange(40) % 10
    np.savez(arrays, x_train=x, y_train=y, x_test=x, y_test=y)
    other = wait(runs.submit(datasets.add("squares.npz", arrays.getvalue(), owner="eve"), "eve")).model
    taken = wait(runs.submit(library.add("net.pth", a_torch_file(1.25), data=other, owner="eve"), "eve"))
    assert taken.state == "done", taken.reason
    card = library.card(str(taken.model))
    assert card.data == "digits"
    assert card.accuracy["test"] > 0.9
    (note,) = (n for n in runs.result(taken.id).notes if "which fit" in n)
    assert "squares" in note
    assert "Digits" in note
    assert library.remove(card.id, "eve")


def test_a_model_is_seen_by_its_owner_until_it_is_published(uploaded: RunStatus) -> None:
    model = uploaded.model
    assert model is not None
    assert model not in {card.id for card in library.models()}
    assert model not in {card.id for card in library.models("bob")}
    assert model in {card.id for card in library.models("ann")}
    assert not library.publish(model, "bob")
    assert library.publish(model, "ann")
    assert model in {card.id for card in library.models()}
    assert library.publish(model, "ann", listed=False)
    assert model not in {card.id for card in library.models()}


def test_an_uploaded_model_can_be_compared_and_its_run_is_unlisted(uploaded: RunStatus) -> None:
    assert uploaded.model is not None
    request = path_request(uploaded.model, A, method="weight-matching", points=5, train_examples=100)
    status = wait(runs.submit(request, "ann"))
    assert status.state == "done", status.reason
    assert not status.listed
    result = runs.result(status.id)
    assert isinstance(result, PathResult)
    assert result.naive.barrier() == pytest.approx(0, abs=1e-6)
    aligned = runs.artifact(status.id, "aligned.safetensors")
    assert len(aligned) > 100_000
    assert status.id not in {run.id for run in runs.recent()}


def by(owner: str) -> set[str]:
    """Models that a visitor sees and that are uploads."""
    return {card.id for card in library.models(owner) if card.uploaded}


@pytest.mark.parametrize("name", ["my net.pth", "another name.pth"])
@pytest.mark.parametrize("data", ["digits", None])
def test_the_same_file_of_a_second_visitor_is_a_model_of_its_own(
    uploaded: RunStatus, name: str, data: str | None
) -> None:
    """Whatever is said of one, and done with it, the other stays as it is: name, accuracy, who sees it, its weights."""
    assert uploaded.model is not None
    before = library.card(uploaded.model)
    status = wait(runs.submit(library.add(name, a_torch_file(), data=data, owner="bob"), "bob"))
    assert status.model is not None
    assert status.model not in (None, uploaded.model)
    assert library.card(status.model).fingerprint == before.fingerprint
    assert (by("ann"), by("bob")) == ({uploaded.model}, {status.model})
    assert library.publish(status.model, "bob")
    assert not library.publish(uploaded.model, "bob")
    assert by("carl") == {status.model}
    assert not library.remove(uploaded.model, "bob")
    assert library.remove(status.model, "bob")
    assert (by("ann"), by("bob")) == ({uploaded.model}, set())
    assert library.card(uploaded.model) == before
    with library.weights(before) as path:
        assert path.stat().st_size > 100_000


def test_a_file_that_its_owner_has_already_takes_nothing_from_the_model(uploaded: RunStatus) -> None:
    """Brought again under another name and without data, as from a bundle."""
    assert uploaded.model is not None
    before = library.card(uploaded.model)
    assert before.accuracy
    status = wait(runs.submit(library.add("from afar.pth", a_torch_file(), owner="ann"), "ann"))
    assert status.model == uploaded.model
    assert library.card(uploaded.model) == before


class Attack:
    """A pickle that leaves a mark if anybody loads it carelessly."""

    mark: Path

    def __reduce__(self) -> tuple[object, tuple[str, str]]:
        return (open, (str(self.mark), "w"))


def test_a_file_that_would_run_code_is_refused_with_a_sentence_and_not_run(tmp_path: Path) -> None:
    Attack.mark = tmp_path / "mark"
    status = wait(
        runs.submit(library.add("evil.pt", pickle.dumps({"state_dict": Attack()}), owner="mallory"), "mallory")
    )
    assert status.state == "failed"
    assert "evil.pt" in status.reason or "pickle" in status.reason
    assert "\n" not in status.reason
    assert not Attack.mark.exists()
    assert not keep.opened().store.exists("uploads", runs.request(status.id).options["upload"])


@pytest.mark.parametrize(
    "content", [b"this is a text file\n" * 50, a_torch_file.__code__.co_code, b"PK\x03\x04 broken"]
)
def test_a_file_that_is_no_network_is_refused_with_a_sentence(content: bytes) -> None:
    status = wait(runs.submit(library.add("weights.pt", content, owner="mallory"), "mallory"))
    assert status.state == "failed"
    assert status.reason
    assert "fault of this program" not in status.reason


def test_a_refused_file_takes_no_room(uploaded: RunStatus) -> None:
    before = stored_bytes()
    wait(runs.submit(library.add("noise.safetensors", b"\0" * 1000, owner="mallory"), "mallory"))
    assert stored_bytes() == before


def test_a_removed_model_is_gone_with_its_weights() -> None:
    status = wait(runs.submit(library.add("short-lived.pth", a_torch_file(0.5), owner="ann"), "ann"))
    assert status.state == "done", status.reason
    assert status.model is not None
    assert not library.remove(status.model, "bob")
    assert library.remove(status.model, "ann")
    assert status.model not in {card.id for card in library.models("ann")}
    assert not keep.opened().store.exists("models", status.model)
    again = wait(runs.submit(library.add("short-lived.pth", a_torch_file(0.5), owner="ann"), "ann"))
    assert again.state == "done"
    assert library.card(status.model).title == "short-lived"
