"""Runs that compare the layers of another run's networks: of large ones that takes longer than the run itself."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from lmc_core.diagnostics.values import VALUES
from lmc_core.errors import InputError
from lmc_core.options import Options
from lmc_core.runs.kinds._kind import Chosen, Kind, Known
from lmc_core.runs.kinds._options import DEVICE
from lmc_core.runs.kinds.path import PathResult
from lmc_core.runs.kinds.projection import RUN
from lmc_core.runs.values.record import Record
from lmc_core.words.matching import matching_rows

STAGES = ("Reading the networks", "Aligning B as the run did", "Comparing the layers")


@dataclass(frozen=True, eq=False, kw_only=True)
class LayersResult(Record):
    """What a path run on small networks holds of its layers, of one on large networks; see `PathResult`."""

    title: str = ""
    clouds: Mapping[tuple[str, str], Any] = field(default_factory=dict)
    matching: Mapping[str, Any] = field(default_factory=dict)
    layers: Mapping[str, Any] = field(default_factory=dict)
    preferred: Mapping[str, Any] = field(default_factory=dict)

    @property
    def json(self) -> dict[str, Any]:
        """How well the units of every layer fit, as one JSON object."""
        return {"run": self.request.get("run"), "layers": matching_rows(self.matching), **self.made}

    def within(self, run: PathResult) -> PathResult:
        """The run whose layers these are, with them."""
        names = ("clouds", "matching", "layers", "preferred")
        notes = tuple(dict.fromkeys((*run.notes, *self.notes)))
        return replace(run, **{name: getattr(self, name) for name in names}, notes=notes, later=False)


def _bound(options: Chosen, known: Known) -> dict[str, Any]:
    """The options with the models of the run: who may see these may see this."""
    asked = known.asked(options["run"])
    if not {"a", "b"} <= set(asked):
        raise InputError(f"run {options['run']} names no networks of this server whose layers could be compared")
    return {**options, "a": asked["a"], "b": asked["b"]}


LAYERS = Kind(
    "layers",
    "Comparing the layers",
    STAGES,
    Options("layers", (RUN, DEVICE)),
    (LayersResult, *VALUES),
    models=lambda options: [options[name] for name in ("a", "b") if name in options],
    bind=_bound,
    facts=("a", "b"),
    title=lambda options, cards: f"Layers of run {options['run']}",
)
