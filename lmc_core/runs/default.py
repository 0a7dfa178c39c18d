"""Which analysis a visitor sees before clicking anything."""

from __future__ import annotations

from collections.abc import Iterator

from lmc_core.data import files
from lmc_core.data.registry import DATASETS
from lmc_core.methods import METHODS
from lmc_core.runs import library
from lmc_core.runs.request import Request

PREFERRED = ("mnist-mlp-512", "digits-mlp-512", "digits-mlp-128")
METHOD = "activation-matching"


def default_request() -> Request | None:
    """The first preferred pair that is shipped and whose data needs no download; None if nothing is shipped yet."""
    for a, b, data in _pairs():
        if data in DATASETS and (DATASETS[data].offline or _at_hand(data)):
            method = METHOD if METHOD in METHODS else next(iter(METHODS))
            return Request.path(a, b, data, method, recalibrate="auto")
    return None


def _at_hand(data: str) -> bool:
    """True if the files of a data set lie in a folder of LMC_DATA, or were downloaded before."""
    return files.find((data, data.upper())) is not None or (files.home() / "data" / data).is_dir()


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
