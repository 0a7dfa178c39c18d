"""The entry of a request in the index: a title, who may see it, and which earlier runs it is like."""

from __future__ import annotations

import math
from typing import Any

from lmc_core.data.registry import DATASETS
from lmc_core.errors import InputError
from lmc_core.runs.keep import opened
from lmc_core.runs.kinds import MORE
from lmc_core.runs.kinds._kind import models_of
from lmc_core.runs.library import models as library
from lmc_core.runs.values.card import ModelCard, models_title
from lmc_core.runs.values.request import Request

_NOT_LIKENESS = frozenset(
    "a b fingerprints models data method settings weights seed upload filename arch".split()  # noqa: SIM905
)


def entry(request: Request) -> dict[str, Any]:
    """title, listed and likeness of a request.

    listed     False as soon as one of its models, its data, or the run that it goes on from is private
    likeness   "kind|data|family and size|method|…", from general to special, to find earlier runs of the same cost
    """
    options = request.options
    cards = [_card(model) for model in models_of(options)]
    if request.kind in ("inspect", "data", "bundle"):
        title, listed = str(options["filename"]), False  # a stranger's file, whatever it holds
    else:
        named = MORE[request.kind].title if request.kind in MORE else None
        title = named(options) if named else models_title(*cards) if len(cards) >= 2 else request.kind
        listed = all(c.listed for c in cards) and options.get("data", "") in ("", *DATASETS)
        listed = listed and ("run" not in options or opened().status(options["run"]).listed)
    sizes = ",".join(f"{c.family} 2^{round(math.log2(max(c.parameters, 1)))}" for c in cards)
    rest = [f"{name}={options[name]}" for name in sorted(options) if name not in _NOT_LIKENESS]
    words = [request.kind, str(options.get("data")), sizes, str(options.get("method")), *rest]
    return {"title": title, "listed": listed, "likeness": "|".join(words)[:400]}


def _card(model: str) -> ModelCard:
    try:
        return library.card(model)
    except InputError:  # deleted since: the run can still be listed by its link
        return ModelCard(model, model, listed=False)
