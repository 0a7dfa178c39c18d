"""Runs that align B to A and evaluate the line between them, before and after."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from lmc_core.alignment.coupling import Coupling
from lmc_core.diagnostics.null import NullTest
from lmc_core.diagnostics.values import VALUES
from lmc_core.errors import InputError
from lmc_core.options import Options
from lmc_core.paths.profile import Profile
from lmc_core.runs.kinds._curve import CURVE
from lmc_core.runs.kinds._kind import Chosen, Kind, Known, with_fingerprints
from lmc_core.runs.kinds._options import (
    DATA,
    DEVICE,
    METHOD,
    POINTS,
    PRECISION,
    RECALIBRATE,
    SEED,
    SETTINGS,
    TASK,
    TEST_EXAMPLES,
    TRAIN_EXAMPLES,
    A,
    B,
    settled,
)
from lmc_core.runs.values.card import ModelCard, models_json, pair_title
from lmc_core.runs.values.facts import (
    AlignmentFacts,
    CurveFacts,
    DataFacts,
    FormRow,
    GroupRow,
    SymmetryFacts,
    TensorRow,
    profile_json,
)
from lmc_core.runs.values.record import Record
from lmc_core.symmetry.symmetry import Pinned

ARTIFACTS = {"aligned": "Aligned B", "reference": "A in canonical form"}
"""Name of a network that a run keeps, as .safetensors or .pt2 → what it is. A is kept where it has other numbers."""

STAGES = (
    "Reading the networks",
    "Finding the symmetry",
    "Aligning B to A",
    "Evaluating both paths",
    "Comparing the layers",
)


@dataclass(frozen=True, eq=False, kw_only=True)
class PathResult(Record):
    """The path from A to B before and after alignment, and everything the page shows of it.

    models          cards of A and B
    naive, aligned  Profiles over the same t
    clouds          (group, projection) → Cloud
    matching        group → how well the units fit, before and after (diagnostics)
    layers          group → feature connectivity, spread, spectrum, dimension (diagnostics)
    curve           a curved path from A to aligned B, where one was asked for
    preferred       group → the classes of examples that its units respond to most (diagnostics)
    null            what the same learning makes of a shuffled B, where a method learns
    later           only the first cloud is there: the networks are large, and their layers are compared when asked for
    """

    models: tuple[ModelCard, ModelCard]
    data: DataFacts
    naive: Profile
    aligned: Profile
    symmetry: SymmetryFacts
    alignment: AlignmentFacts
    clouds: Mapping[tuple[str, str], Any] = field(default_factory=dict)
    matching: Mapping[str, Any] = field(default_factory=dict)
    layers: Mapping[str, Any] = field(default_factory=dict)
    preferred: Mapping[str, Any] = field(default_factory=dict)
    curve: CurveFacts | None = None
    null: NullTest | None = None
    later: bool = False

    @property
    def title(self) -> str:
        """Both models by name."""
        return pair_title(*self.models)

    @property
    def json(self) -> dict[str, Any]:
        """The object that `path --json` prints."""
        return {
            "method": self.alignment.method,
            "settings": dict(self.alignment.settings),
            "data": self.data.name,
            "models": models_json(self.models),
            **profile_json(self.aligned),
            "naive": profile_json(self.naive),
            "curve": None if self.curve is None else self.curve.json,
            "null": None if self.null is None else asdict(self.null),
            "groups": {row.name: row.size for row in self.symmetry.groups},
            "verification_error": self.symmetry.error,
            "function_error": self.alignment.function_error,
            "canonical": self.alignment.canonical,
            "converged": self.alignment.converged,
            "recalibrate": self.aligned.recalibrate,
            "seed": self.alignment.seed,
            **self.made,
            "notes": [*self.alignment.notes, *self.notes],
        }


def _models(options: Chosen) -> list[str]:
    way = (options.get("curve") or {}).get("model")
    return [options["a"], options["b"], *([way] if way else [])]


def _bound(options: Chosen, known: Known) -> dict[str, Any]:
    """The options with the fingerprints of all models, that of a model on the way within the curve."""
    found, curve = with_fingerprints(options, known), options.get("curve")
    if curve is None or "model" not in curve:
        return found
    fingerprint = known.card(curve["model"]).fingerprint
    if curve.get("fingerprint", fingerprint) != fingerprint:
        raise InputError(f"model {curve['model']!r} holds other weights now than when the request was made")
    return {**found, "curve": {**curve, "fingerprint": fingerprint}}


PATH = Kind(
    "path",
    "Aligning B to A",
    STAGES,
    Options(
        "path",
        (
            *(A, B, DATA, TASK, METHOD, SETTINGS, CURVE),
            *(POINTS, RECALIBRATE, TRAIN_EXAMPLES, TEST_EXAMPLES, PRECISION, SEED, DEVICE),
        ),
    ),
    (
        *(PathResult, CurveFacts, DataFacts, FormRow, GroupRow, TensorRow, SymmetryFacts, AlignmentFacts),
        *(Profile, Pinned, Coupling, *VALUES),
    ),
    models=_models,
    settle=settled,
    bind=_bound,
    example={"a": "digits-mlp-128/seed0", "b": "digits-mlp-128/seed1", "method": "activation-matching"},
    others=(
        {
            **{"a": "mnist-vit/seed0", "b": "mnist-vit/seed1", "data": "mnist", "method": "full-symmetry-matching"},
            **{"points": 13, "train_examples": 1_000},
        },
        {"a": "digits-vit/seed0", "b": "digits-vit/seed1", "method": "learned-matching"},
    ),
)
