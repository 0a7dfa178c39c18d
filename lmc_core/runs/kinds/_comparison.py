"""What a comparison of methods finds, on one pair and on several."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from lmc_core.paths.profile import Profile
from lmc_core.runs.values.card import ModelCard, models_json, pair_title
from lmc_core.runs.values.facts import profile_json
from lmc_core.runs.values.record import Measured


@dataclass(frozen=True, eq=False)
class MethodRow:
    """One method on one pair: what it reached, or why it has no result.

    profile          from A to B aligned; None where `why` says the reason
    objective        Σ <A, B aligned> over the weights, the same for every method; None where A has other numbers too
    own              the method's own objective, naive and at the end; None where it has none
    function_error   relative change of B's outputs by the alignment: near 0 for permutations
    """

    method: str
    title: str
    settings: Mapping[str, Any] = field(default_factory=dict)
    profile: Profile | None = None
    objective: float | None = None
    own: tuple[float, float] | None = None
    seconds: float | None = None
    converged: bool = True
    function_error: float | None = None
    notes: tuple[str, ...] = ()
    why: str | None = None

    @property
    def order(self) -> tuple[bool, float]:
        """Smallest test-loss barrier first, methods without a result last."""
        barrier = self.profile.barrier("test", "loss") if self.profile else 0.0
        return self.profile is None or barrier != barrier, barrier

    @property
    def json(self) -> dict[str, Any]:
        """As one JSON object."""
        about = {"method": self.method, "title": self.title, "settings": dict(self.settings)}
        if self.profile is None:
            return {**about, "error": self.why}
        return {
            **about,
            **profile_json(self.profile),
            "objective": self.objective,
            "own_objective": None if self.own is None else {"naive": self.own[0], "found": self.own[1]},
            "seconds": self.seconds,
            "converged": self.converged,
            "function_error": self.function_error,
            "notes": list(self.notes),
        }


@dataclass(frozen=True, eq=False)
class CompareResult:
    """Several methods on one pair, the smallest barrier first."""

    models: tuple[ModelCard, ModelCard]
    data: str
    rows: tuple[MethodRow, ...]
    groups: Mapping[str, int]
    verification_error: float | None
    recalibrate: str | None
    seconds: Mapping[str, float]
    versions: Mapping[str, str]
    device: str
    seed: int
    notes: tuple[str, ...] = ()

    @property
    def title(self) -> str:
        """Both models by name."""
        return pair_title(*self.models)

    @property
    def profiles(self) -> dict[str, Profile]:
        """Method → path, of those that have one."""
        return {row.method: row.profile for row in self.rows if row.profile is not None}

    @property
    def json(self) -> dict[str, Any]:
        """The object that `compare --json` prints."""
        return {
            "data": self.data,
            "models": models_json(self.models),
            "methods": [row.json for row in self.rows],
            "groups": dict(self.groups),
            "verification_error": self.verification_error,
            "recalibrate": self.recalibrate,
            "notes": list(self.notes),
            "seconds": dict(self.seconds),
            "device": self.device,
            "seed": self.seed,
            "versions": dict(self.versions),
        }


NUMBERS = ("objective", "seconds", "function_error")
"""What a row has beside its path."""


def method_means(pairs: Sequence[CompareResult]) -> list[dict[str, Any]]:
    """Every method over several pairs: its means over those it could align, as JSON.

    Methods that could align as many as any stand first, among equals the smallest barrier of the test loss.
    """
    rows: dict[str, list[MethodRow]] = {}
    for pair in pairs:
        for row in pair.rows:
            rows.setdefault(row.method, []).append(row)
    found = [_mean(each) for each in rows.values()]
    return sorted(found, key=lambda row: (-row["pairs"], row["barrier"]["test"]["loss"] if row["pairs"] else 0.0))


def _mean(rows: Sequence[MethodRow]) -> dict[str, Any]:
    done = [row for row in rows if row.profile is not None]
    failed = [row.why for row in rows if row.profile is None]
    about = {"method": rows[0].method, "title": rows[0].title, "settings": dict(rows[0].settings), "pairs": len(done)}
    if failed:
        about["errors"] = list(dict.fromkeys(failed))
    if not done:
        return about
    profiles = [profile_json(row.profile) for row in done if row.profile is not None]
    tables = {name: _mean_table([profile[name] for profile in profiles]) for name in ("barrier", "midpoint")}
    measured = {name: [x for row in done if (x := getattr(row, name)) is not None] for name in NUMBERS}
    return {
        **about,
        **tables,
        "largest_barrier": max(profile["barrier"]["test"]["loss"] for profile in profiles),
        "objective": float(np.mean(measured["objective"])) if measured["objective"] else None,
        "seconds": float(np.mean(measured["seconds"])) if measured["seconds"] else None,
        "converged": all(row.converged for row in done),
        "largest_function_error": max(measured["function_error"], default=None),
    }


def _mean_table(tables: Sequence[Mapping[str, Mapping[str, float]]]) -> dict[str, dict[str, float]]:
    """Split → metric → the mean of the numbers there."""
    return {s: {m: float(np.mean([table[s][m] for table in tables])) for m in tables[0][s]} for s in tables[0]}


@dataclass(frozen=True, eq=False, kw_only=True)
class ComparisonResult(Measured):
    """Every pair of the models that fit each other, compared."""

    pairs: tuple[CompareResult, ...]

    @classmethod
    def of(cls, pair: CompareResult, request: Mapping[str, Any]) -> ComparisonResult:
        """One pair alone; `request` is what asked for it."""
        about = {name: getattr(pair, name) for name in ("models", "data", "seconds", "versions", "device", "notes")}
        return cls(request=request, method="", pairs=(pair,), **about)

    @property
    def means(self) -> list[dict[str, Any]]:
        """Every method over all pairs."""
        return method_means(self.pairs)

    @property
    def json(self) -> dict[str, Any]:
        """The object that `compare --json` prints for three models or more; of each pair, what it prints for two."""
        return super().json | {"methods": self.means, "pairs": [pair.json for pair in self.pairs]}
