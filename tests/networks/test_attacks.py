"""Hostile files: each is refused with one sentence, and nothing in it runs."""

from __future__ import annotations

import builtins
import logging
import pickle
import random
import warnings
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import attacks
import pytest
import safetensors.torch
import torch
from attacks import ATTACKS, PICKLES, PROGRAMS

import lmc_core as lmc
from lmc_core.errors import CheckpointError, InputError
from lmc_core.runs.library.limited import convert, load_limited


@pytest.fixture
def canary(tmp_path: Path) -> Path:
    return tmp_path / "canary"


@contextmanager
def nothing_executed(canary: Path) -> Iterator[None]:
    yield
    assert not canary.exists(), "the file ran its code"


@pytest.mark.parametrize("name", ATTACKS)
def test_a_hostile_file_is_refused_with_one_sentence_and_nothing_in_it_runs(
    name: str, tmp_path: Path, canary: Path
) -> None:
    path = ATTACKS[name](tmp_path, canary)
    with nothing_executed(canary), pytest.raises(InputError) as refusal:
        lmc.load(str(path))
    sentence = str(refusal.value)
    assert "\n" not in sentence
    assert "Traceback" not in sentence
    assert sentence.isprintable()
    assert 20 < len(sentence) < 420
    assert not sentence.endswith(".")


@pytest.mark.parametrize("name", PICKLES)
def test_a_file_that_is_code_is_told_how_to_be_saved_again(name: str, tmp_path: Path, canary: Path) -> None:
    with pytest.raises(CheckpointError, match=r"torch\.save"):
        lmc.load(str(PICKLES[name](tmp_path, canary)))


def test_opened_carelessly_the_pickles_would_have_run(tmp_path: Path, canary: Path) -> None:
    path = PICKLES["code-legacy.pth"](tmp_path, canary)
    torch.load(path, weights_only=False)
    assert canary.exists()
    canary.unlink()
    pickle.loads(PICKLES["bare-pickle.ckpt"](tmp_path, canary).read_bytes())
    assert canary.exists()


@pytest.mark.parametrize("name", ["pickled-sample", "pickled-weight", "pickled-constant", "code-as-size", "guards"])
def test_opened_by_torch_the_programs_would_have_run(name: str, tmp_path: Path, canary: Path) -> None:
    build = attacks.guarded_program if name == "guards" else PROGRAMS[name]
    path = build(tmp_path, canary)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        with suppress(Exception):  # it has run by then, whatever becomes of the rest
            torch.export.load(path).module()(torch.randn(2, 4))
    assert canary.exists()


def test_code_among_the_guards_of_a_program_is_dropped_and_the_program_still_computes(
    tmp_path: Path, canary: Path
) -> None:
    path = attacks.guarded_program(tmp_path, canary)
    with nothing_executed(canary):
        found = lmc.load(str(path))
        assert found(torch.randn(5, 4)).shape == (5, 3)


@pytest.mark.parametrize("name", ["code.pt", "module.pt", "stretched-legacy.pt", "bomb.pt"])
def test_torch_never_sees_a_file_whose_list_of_tensors_is_refused(
    name: str, tmp_path: Path, canary: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def seen(*_: object, **__: object) -> None:
        raise AssertionError("torch opened the file")

    path = ATTACKS[name](tmp_path, canary)
    monkeypatch.setattr(torch, "load", seen)
    with pytest.raises(CheckpointError):
        lmc.load(str(path))


def test_reading_a_hostile_pickle_imports_and_calls_nothing(
    tmp_path: Path, canary: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from lmc_core.networks.safety.torchfile import read_contents

    path = PICKLES["opcode.pt"](tmp_path, canary)
    asked: list[str] = []
    real = builtins.__import__
    monkeypatch.setattr(builtins, "__import__", lambda name, *a, **k: (asked.append(name), real(name, *a, **k))[1])
    monkeypatch.setattr(builtins, "eval", lambda *_: pytest.fail("eval was called"))
    with pytest.raises(CheckpointError, match=r"builtins\.eval"):
        read_contents(path, "torch-zip")
    assert "pathlib" not in asked


def sound(format: str, folder: Path) -> bytes:
    """A file that loads."""
    if format == "program":
        return attacks.exported(folder).read_bytes()
    if format == "safetensors":
        return safetensors.torch.save(attacks.weights())
    return attacks.saved(attacks.weights(), _use_new_zipfile_serialization=format == "zip")


@pytest.mark.parametrize("format", ["safetensors", "zip", "legacy", "program"])
def test_a_file_with_any_byte_changed_loads_or_is_refused_and_does_nothing_else(format: str, tmp_path: Path) -> None:
    data, rng = sound(format, tmp_path), random.Random(7)
    path = tmp_path / "changed"
    refused = 0
    for _ in range(150):
        changed = bytearray(data)
        for _ in range(rng.choice([1, 1, 4])):
            changed[rng.randrange(len(data))] = rng.randrange(256)
        path.write_bytes(changed)
        with suppress(InputError):
            lmc.load(str(path))
            continue
        refused += 1
    assert refused > 0


@pytest.mark.parametrize("format", ["safetensors", "zip", "legacy", "program"])
def test_a_file_cut_anywhere_is_refused(format: str, tmp_path: Path) -> None:
    data = sound(format, tmp_path)
    path = tmp_path / "cut"
    for length in range(0, len(data), max(1, len(data) // 60)):
        path.write_bytes(data[:length])
        with pytest.raises(InputError):
            lmc.load(str(path))


def test_the_sentence_names_the_tensor_that_is_not_a_number(tmp_path: Path, canary: Path) -> None:
    with pytest.raises(CheckpointError, match=r"'fc2\.weight' in nan\.pt has 1 of 18 numbers NaN"):
        lmc.load(str(ATTACKS["nan.pt"](tmp_path, canary)))


def test_a_text_file_is_called_a_text_file(tmp_path: Path, canary: Path) -> None:
    with pytest.raises(CheckpointError, match=r"text\.pt is a text file"):
        lmc.load(str(ATTACKS["text.pt"](tmp_path, canary)))


def test_a_file_that_is_not_there_is_said_to_be_missing(tmp_path: Path) -> None:
    with pytest.raises(CheckpointError, match="there is no file"):
        lmc.load(str(tmp_path / "nothing.pt"))
    with pytest.raises(CheckpointError, match="is a folder"):
        lmc.load(str(tmp_path))


def test_a_host_can_switch_programs_off(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = attacks.exported(tmp_path)
    assert lmc.load(str(path)).parameters == 51
    monkeypatch.setenv("LMC_ALLOW_PT2", "0")
    with pytest.raises(CheckpointError, match="this host does not open them"):
        lmc.load(str(path))


def test_a_larger_file_than_the_limit_is_refused_before_it_is_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "large.safetensors"
    path.write_bytes(bytes(2000))
    monkeypatch.setattr("lmc_core.networks.safety.sniff.FILE_BYTES", 1000)
    with pytest.raises(CheckpointError, match=r"has 2\.0 kB; at most 1\.0 kB"):
        lmc.load(str(path))


def test_a_program_torch_cannot_open_leaves_no_traceback_behind(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    logged: list[logging.LogRecord] = []
    handler = logging.Handler()
    monkeypatch.setattr(handler, "emit", logged.append)
    monkeypatch.setattr(logging.getLogger("torch.export"), "handlers", [handler])
    path = tmp_path / "odd.pt2"
    odd = attacks.setter("graph_module", "graph", "nodes", -1, "outputs", value=[{"as_tensor": {"name": "unknown"}}])
    path.write_bytes(attacks.tampered(attacks.tiny_program(), {attacks.MODEL: odd}))
    with pytest.raises(CheckpointError, match="cannot be read as a program"):
        lmc.load(str(path))
    assert logged == []


def test_the_limited_process_refuses_with_the_same_sentence(tmp_path: Path, canary: Path) -> None:
    path = PROGRAMS["code-as-size"](tmp_path, canary)
    with pytest.raises(CheckpointError) as here:
        lmc.load(str(path))
    with nothing_executed(canary), pytest.raises(CheckpointError) as there:
        load_limited(path)
    assert str(there.value) == str(here.value)


def test_the_limited_process_hands_back_the_same_network(tmp_path: Path) -> None:
    path = attacks.exported(tmp_path)
    found = load_limited(path)
    assert found.fingerprint == lmc.load(str(path)).fingerprint
    assert found.source == str(path)


def test_the_limited_process_ends_when_it_needs_too_much_memory(tmp_path: Path) -> None:
    path = tmp_path / "large.pt"
    torch.save({"fc1.weight": torch.ones(4000, 2000), "fc2.weight": torch.ones(10, 4000)}, path)
    with pytest.raises(CheckpointError, match="memory") as refusal:
        convert(path, tmp_path, memory=1_000_000)
    assert "\n" not in str(refusal.value)
