"""Stored runs damaged in every way: one error, computed again for its owner, and no other run suffers."""

import errno
import os
from collections.abc import Callable, Iterator
from itertools import count
from pathlib import Path

import pytest
from asking import path_request
from results import a_result, same

from lmc_core import runs
from lmc_core.errors import DamagedError, LMCError, RunError
from lmc_core.runs import keep
from lmc_core.runs.keep import pictures
from lmc_core.runs.keep.store import DIGESTS

A, B = "digits-mlp-32/seed0", "digits-mlp-32/seed1"
ANN = "ann"
FILES = ("run.json", "arrays.npz", DIGESTS, *pictures.PICTURES)

DAMAGES: dict[str, Callable[[bytes], bytes]] = {
    "emptied": lambda _: b"",
    "cut": lambda content: content[: len(content) // 2],
    "zeroed": lambda content: bytes(len(content)),
    "one bit": lambda content: content[:200] + bytes([content[200] ^ 1]) + content[201:],
    "other JSON": lambda _: b'{"is": "PathResult", "of": {}}',
    "a list": lambda _: b"[1, [2, null]]",
    "no text": lambda content: b"\xff\xfe" + content[2:],
    "of another kind": lambda _: b"PK\x03\x04 and then nothing",
}


@pytest.fixture(scope="module")
def store(home: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[[], str]]:
    """Stores one more run of Ann's, with everything that is kept with a run."""
    folder, seeds = tmp_path_factory.mktemp("files"), count()
    pictures.leave(a_result(), folder)

    def stored() -> str:
        request = path_request(A, B, seed=next(seeds))
        keep.opened().store.save(request.id, a_result(), {path.name: path for path in folder.iterdir()})
        return runs.submit(request, ANN)

    yield stored
    keep.opened().index.close()


@pytest.fixture(scope="module")
def whole(store: Callable[[], str]) -> str:
    return store()


def harm(home: Path, run: str, name: str, damage: str) -> None:
    file = home / "store" / "runs" / run / name
    if damage == "gone":
        file.unlink()
    else:
        file.write_bytes(DAMAGES[damage](file.read_bytes()))


def error_of(run: str) -> LMCError | None:
    """What keeps its result from being read; None if it is what was stored."""
    try:
        same(runs.result(run), a_result())
    except LMCError as error:
        return error
    return None


@pytest.mark.parametrize("damage", [*DAMAGES, "gone"])
@pytest.mark.parametrize(
    ("name", "counted"), [*((name, True) for name in FILES), *((name, False) for name in FILES if name != DIGESTS)]
)
def test_a_damaged_file_is_one_error_and_the_run_can_be_computed_again(
    home: Path, store: Callable[[], str], whole: str, name: str, counted: bool, damage: str
) -> None:
    run = store()
    if not counted:  # stored before digests were
        (home / "store" / "runs" / run / DIGESTS).unlink()
    harm(home, run, name, damage)
    error = error_of(run)
    if isinstance(error, DamagedError):
        now = runs.status(run)
        assert (now.state, now.finding) == ("failed", "It falls.")
        assert "Compute it again" in now.reason
        assert "\n" not in now.reason
    for picture, start in zip(pictures.PICTURES, (b"<svg", b"\x89PNG"), strict=True):
        if error is None:
            assert runs.picture(run, picture).startswith(start)
        assert runs.picture(whole, picture).startswith(start)
    if error is not None:
        assert runs.retry(run, None) == run
        assert runs.status(run).state == "queued"
        assert runs.owned(run, ANN)
    assert error_of(whole) is None


@pytest.mark.parametrize("code", [errno.EMFILE, errno.EIO, errno.EACCES, errno.ETIMEDOUT])
def test_a_store_that_cannot_be_read_for_a_moment_damages_no_run(
    store: Callable[[], str], monkeypatch: pytest.MonkeyPatch, code: int
) -> None:
    run, fs = store(), keep.opened().store.fs

    def away(*_: object) -> bytes:
        raise OSError(code, os.strerror(code))

    with monkeypatch.context() as patched:
        patched.setattr(fs, "cat_file", away)
        with pytest.raises(RunError, match="cannot be read at the moment") as caught:
            runs.result(run)
        assert not isinstance(caught.value, DamagedError)
    assert runs.status(run).state == "done"
    assert error_of(run) is None


@pytest.mark.parametrize("name", ["run.json", "arrays.npz"])
def test_any_bit_that_flips_in_a_result_is_noticed(home: Path, store: Callable[[], str], name: str) -> None:
    run = store()
    harm(home, run, name, "one bit")
    assert isinstance(error_of(run), DamagedError)


def test_a_file_that_is_not_what_was_saved_is_not_handed_out(home: Path, store: Callable[[], str]) -> None:
    run = store()
    harm(home, run, "card.png", "cut")
    with pytest.raises(DamagedError, match=r"card\.png is not what was saved"):
        runs.artifact(run, "card.png")
