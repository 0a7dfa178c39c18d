"""Which analyses a visitor sees before clicking anything."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from typing import Any

from lmc_core.data.registry import DATASETS
from lmc_core.errors import InputError
from lmc_core.runs.kinds import KINDS
from lmc_core.runs.kinds.request import Request
from lmc_core.runs.library import models as library
from lmc_core.runs.library.entry import bind

PREFERRED = ("mnist-mlp-512", "digits-mlp-512", "digits-mlp-128")
METHOD = "activation-matching"


def default_request(kind: str = "path") -> Request | None:
    """The analysis of a kind that is ready without a click; None if no models are shipped that it could be made of.

    A path: the first preferred pair whose data needs no download. Every other kind: the example it declares, on that
    pair where the models of its example are not shipped.
    """
    pair = next((pair for pair in _pairs() if pair[2] in DATASETS and DATASETS[pair[2]].available()), None)
    if kind == "path":
        return _here("path", a=pair[0], b=pair[1], data=pair[2], method=METHOD) if pair else None
    example = KINDS[kind].example
    if example is None:
        return None
    with suppress(InputError):
        return _here(kind, **example)
    if pair is None or "a" not in example:
        return None
    return _here(kind, **{**example, **dict(zip(("a", "b", "data"), pair, strict=True))})


def examples() -> list[Request]:
    """The default analyses beside the path."""
    return [
        request for request in map(default_request, (kind for kind in KINDS if kind != "path")) if request is not None
    ]


def _here(kind: str, **options: Any) -> Request:
    """A request of the library of this server."""
    return bind(Request.of(kind, **options))


def _pairs() -> Iterator[tuple[str, str, str]]:
    """(A, B, data) of every shipped pair of seeds, the preferred ones first."""
    families: dict[str, list[str]] = {}
    data: dict[str, str] = {}
    for card in library.shipped():
        name = card.id.rpartition("/")[0]
        families.setdefault(name, []).append(card.id)
        data[name] = card.data
    for name in sorted(families, key=lambda name: PREFERRED.index(name) if name in PREFERRED else len(PREFERRED)):
        if len(families[name]) >= 2:
            yield families[name][0], families[name][1], data[name]
