"""Runs that align the shipped networks of several widths: how barrier and distance fall with the width."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from lmc_core.diagnostics.exponent import Exponent
from lmc_core.diagnostics.width import Scaling
from lmc_core.options import Options
from lmc_core.paths.profile import Profile
from lmc_core.runs.kinds._kind import Chosen, Kind, Known
from lmc_core.runs.kinds._options import (
    DEVICE,
    FEWER_EXAMPLES,
    METHOD,
    SEED,
    SETTINGS,
    TEST_EXAMPLES,
    settled,
)
from lmc_core.runs.values.record import Measured

FAMILY = ("digits-mlp-32", "digits-mlp-128", "digits-mlp-512")
DATA = "digits"
IDS = tuple(f"{name}/seed{number}" for name in FAMILY for number in (0, 1))
WIDTHS = tuple(name.rpartition("-")[2] for name in FAMILY)
TITLE = f"Digits MLPs of width {', '.join(WIDTHS)}"
STAGES = tuple(f"Aligning networks of width {width}" for width in WIDTHS)


@dataclass(frozen=True, eq=False)
class WidthRow:
    """One pair of the family: its width, both paths, and the largest function gap of the aligned one."""

    width: int
    naive: Profile
    aligned: Profile
    gap: float | None = None


@dataclass(frozen=True, eq=False, kw_only=True)
class WidthResult(Measured):
    """Pairs of increasing width.

    plain, seen   layer → W₂² against width, of W and of W Σ^½
    exponents     "barrier", "gap" → how it falls with the width after alignment, where it is positive at every width
    """

    rows: tuple[WidthRow, ...]
    plain: Mapping[str, Scaling]
    seen: Mapping[str, Scaling]
    exponents: Mapping[str, Exponent] = field(default_factory=dict)

    @property
    def title(self) -> str:
        return TITLE

    @property
    def json(self) -> dict[str, Any]:
        """The measured numbers as one JSON object."""

        def told(scalings: Mapping[str, Scaling]) -> dict[str, Any]:
            return {
                name: {"costs": s.costs.tolist(), "slope": s.slope, "dimension": s.dimension}
                for name, s in scalings.items()
            }

        return super().json | {
            "widths": [row.width for row in self.rows],
            "barrier": {
                "naive": [row.naive.barrier() for row in self.rows],
                "aligned": [row.aligned.barrier() for row in self.rows],
            },
            "plain": told(self.plain),
            "seen": told(self.seen),
            "exponents": {name: asdict(found) for name, found in self.exponents.items()},
        }


def _bound(options: Chosen, known: Known) -> dict[str, Any]:
    """The options with the models of the family, and their data."""
    return {
        **options,
        "models": list(IDS),
        "data": DATA,
        "fingerprints": [known.card(name).fingerprint for name in IDS],
    }


WIDTH = Kind(
    "width",
    "Aligning networks of three widths",
    STAGES,
    Options("width", (METHOD, SETTINGS, FEWER_EXAMPLES, TEST_EXAMPLES, SEED, DEVICE)),
    (WidthResult, WidthRow, Scaling, Exponent),
    models=lambda options: list(IDS),
    settle=settled,
    bind=_bound,
    facts=("models", "data", "fingerprints"),
    title=lambda options, cards: TITLE,
    example={"method": "activation-matching"},
    version=4,
)
