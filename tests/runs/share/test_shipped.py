"""The analyses that a checkout brings along: they are those that the pages ask for, and what this program computes."""

import json
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from lmc_core import runs
from lmc_core.runs import keep, service
from lmc_core.runs.kinds import KINDS
from lmc_core.runs.settings import settings
from lmc_core.runs.share.default import defaults, examples
from lmc_core.runs.share.shipped import adopt
from lmc_core.runs.work.run import run as carry_out

SHIPPED = settings({}).checkpoints / keep.SHIPPED / "runs"


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A host that keeps nothing yet and has no engine."""
    for name in ("LMC_DATA", "LMC_CHECKPOINTS", "LMC_STORE", "LMC_DATABASE_URL"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("LMC_HOME", str(tmp_path))
    monkeypatch.setenv("LMC_PREPARE", "off")
    yield tmp_path
    keep.opened().index.close()


def test_what_is_shipped_is_what_the_pages_open_on_and_nothing_else() -> None:
    asked = {request.id for request in examples()}
    assert asked == {folder.name for folder in SHIPPED.iterdir()}, "run python -m lmc_core ship"
    assert {request.kind for request in defaults()} == {name for name, kind in KINDS.items() if kind.example}


def test_a_fresh_server_has_them_all_without_computing_anything() -> None:
    service.prepare()
    for request in examples():
        assert runs.status(request.id).state == "done"
        found = runs.result(request.id)
        assert found.finding == runs.status(request.id).finding
        assert runs.picture(request.id, "card.png").startswith(b"\x89PNG")
    assert {status.id for status in runs.recent(kind=None)} == {request.id for request in examples()}


def test_what_is_shipped_holds_no_address_of_the_machine_that_made_it() -> None:
    for folder in SHIPPED.iterdir():
        content = json.loads((folder / "run.json").read_text())
        assert not [text for text in strings(content) if text.startswith(("/", "\\")) or ":\\" in text]


def strings(content: object) -> Iterator[str]:
    """All texts of a JSON value."""
    if isinstance(content, str):
        yield content
    elif isinstance(content, dict | list):
        for each in content.values() if isinstance(content, dict) else content:
            yield from strings(each)


def test_every_page_opens_on_one_pair_or_on_one_that_holds_it() -> None:
    first, *others = defaults()
    pair = {first.options["a"], first.options["b"]}
    for request in others:
        models = request.options.get("models") or [request.options[name] for name in "ab" if name in request.options]
        assert not models or pair <= set(models)


@pytest.mark.parametrize("kind", ["path", "fuse"])
def test_this_program_computes_what_is_shipped(kind: str, tmp_path: Path) -> None:
    request = next(request for request in defaults() if request.kind == kind)
    again = json.loads(json.dumps(carry_out(request, lambda *_, **__: None, tmp_path, "cpu").json))
    service.prepare()
    kept = runs.result(request.id).json
    for name in ("test", "train", "barrier", "groups", "naive", "fused", "parents"):
        if name in kept:
            numbers(again[name], json.loads(json.dumps(kept[name])))
    assert again["finding"] == kept["finding"]


def numbers(found: object, kept: object) -> None:
    """Equal but for the order in which threads add."""
    if isinstance(kept, dict):
        assert isinstance(found, dict)
        for key, value in kept.items():
            if key != "seconds":
                numbers(found[key], value)
    elif isinstance(kept, list):
        np.testing.assert_equal(len(found), len(kept))  # type: ignore[arg-type]
        for one, other in zip(found, kept, strict=True):  # type: ignore[call-overload]
            numbers(one, other)
    elif isinstance(kept, float):
        assert found == pytest.approx(kept, rel=1e-3, abs=3.5 / 359)
    else:
        assert found == kept


def test_a_run_of_other_networks_is_not_taken(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    request = runs.bind(runs.Request.of("path", a="digits-mlp-128/seed0", b="digits-mlp-128/seed2"))
    assert not adopt(request, keep.opened())
    assert not keep.opened().store.has(request.id)
