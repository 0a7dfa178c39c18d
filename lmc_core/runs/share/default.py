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


def default_request(kind: str = "path") -> Request | None:
    """The analysis of a kind that is ready without a click: the example that it declares.

    Where the models of that are not shipped: the same of the first pair whose data needs no download; None without one.
    """
    example = KINDS[kind].example
    if example is None:
        return None
    with suppress(InputError):
        return _here(kind, **example)
    pair = next((pair for pair in _pairs() if pair[2] in DATASETS and DATASETS[pair[2]].available()), None)
    if pair is None or "a" not in example:
        return None
    return _here(kind, **{**example, **dict(zip(("a", "b", "data"), pair, strict=True))})


def defaults() -> list[Request]:
    """The default analyses of all kinds that have one, the path first."""
    kinds = sorted(KINDS, key=lambda kind: kind != "path")
    return [request for request in map(default_request, kinds) if request is not None]


def examples() -> list[Request]:
    """All analyses that are shipped finished: the default ones, then those of other kinds of models."""
    found = defaults()
    for kind in KINDS.values():
        for other in kind.others:
            with suppress(InputError):
                found.append(_here(kind.name, **other))
    return found


def _here(kind: str, **options: Any) -> Request:
    """A request of the library of this server."""
    return bind(Request.of(kind, **options))


def _pairs() -> Iterator[tuple[str, str, str]]:
    """(A, B, data) of every shipped pair of seeds."""
    families: dict[str, list[str]] = {}
    data: dict[str, str] = {}
    for card in library.shipped():
        name = card.id.rpartition("/")[0]
        families.setdefault(name, []).append(card.id)
        data[name] = card.data
    for name in sorted(families):
        if len(families[name]) >= 2:
            yield families[name][0], families[name][1], data[name]
