"""Where a request meets the library: what it needs to know before it has an id, and its entry in the index."""

from __future__ import annotations

import math
from typing import Any

from lmc_core.data.registry import DATASETS
from lmc_core.errors import InputError
from lmc_core.runs.keep import opened
from lmc_core.runs.kinds import KINDS
from lmc_core.runs.kinds._kind import Chosen
from lmc_core.runs.kinds.request import Request
from lmc_core.runs.library import data as datasets
from lmc_core.runs.library import models as library
from lmc_core.runs.values.card import ModelCard, models_title

_NOT_LIKENESS = frozenset(
    "a b fingerprints models data method settings weights seed upload filename arch".split()  # noqa: SIM905
)


class Known:
    """What this server knows of models, data and runs; see `kinds._kind.Known`."""

    def card(self, model: str) -> ModelCard:
        """The card of a model."""
        return library.card(model)

    def example(self, data: str) -> tuple[str, tuple[int, ...]]:
        """The title of data and the shape of one of its examples."""
        name = datasets.checked(data)
        own = datasets.card(name)
        return datasets.title(name), DATASETS[name].shape if own is None else own.shape

    def asked(self, run: str) -> Chosen:
        """The options of a kept run."""
        return opened().request(run).options


def bind(request: Request) -> Request:
    """The request with what this server knows, so that it has an id. Raises InputError for models, data or runs that
    are not here, or are not those the request means."""
    return request.bound(Known())


def entry(request: Request) -> dict[str, Any]:
    """title, listed and likeness of a bound request.

    listed     whether it may be in the gallery although nobody publishes it: False as soon as one of its models,
               its data, or the run that it goes on from is private
    likeness   "kind|data|family and size|method|…", from general to special, to find earlier runs of the same cost
    """
    kind, options = KINDS[request.kind], request.options
    cards = [_card(model) for model in kind.models(options)]
    if kind.reads_file:
        title, listed = str(options["filename"]), False  # a stranger's file, whatever it holds
    else:
        title = kind.title(options, cards) if kind.title else models_title(*cards)
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
