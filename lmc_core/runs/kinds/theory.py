"""Runs that measure on one pair what the theory of linear mode connectivity speaks of."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from lmc_core.diagnostics.diagnose import Layer
from lmc_core.diagnostics.gap import Gap
from lmc_core.diagnostics.gelbrich import Gelbrich
from lmc_core.diagnostics.laws import Law
from lmc_core.diagnostics.ledger import Entry, Ledger
from lmc_core.diagnostics.matching import Matching
from lmc_core.options import Options
from lmc_core.runs.kinds._kind import Kind
from lmc_core.runs.kinds._options import (
    DATA,
    DEVICE,
    FEWER_EXAMPLES,
    FEWER_TEST_EXAMPLES,
    METHOD,
    SEED,
    SETTINGS,
    A,
    B,
    settled,
)
from lmc_core.runs.values.record import Measured

STAGES = (
    "Reading the networks",
    "Aligning B to A",
    "Measuring the function gap",
    "Comparing the layers",
    "Keeping the ledger",
)


@dataclass(frozen=True, eq=False, kw_only=True)
class TheoryResult(Measured):
    """Function gaps along both paths, distances, dimensions and laws of every layer, ledgers of both barriers.

    naive, aligned     Gap
    matching, layers   group → as in a path run
    laws               group → Law, where it was measured
    ledgers            of the naive and the aligned path, each where its loss stands highest above the chord; None for
                       networks that cannot be traced
    removed            class of symmetry → the share of the squared distance of the weights that it removes
    """

    naive: Gap
    aligned: Gap
    matching: Mapping[str, Matching]
    layers: Mapping[str, Layer]
    laws: Mapping[str, Law] = field(default_factory=dict)
    ledgers: tuple[Ledger, Ledger] | None = None
    removed: Mapping[str, float] = field(default_factory=dict)

    @property
    def json(self) -> dict[str, Any]:
        """The measured numbers as one JSON object."""
        gaps = {
            name: {"gap": side.gap.tolist(), "bound": side.bound.tolist(), "excess": side.excess.tolist()}
            for name, side in (("naive", self.naive), ("aligned", self.aligned))
        }
        told = {"t": self.naive.t.tolist(), **gaps, "layers": theory_rows(self)}
        if self.ledgers is not None:
            told["ledger"] = {"naive": asdict(self.ledgers[0]), "aligned": asdict(self.ledgers[1])}
        if self.removed:
            told["removed"] = dict(self.removed)
        return super().json | told


def theory_rows(result: TheoryResult) -> list[dict[str, Any]]:
    """One row per layer: W₂² in both metrics, dimensions, feature connectivity, law."""
    rows = []
    for group, match in result.matching.items():
        layer = result.layers[group]
        row: dict[str, Any] = {"layer": match.label, "units": match.units}
        for name, cost in (("W", match.plain), ("W Σ½", match.seen)):
            if cost is not None:
                row |= {f"{name}: naive": cost.before, f"{name}: aligned": cost.after, f"{name}: W₂²": cost.best}
        spectra = (
            ("of W", layer.dimension.weights),
            ("seen", layer.dimension.seen),
            ("seen, centred", layer.dimension.centred),
        )
        row |= {f"dimension {name}": None if s is None else s.dimension for name, s in spectra}
        for name, side in (("naive", layer.before), ("aligned", layer.after)):
            row[f"lowest cosine, {name}"] = None if side is None else float(side.cosine.min())
        if result.laws:
            row |= _law_row(result.laws.get(group))
        rows.append(row)
    return rows


LAW_COLUMNS = ("R, naive", "R, aligned", "share of two moments", "dimension from subsets", "dimension from neighbours")


def _law_row(law: Law | None) -> dict[str, float | None]:
    """What a row says of the law of its layer."""
    values: tuple[float | None, ...] = (None,) * len(LAW_COLUMNS)
    if law is not None:
        values = (law.before, law.after, law.split.share, law.dimension, law.neighbours)
    return dict(zip(LAW_COLUMNS, values, strict=True))


def ledger_rows(result: TheoryResult) -> list[dict[str, Any]]:
    """One row per layer: what its product and what follows it add to the loss, and their defects, on both paths."""
    if result.ledgers is None:
        return []
    naive, aligned = result.ledgers
    rows = []
    for before, after in zip(naive.entries, aligned.entries, strict=True):
        row: dict[str, Any] = {"layer": after.layer}
        for name, entry in (("naive", before), ("aligned", after)):
            row |= {f"loss, product, {name}": entry.linear, f"loss, activation, {name}": entry.activation}
            row |= {f"defect of the product, {name}": entry.linear_defect}
            row |= {f"defect of the activation, {name}": entry.activation_defect}
        rows.append(row)
    return rows


THEORY = Kind(
    "theory",
    "Measuring what the theory speaks of",
    STAGES,
    Options("theory", (A, B, DATA, METHOD, SETTINGS, FEWER_EXAMPLES, FEWER_TEST_EXAMPLES, SEED, DEVICE)),
    (TheoryResult, Gap, Law, Gelbrich, Ledger, Entry),
    models=lambda options: [options["a"], options["b"]],
    settle=settled,
    example={"a": "digits-mlp-128/seed0", "b": "digits-mlp-128/seed1", "method": "activation-matching"},
    version=4,
)
