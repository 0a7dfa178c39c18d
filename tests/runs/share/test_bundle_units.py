"""Units in bundles: they come back as they were, and whatever else a stranger calls units is refused."""

import io
import json
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from asking import path_request, request_of
from bundles import A, B, Parts, brought, unzipped, zipped
from results import a_result, same

from lmc_core import runs
from lmc_core.diagnostics.inspector import Block, Units
from lmc_core.errors import InputError
from lmc_core.report import silent
from lmc_core.runs import keep
from lmc_core.runs.keep import units
from lmc_core.runs.kinds.path import PathResult
from lmc_core.runs.library import bundle, unit_checks
from lmc_core.runs.library import models as library
from lmc_core.runs.share.bundle import export

Arrays = dict[str, Any]


def some_units(metric: str, **changes: Any) -> Units:
    rng = np.random.default_rng(3)
    rows = {name: rng.normal(size=(40, 7)).astype(np.float32) for name in ("a", "b", "match")}
    pairs = {"cosine": rng.uniform(-1, 1, (40, 2)), "distance": rng.random((40, 2))}
    blocks = (Block("fc1.weight", "rows", (2, 2), 0), Block("fc1.bias", "profile", (3,), 4))
    about: dict[str, Any] = {"group": "fc1", "label": "layer 1", "total": 40, "moved": False, "blocks": blocks}
    numbers = {"numbers": np.arange(40, dtype=np.int32), "partner": rng.permutation(40).astype(np.int32)}
    small = {name: value.astype(np.float32) for name, value in pairs.items()}
    return Units(**{**about, **numbers, **rows, **small, "metric": metric, **changes})


def both(**changes: Any) -> dict[tuple[str, str], Units]:
    return {("fc1", metric): some_units(metric, **changes) for metric in ("weights", "data")}


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    with pytest.MonkeyPatch.context() as patch:
        for name in ("LMC_STORE", "LMC_DATABASE_URL", "LMC_CHECKPOINTS"):
            patch.delenv(name, raising=False)
        patch.setenv("LMC_HOME", str(tmp_path_factory.mktemp("home")))
        yield tmp_path_factory.mktemp("files")
        keep.opened().index.close()


def kept(files: Path, seed: int, found: dict[tuple[str, str], Units]) -> str:
    """A finished run with these units."""
    request = path_request(A, B, method="weight-matching", seed=seed)
    cards = tuple(library.card(name) for name in (A, B))
    result = replace(a_result(), models=cards, request={"kind": "path", **request.options})
    units.write(files, found)
    keep.opened().store.save(request.id, result, {units.FILE: files / units.FILE})
    runs.submit(request, "ann")
    return request.id


@pytest.fixture(scope="module")
def parts(files: Path) -> Parts:
    return unzipped(export(kept(files, 0, both())))


def read(content: bytes, files: Path) -> unit_checks.Kept:
    path = files / "b.zip"
    path.write_bytes(content)
    return bundle.read_units(path, "b.zip", a_result())


def test_units_come_back_as_they_were(parts: Parts, files: Path) -> None:
    same(dict(read(zipped(parts), files)), both())


def test_a_bundle_without_units_opens_as_before(parts: Parts, files: Path) -> None:
    assert read(zipped({name: part for name, part in parts.items() if name != units.FILE}), files) == {}
    assert isinstance(bundle.read(files / "b.zip", "b.zip"), PathResult)


def test_an_opened_bundle_keeps_its_units_and_takes_them_along_again(parts: Parts, files: Path) -> None:
    from lmc_core.runs.work.run import run

    opened = brought("from afar.zip", zipped(parts), owner="bob")
    folder = files / "work"
    folder.mkdir()
    keep.opened().store.save(
        opened, run(runs.request(opened), silent, folder, "cpu"), {p.name: p for p in folder.iterdir()}
    )
    assert keep.opened().index.claim("a server", ("bundle",)) is not None
    keep.opened().index.finish(opened, "done", finding="")
    assert set(units.units(opened, "fc1")) == {"weights", "data"}
    same(dict(read(export(opened), files)), both())
    asked = request_of("projection", run=opened, group="fc1")
    runs.submit(asked, "bob")
    assert not runs.status(asked.id).listed  # as private as the run that it is made of


def test_units_that_would_be_refused_stay_at_home(files: Path) -> None:
    rows = np.full((40, 7), np.inf, np.float32)
    assert units.FILE not in unzipped(export(kept(files, 1, both(a=rows))))


def changed(**changes: Any) -> Callable[[Path], bytes]:
    """The file with other values in the units of both metrics."""

    def make(files: Path) -> bytes:
        units.write(files, both(**changes))
        return (files / units.FILE).read_bytes()

    return make


def rewritten(change: Callable[[Arrays], Any]) -> Callable[[Path], bytes]:
    """The file with other arrays, or another list of them."""

    def make(files: Path) -> bytes:
        units.write(files, both())
        with np.load(files / units.FILE) as stored:
            arrays = dict(stored)
        change(arrays)
        target = io.BytesIO()
        np.savez(target, **arrays)
        return target.getvalue()

    return make


def listed(change: Callable[[list[Any]], Any]) -> Callable[[Path], bytes]:
    def edit(arrays: Arrays) -> None:
        packed = json.loads(str(arrays["about"]))
        change(packed)
        arrays["about"] = np.asarray(json.dumps(packed))

    return rewritten(edit)


def floats(shape: tuple[int, ...], value: float = 0.0) -> np.ndarray:
    return np.full(shape, value, np.float32)


def whole(value: int, count: int = 40) -> np.ndarray:
    return np.full(count, value, np.int32)


def blocks(*each: tuple[str, tuple[int, ...], int]) -> tuple[Block, ...]:
    return tuple(Block("fc1.weight", kind, shape, start) for kind, shape, start in each)  # type: ignore[arg-type]


OBJECT = np.array([json.dumps], dtype=object)
NO_WEIGHTS = "are not weights of units that were matched"
HOSTILE: dict[str, tuple[Callable[[Path], bytes], str]] = {
    "no zip": (lambda _: b"PK\x03\x04", "cannot be read"),
    "an array of another name": (rewritten(lambda a: a.update(evil=floats((3,)))), "names that no run has"),
    "a pickled array": (rewritten(lambda a: a.update(a0=OBJECT)), "cannot be read"),
    "a pickled list": (rewritten(lambda a: a.update(about=OBJECT)), "cannot be read"),
    "no list": (rewritten(lambda a: a.pop("about")), "do not say what they are"),
    "a list of numbers": (rewritten(lambda a: a.update(about=floats((2,)))), "do not say what they are"),
    "a list that is no json": (rewritten(lambda a: a.update(about=np.asarray("{"))), "not readable JSON"),
    "a list of something else": (listed(lambda p: p.append(5)), "damaged"),
    "a list without end": (rewritten(lambda a: a.update(about=np.asarray("[" * 99_999))), "not readable JSON"),
    "an array that is missing": (rewritten(lambda a: a.pop("a2")), "missing"),
    "an unknown class": (listed(lambda p: p[0].__setitem__(2, {"is": "Popen", "of": {}})), "does not know"),
    "no units": (listed(lambda p: p[0].__setitem__(2, 7)), "the units cannot be"),
    "a layer that the run does not have": (listed(lambda p: p[0].__setitem__(0, "fc9")), "no layer of its run"),
    "a metric that nobody knows": (listed(lambda p: p[1].__setitem__(1, "magic")), "no layer of its run"),
    "no plain weights": (listed(lambda p: p.pop(0)), "no layer of its run"),
    "another label": (changed(label="layer 7"), "no layer of its run"),
    "markup in a label": (changed(label="[click](http://evil)"), "markup"),
    "markup in a tensor": (changed(blocks=(Block("<img src=x>", "profile", (7,), 0),)), "markup"),
    "an unknown layout": (changed(blocks=blocks(("movie", (7,), 0))), "kind"),  # type: ignore[arg-type]
    "another number of units": (changed(total=41), "no layer of its run"),
    "weights of other units": (changed(numbers=np.arange(1, 41, dtype=np.int32)), NO_WEIGHTS),
    "a unit twice": (changed(numbers=whole(3)), NO_WEIGHTS),
    "fewer weights": (changed(match=floats((39, 7))), NO_WEIGHTS),
    "weights that are words": (changed(a=np.full((40, 7), "x")), NO_WEIGHTS),
    "weights that are whole numbers": (changed(b=np.ones((40, 7), int)), NO_WEIGHTS),
    "weights that are not numbers": (changed(a=floats((40, 7), np.nan)), NO_WEIGHTS),
    "weights without end": (changed(b=floats((40, 7), np.inf)), NO_WEIGHTS),
    "no unit": (changed(**{n: floats((0, 7)) for n in ("a", "b", "match")}, numbers=whole(0, 0)), NO_WEIGHTS),
    "a partner that is not there": (changed(partner=whole(40)), NO_WEIGHTS),
    "a partner below none": (changed(partner=whole(-2)), NO_WEIGHTS),
    "partners of other units": (changed(partner=whole(0, 3)), NO_WEIGHTS),
    "a cosine above 1": (changed(cosine=floats((40, 2), 1.5)), NO_WEIGHTS),
    "a cosine that is no number": (changed(cosine=floats((40, 2), np.nan)), NO_WEIGHTS),
    "a negative distance": (changed(distance=floats((40, 2), -1)), NO_WEIGHTS),
    "blocks with a gap": (changed(blocks=blocks(("profile", (3,), 0), ("profile", (3,), 4))), NO_WEIGHTS),
    "blocks beyond the weights": (changed(blocks=blocks(("profile", (8,), 0))), NO_WEIGHTS),
    "a block of negative size": (changed(blocks=blocks(("rows", (-1, -7), 0))), NO_WEIGHTS),
    "a block of too many dimensions": (changed(blocks=blocks(("profile", (7, 1), 0))), NO_WEIGHTS),
    "no blocks": (changed(blocks=()), NO_WEIGHTS),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_units_are_refused_with_their_sentence(name: str, parts: Parts, files: Path) -> None:
    make, said = HOSTILE[name]
    with pytest.raises(InputError) as refusal:
        read(zipped({**parts, units.FILE: make(files)}), files)
    assert said in str(refusal.value)
    assert "\n" not in str(refusal.value)


def test_units_that_unpack_to_more_than_fits_are_refused_before_they_are_unpacked(parts: Parts, files: Path) -> None:
    with pytest.raises(InputError, match="the limit is"):
        read(zipped({**parts, units.FILE: bytes(unit_checks.BYTES + 1)}), files)
    inner = io.BytesIO()
    with zipfile.ZipFile(inner, "w", zipfile.ZIP_DEFLATED) as archive, archive.open("a0.npy", "w") as entry:
        for _ in range(unit_checks.BYTES // 2**20 + 1):
            entry.write(bytes(2**20))
    with pytest.raises(InputError, match="more than a run has"):
        read(zipped({**parts, units.FILE: inner.getvalue()}), files)


def test_only_a_path_has_units(parts: Parts, files: Path) -> None:
    path = files / "b.zip"
    path.write_bytes(zipped(parts))
    with pytest.raises(InputError, match="only runs of a path"):
        bundle.read_units(path, "b.zip", object())  # type: ignore[arg-type]
