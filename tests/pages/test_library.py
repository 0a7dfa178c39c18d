"""The Library page with a real worker behind it: networks and data of a visitor, from the upload to the link."""

import io
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import scripts
import torch
from asking import path_request, request_of
from machine import machine
from safetensors.torch import load_file
from scripts import texts
from streamlit.testing.v1 import AppTest

from lmc_core import runs
from lmc_core.errors import CheckpointError, DataError, InputError, SettingError
from lmc_core.runs import keep
from lmc_core.runs.library import data as datasets
from lmc_core.runs.library import hub
from lmc_core.runs.library import models as library
from lmc_core.runs.values.status import RunStatus
from lmc_core.words.models import assumption
from pages._ask.own_model import read
from pages._frame.text import escaped

ROOT = Path(__file__).parents[2]
A = "digits-mlp-32/seed0"
ME = "a visitor"


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A machine of its own whose engine works inside this process."""
    folder = tmp_path_factory.mktemp("home")
    open_folder = tmp_path_factory.mktemp("open")
    (open_folder / "nets").mkdir()
    (open_folder / "nets" / "here.pth").write_bytes(a_checkpoint(2.0))
    with machine(folder, LMC_ENGINE="thread", LMC_DEVICE="cpu", LMC_LOCAL_PATHS=str(open_folder)):
        yield open_folder


def wait(run: str) -> RunStatus:
    end = time.monotonic() + 120
    while not (status := runs.status(run)).finished:
        assert time.monotonic() < end, status
        time.sleep(0.05)
    return status


def a_checkpoint(factor: float = 1.0) -> bytes:
    """Weights as somebody else would have saved them: nothing says what the activation was."""
    tensors = load_file(ROOT / "checkpoints" / f"{A}.safetensors")
    buffer = io.BytesIO()
    torch.save({f"module.{name}": factor * tensor for name, tensor in tensors.items()}, buffer)
    return buffer.getvalue()


def some_arrays(seed: int = 0, **changes: np.ndarray) -> bytes:
    rng = np.random.default_rng(seed)
    parts = {
        "x_train": rng.random((60, 8, 8)).astype(np.float32),
        "y_train": rng.integers(0, 10, 60),
        "x_test": rng.random((20, 8, 8)).astype(np.float32),
        "y_test": rng.integers(0, 10, 20),
    } | changes
    buffer = io.BytesIO()
    np.savez(buffer, **parts)  # type: ignore[arg-type]
    return buffer.getvalue()


@pytest.fixture(scope="module")
def mine(home: Path) -> str:
    """A network of the visitor's, read and measured."""
    status = wait(runs.submit(library.add("net.pth", a_checkpoint(), data="digits", owner=ME), ME))
    assert status.state == "done", status.reason
    assert status.model is not None
    return status.model


@pytest.fixture(scope="module")
def examples(home: Path) -> str:
    status = wait(runs.submit(datasets.add("mine.npz", some_arrays(), owner=ME), ME))
    assert status.state == "done", status.reason
    assert status.model is not None
    return status.model


def opened(page: str = "library.py", visitor: str = ME, **query: str) -> AppTest:
    return scripts.opened(page, visitor, **query)


def test_a_network_of_the_visitor_is_shown_with_badge_accuracy_and_what_was_assumed(mine: str) -> None:
    at = opened()
    assert "verified to" in texts(at)
    assert "private" in texts(at)
    assert f"{100 * library.card(mine).accuracy['test']:.1f}% on Digits" in texts(at)
    assert at.get_by_key(f"assume-{mine}-activation").value == "relu"


def test_nobody_else_sees_it_until_it_is_published(mine: str) -> None:
    def listed(at: AppTest) -> bool:
        return "net" in list(at.dataframe[0].value["network"])

    assert not listed(opened(visitor="somebody else"))
    at = opened()
    at.get_by_key(f"publish-{mine}").click().run()
    assert "public" in texts(at)
    assert listed(opened(visitor="somebody else"))
    assert f"delete-{mine}" not in {button.key for button in opened(visitor="somebody else").button}
    at.get_by_key(f"publish-{mine}").click().run()
    assert not listed(opened(visitor="somebody else"))


@pytest.mark.parametrize("page", ["explore.py", "landscape.py", "fuse.py"])
def test_the_address_of_a_visitors_own_pair_asks_the_same_of_whoever_gets_it(page: str, examples: str) -> None:
    one, other = (own_shape(seed, examples) for seed in range(2))
    at = opened(page, **({"models": f"{one},{other}"} if page == "fuse.py" else {"a": one}))
    names = ("models", "data") if page == "fuse.py" else ("a", "b", "data")
    chosen = {name: at.session_state[name] for name in names}
    assert chosen == ({"models": [one, other]} if page == "fuse.py" else {"a": one, "b": other}) | {"data": examples}
    address = {
        name: ",".join([values] if isinstance(values, str) else values) for name, values in at.query_params.items()
    }
    there = opened(page, visitor="somebody else", **address)
    assert {name: there.session_state[name] for name in names} == chosen


def own_shape(seed: int, data: str) -> str:
    """A network of the visitor's like none that is shipped."""
    torch.manual_seed(seed)
    buffer = io.BytesIO()
    torch.save(
        torch.nn.Sequential(torch.nn.Linear(64, 7), torch.nn.ReLU(), torch.nn.Linear(7, 10)).state_dict(), buffer
    )
    status = wait(runs.submit(library.add(f"small{seed}.pth", buffer.getvalue(), data=data, owner=ME), ME))
    assert status.model is not None, status.reason
    return status.model


@pytest.mark.parametrize("kind", ["path", "fuse", "compare", "plane", "theory"])
def test_every_page_states_what_its_numbers_assume_of_files_that_do_not_say_it(kind: str, examples: str) -> None:
    pair = [own_shape(seed, examples) for seed in range(2)]
    named = {"models": pair} if kind in ("fuse", "compare") else {"a": pair[0], "b": pair[1]}
    few = {"path": {"points": 3}, "plane": {"grid": 5}, "compare": {"points": 3, "methods": ["identity"]}}.get(kind, {})
    run = runs.submit(request_of(kind, **named, data=examples, device="cpu", train_examples=40, **few), ME)
    assert wait(run).state == "done"
    shown = texts(opened("run.py", id=run))
    for card in map(library.card, pair):
        for option, value, why in card.assumptions:
            assert escaped(f"{option}={assumption(option, value)}: {why}") in shown


def test_several_files_at_once_become_several_networks_or_sentences(home: Path) -> None:
    at = opened(visitor="many")
    kind = "application/octet-stream"
    files = [("one.pth", a_checkpoint(1.5), kind), ("bad.safetensors", b"\x08\0\0\0\0\0\0\0nonsense", kind)]
    at.get("file_uploader")[0].set_value(files).run()
    noted = [key for key in at.session_state["model-files:noted"] if not key.startswith("refused")]
    assert sorted(wait(run).state for run in noted) == ["done", "failed"]
    at.run()
    assert "**one**" in texts(at)
    assert "bad" in texts(at)
    assert "Traceback" not in texts(at)


def test_explore_takes_two_files_copies_of_them_and_names_that_are_markup_and_forgets_what_was_deleted(
    home: Path,
) -> None:
    at, kind = opened("explore.py", visitor="pair"), "application/octet-stream"
    files = [("*a* [x](y).pth", a_checkpoint(1.5), kind), ("copy.pth", a_checkpoint(1.5), kind)]
    at.get("file_uploader")[0].set_value([*files, ("other.pth", a_checkpoint(0.5), kind)]).run()
    for run in at.session_state["added:noted"]:
        assert (now := wait(run)).state == "done", now.reason
    at.run()
    assert not at.exception
    at.get_by_key("added-both").click().run()
    a, b = at.session_state["a"], at.session_state["b"]
    assert a != b
    assert {a, b} == library.own("pair")
    assert library.remove(b, "pair")
    at.run()
    assert not at.exception
    assert "added-both" not in {button.key for button in at.button}


def test_an_assumption_that_is_changed_makes_the_network_be_read_again_with_it(mine: str) -> None:
    at = opened()
    at.get_by_key(f"assume-{mine}-activation").input("tanh")
    next(button for button in at.button if button.label.startswith("Read again")).click().run()
    assert not at.exception
    (run,) = at.session_state["model-files:noted"]
    status = wait(run)
    assert status.state == "done", status.reason
    assert runs.request(run).options["arch"] == {"activation": "tanh"}
    assert status.model not in (None, mine)
    assert ("activation", "tanh", "you said so") in library.card(str(status.model)).assumptions
    relu, tanh = library.card(mine).accuracy["test"], library.card(str(status.model)).accuracy["test"]
    assert tanh < relu
    at = opened()
    at.get_by_key(f"assume-{status.model}-activation").input("relu")
    last = [button for button in at.button if button.label.startswith("Read again")][-1]
    last.click().run()
    (run,) = at.session_state["model-files:noted"]
    assert wait(run).model == mine, "what was said can be said otherwise"
    assert library.remove(str(status.model), ME)


def test_reading_again_on_other_data_gives_the_same_network_another_number(mine: str, examples: str) -> None:
    before = library.card(mine).accuracy["test"]
    status = wait(runs.submit(library.again(mine, ME, data=examples), ME))
    assert status.model == mine
    assert library.card(mine).data == examples
    assert library.card(mine).accuracy["test"] != before
    with pytest.raises(InputError, match="not one of yours"):
        library.again(mine, "somebody else")


def test_own_data_is_listed_by_its_owner_and_used_by_whoever_knows_its_id(mine: str, examples: str) -> None:
    at = opened(part="Your data")
    assert examples in texts(at)
    assert "60 to train, 20 to test" in texts(at)
    assert examples not in texts(opened(visitor="somebody else", part="Your data"))
    request = path_request(A, mine, data=examples, method="identity", points=3, device="cpu")
    status = wait(runs.submit(request, "somebody else"))
    assert status.state == "done", status.reason
    assert not status.listed
    assert runs.result(status.id).data.name == examples  # type: ignore[union-attr]
    with pytest.raises(SettingError, match="is not one of"):
        path_request(A, mine, data="npz-0000000000000000")


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("pickled.npz", some_arrays(classes=np.array([{"a": 1}], dtype=object)), "not a readable .npz file of plain"),
        ("no-zip.npz", b"PK\x03\x04 but no more", "not a readable .npz"),
        ("short.npz", some_arrays(y_test=np.zeros(3, int)), "20 examples but y_test has 3 labels"),
        ("short.txt", b"brief", "has 5 characters; 650 are needed"),
        ("latin.txt", b"caf\xe9" * 500, "latin.txt is not text in UTF-8"),
        ("nan.npz", some_arrays(x_test=np.full((20, 8, 8), np.nan, np.float32)), "NaN or infinite"),
    ],
)
def test_hostile_or_broken_data_is_refused_with_a_sentence(home: Path, name: str, content: bytes, said: str) -> None:
    status = wait(runs.submit(datasets.add(name, content, owner="mallory"), "mallory"))
    assert status.state == "failed"
    assert said in status.reason
    assert str(home.parent) not in status.reason
    assert "tmp" not in status.reason
    assert not keep.opened().store.exists("uploads", runs.request(status.id).options["upload"])
    assert datasets.own("mallory") == []


def test_a_text_of_ones_own_is_kept_as_windows_and_called_by_its_file(home: Path) -> None:
    status = wait(runs.submit(datasets.add("mine.txt", b"so it goes, and goes. " * 100, owner="writer"), "writer"))
    assert status.state == "done", status.reason
    card = datasets.card(str(status.model))
    assert card is not None
    assert (card.title, card.shape, len(card.classes)) == ("mine.txt", (64,), 96)
    assert datasets.filename(card.id) == "mine.txt"
    assert datasets.read(card.id).x_train.dtype == np.int64
    with pytest.raises(DataError, match=r"neither an \.npz nor a \.txt file"):
        datasets.add("mine.docx", b"PK", owner="writer")


def test_deleted_data_is_gone_for_everybody(home: Path) -> None:
    status = wait(runs.submit(datasets.add("brief.npz", some_arrays(7), owner="brief"), "brief"))
    name = str(status.model)
    assert not datasets.remove(name, "somebody else")
    assert datasets.remove(name, "brief")
    assert datasets.card(name) is None
    assert not keep.opened().store.exists("data", name)
    assert datasets.title(name) == name


def test_a_file_of_the_host_is_read_only_from_the_folder_it_opens(home: Path, tmp_path: Path) -> None:
    assert library.local_files() == ["nets/here.pth"]
    (home / "nets" / "link.pth").symlink_to(tmp_path / "secret.pth")
    (tmp_path / "secret.pth").write_bytes(a_checkpoint(3.0))
    for name in ("../secret.pth", str(tmp_path / "secret.pth"), "nets/link.pth", "nets", "nets/gone.pth"):
        with pytest.raises(InputError, match="no file"):
            library.add_local(name, owner=ME)
    at = opened(visitor="local")
    at.get_by_key("local").select("nets/here.pth").run()
    next(button for button in at.button if button.label == "Read").click().run()
    (run,) = at.session_state["model-files:noted"]
    assert wait(run).state == "done"


def test_without_an_open_folder_no_file_of_the_host_is_read(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("LMC_LOCAL_PATHS")
    assert library.local_files() == []
    with pytest.raises(InputError, match="LMC_LOCAL_PATHS"):
        library.add_local("nets/here.pth")


@pytest.mark.parametrize(
    "text",
    ["repo:file", "a/b@main:x.bin", "a/b@main:../x.safetensors", "a/b:x.safetensors", "https://h/a@b:c.safetensors"],
)
def test_an_address_of_another_form_is_refused_before_anything_is_fetched(text: str) -> None:
    with pytest.raises(InputError):
        hub.address(text)


def test_a_server_without_the_client_of_the_hub_says_what_to_do(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "huggingface_hub", None)
    status = wait(runs.submit(hub.add("owner/repo@main:model.safetensors", owner=ME), ME))
    assert status.state == "failed"
    assert "huggingface_hub is not installed" in status.reason


def test_a_file_of_the_hub_is_fetched_at_one_commit_and_becomes_a_network(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = ROOT / "checkpoints" / f"{A}.safetensors"
    asked: list[tuple[str, ...]] = []

    class Client:
        """Stands for the Hub, which tests cannot reach."""

        @staticmethod
        def hf_hub_url(repo: str, file: str, revision: str) -> str:
            return f"{repo}/{revision}/{file}"

        @staticmethod
        def get_hf_file_metadata(url: str) -> object:
            return type("About", (), {"size": source.stat().st_size, "commit_hash": "c" * 40})

        @staticmethod
        def hf_hub_download(repo: str, file: str, revision: str, local_dir: str) -> str:
            asked.append((repo, file, revision))
            return str(source)

    monkeypatch.setitem(__import__("sys").modules, "huggingface_hub", Client)
    status = wait(runs.submit(hub.add("owner/repo@v1:sub/model.safetensors", data="digits", owner=ME), ME))
    assert status.state == "done", status.reason
    assert asked == [("owner/repo", "sub/model.safetensors", "c" * 40)]
    assert "commit " + "c" * 40 in runs.result(status.id).notes[0]  # type: ignore[union-attr]
    with pytest.raises(CheckpointError, match="the limit is"):
        hub.fetch("owner/repo@v1:sub/model.safetensors", Path("unused"), 10)


@pytest.mark.parametrize(("text", "value"), [("relu", "relu"), ("[1, 28]", [1, 28]), ("3", 3), ("", None)])
def test_what_is_typed_into_an_assumption_is_a_value_where_it_looks_like_one(text: str, value: object) -> None:
    assert read(text) == value
