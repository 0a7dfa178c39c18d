"""Bundles: out of one server and into another, and everything that must not get in."""

import io
import json
import pickle
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from asking import path_request
from bundles import A, B, Parts, brought, unzipped, zipped
from results import a_result, same

from lmc_core import runs
from lmc_core.errors import InputError
from lmc_core.report import silent
from lmc_core.runs import keep
from lmc_core.runs.keep.schema import check
from lmc_core.runs.kinds.path import PathResult
from lmc_core.runs.library import bundle
from lmc_core.runs.library import models as library
from lmc_core.runs.share.bundle import add, export


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    with pytest.MonkeyPatch.context() as patch:
        for name in ("LMC_STORE", "LMC_DATABASE_URL", "LMC_CHECKPOINTS"):
            patch.delenv(name, raising=False)
        patch.setenv("LMC_HOME", str(tmp_path_factory.mktemp("home")))
        yield tmp_path_factory.mktemp("files")
        keep.opened().index.close()


@pytest.fixture(scope="module")
def stored(home: Path) -> str:
    """A finished run of two shipped networks."""
    request = path_request(A, B, method="weight-matching")
    cards = tuple(library.card(name) for name in (A, B))
    keep.opened().store.save(request.id, replace(a_result(), models=cards, request={"kind": "path", **request.options}))
    runs.submit(request, "ann")
    return request.id


@pytest.fixture(scope="module")
def parts(stored: str) -> Parts:
    return unzipped(export(stored))


def read(content: bytes, home: Path) -> PathResult:
    path = home / "b.zip"
    path.write_bytes(content)
    return bundle.read(path, "b.zip")


def test_a_bundle_comes_back_as_the_result_it_was_made_of(parts: Parts, stored: str, home: Path) -> None:
    before, after = runs.result(stored), read(zipped(parts), home)
    assert isinstance(before, PathResult)
    for name in ("naive", "aligned", "symmetry", "clouds", "data"):
        same(getattr(before, name), getattr(after, name))
    assert "nothing of it was computed on this server" in after.notes[0]
    assert after.models[0].fingerprint == before.models[0].fingerprint
    assert after.models[0].path == ""


def test_networks_go_along_only_when_asked(stored: str, parts: Parts) -> None:
    assert not set(bundle.MODELS) & set(parts)
    whole = unzipped(export(stored, networks=True))
    assert whole["a.safetensors"] == Path(library.card(A).path).read_bytes()
    assert whole["b.safetensors"] == Path(library.card(B).path).read_bytes()


def test_an_opened_bundle_is_a_private_run_that_stands_in_for_no_other(stored: str, home: Path) -> None:
    from lmc_core.runs.work.run import run

    content = export(stored, networks=True)
    opened = brought("from afar.zip", content, owner="bob")
    assert opened != stored
    request = runs.request(opened)
    result = run(request, silent, home, "cpu")
    keep.opened().store.save(opened, result)
    assert keep.opened().index.claim("a server", ("bundle",)) is not None
    keep.opened().index.finish(opened, "done", finding=result.finding)
    status = runs.status(opened)
    assert (status.kind, status.listed) == ("bundle", False)
    assert runs.owned(opened, "bob")
    assert isinstance(runs.result(opened), PathResult)
    waiting = [now for now in runs.recent(kind="inspect", owner="bob") if now.state != "done"]
    assert sorted(now.title for now in waiting) == ["from afar a.safetensors", "from afar b.safetensors"]
    same(runs.result(stored), runs.result(stored))
    assert runs.result(stored).finding == a_result().finding


def edited(change: Callable[[dict[str, Any]], None]) -> Callable[[Parts], Parts]:
    """The same bundle with another result."""

    def edit(parts: Parts) -> Parts:
        content = json.loads(parts["run.json"])
        change(content["of"])
        return {**parts, "run.json": json.dumps(content).encode()}

    return edit


def with_arrays(change: Callable[[dict[str, np.ndarray]], None]) -> Callable[[Parts], Parts]:
    def edit(parts: Parts) -> Parts:
        with np.load(io.BytesIO(parts["arrays.npz"])) as stored:
            arrays = {name: stored[name] for name in stored.files}
        change(arrays)
        target = io.BytesIO()
        np.savez(target, **arrays)  # type: ignore[arg-type]
        return {**parts, "arrays.npz": target.getvalue()}

    return edit


def _long_t(content: dict[str, Any]) -> None:
    content["naive"]["of"]["t"] = content["naive"]["of"]["values"]["test"]["loss"]


MARK = "[click](http://evil) "
HOSTILE: dict[str, tuple[Callable[[Parts], Parts], str]] = {
    "a name that leaves": (lambda p: {**p, "../../x": b"x"}, "which no bundle holds"),
    "another file": (lambda p: {**p, "setup.py": b"x"}, "which no bundle holds"),
    "a part missing": (lambda p: {k: v for k, v in p.items() if k != "arrays.npz"}, "no arrays.npz"),
    "not our format": (lambda p: {**p, "bundle.json": b"{}"}, "not a bundle that this version reads"),
    "no json": (lambda p: {**p, "run.json": b"{"}, "not readable JSON"),
    "a key twice": (lambda p: {**p, "run.json": b'{"is": 1, "is": 2}'}, "twice"),
    "endless nesting": (lambda p: {**p, "run.json": b"[" * 100_000}, "not readable JSON"),
    "an unknown class": (lambda p: {**p, "run.json": b'{"is": "Popen", "of": {"args": "id"}}'}, "does not know"),
    "a class of another kind": (lambda p: {**p, "run.json": b'{"is": "Pinned", "of": {}}'}, "damaged"),
    "another request": (lambda p: {**p, "request.json": b'{"kind": "path"}'}, "not the one its result answers"),
    "a number for a text": (edited(lambda c: c.update(device=5)), "result.device"),
    "a text for a number": (edited(lambda c: c["alignment"]["of"].update(seconds="long")), "alignment.seconds"),
    "markup in a name": (edited(lambda c: c["models"][0]["of"].update(title=MARK)), "markup"),
    "markup in a key": (edited(lambda c: c["versions"].update({MARK: "2"})), "markup"),
    "html in a note": (edited(lambda c: c.update(notes=["<img src=x>"])), "markup"),
    "a text without end": (edited(lambda c: c.update(notes=["x" * 5000])), "at most"),
    "an unknown method": (edited(lambda c: c["alignment"]["of"].update(method="magic")), "not known here"),
    "three models": (edited(lambda c: c["models"].append(c["models"][0])), "result.models"),
    "curves over nonsense": (edited(_long_t), "one path"),
    "an array that is not there": (edited(lambda c: c["naive"]["of"]["t"].update(of="a999")), "missing"),
    "a cloud that is none": (edited(lambda c: c["clouds"]["of"][0].__setitem__(1, 7)), "cannot be drawn"),
    "arrays with other names": (with_arrays(lambda a: a.update(evil=np.zeros(3))), "names that no run has"),
    "a pickled array": (
        with_arrays(lambda a: a.update(a0=np.array([pickle.dumps], dtype=object))),
        "cannot be read",
    ),
    "no zip inside": (lambda p: {**p, "arrays.npz": b"PK\x03\x04"}, "cannot be read"),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_bundle_is_refused_with_its_sentence(name: str, parts: Parts, home: Path) -> None:
    edit, said = HOSTILE[name]
    with pytest.raises(InputError) as refusal:
        read(zipped(edit(parts)), home)
    assert said in str(refusal.value)
    assert "\n" not in str(refusal.value)


def test_every_array_of_the_wrong_shape_or_kind_is_refused_or_drawn(parts: Parts, home: Path) -> None:
    """Whatever a stranger puts into the arrays, reading ends in a result that can be drawn or in a sentence."""
    with np.load(io.BytesIO(parts["arrays.npz"])) as stored:
        names = stored.files
    refused = 0
    for name in names[::7]:
        for wrong in (np.zeros((2, 3, 4)), np.array(["text"])):

            def put(arrays: dict[str, np.ndarray], name: str = name, wrong: np.ndarray = wrong) -> None:
                arrays[name] = wrong

            try:
                read(zipped(with_arrays(put)(parts)), home)
            except InputError:
                refused += 1
    assert refused >= len(names[::7])


def test_a_bundle_that_unpacks_to_more_than_fits_is_refused_before_it_is_unpacked(parts: Parts, home: Path) -> None:
    bomb = zipped({**parts, "run.json": b" " * (bundle.JSON_BYTES + 1)})
    assert len(bomb) < 10_000_000
    with pytest.raises(InputError, match="the limit is"):
        read(bomb, home)
    inner = io.BytesIO()
    with zipfile.ZipFile(inner, "w", zipfile.ZIP_DEFLATED) as archive, archive.open("a0.npy", "w") as entry:
        for _ in range(bundle.ARRAY_BYTES // 2**20 + 1):
            entry.write(bytes(2**20))
    with pytest.raises(InputError, match="more than a run has"):
        read(zipped({**parts, "arrays.npz": inner.getvalue()}), home)


def test_an_entry_twice_is_refused(parts: Parts, home: Path) -> None:
    target = io.BytesIO(zipped(parts))
    with zipfile.ZipFile(target, "a") as archive, pytest.warns(UserWarning, match="Duplicate name"):
        archive.writestr("run.json", b"{}")
    with pytest.raises(InputError, match="twice"):
        read(target.getvalue(), home)


@pytest.mark.parametrize(("name", "content"), [("x.zip", b"no zip"), ("x.tar", b""), ("x.zip", b"PK\x05\x06")])
def test_what_is_no_bundle_is_refused_before_it_is_kept(home: Path, name: str, content: bytes) -> None:
    with pytest.raises(InputError):
        add(name, content, owner="bob")


@pytest.mark.parametrize(
    ("value", "kind"),
    [(1, float), (None, str | None), ((1.0, 2.0), tuple[float, ...]), ({"a": 1}, dict[str, int]), ("x", Any)],
)
def test_a_value_of_its_kind_passes(value: object, kind: object) -> None:
    check(value, kind)


@pytest.mark.parametrize(
    ("value", "kind"),
    [(True, float), (1.5, int), (None, str), ((1, "x"), tuple[int, ...]), (object(), Any), ("a\0", str)],
)
def test_a_value_of_another_kind_is_refused(value: object, kind: object) -> None:
    with pytest.raises(InputError):
        check(value, kind)
