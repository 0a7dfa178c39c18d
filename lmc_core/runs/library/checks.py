"""Whether results that came in a bundle are what they claim to be: curves, scores, fusions that can be drawn."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import fields, is_dataclass, replace
from typing import Any

import numpy as np

from lmc_core.diagnostics.preferred import coloured
from lmc_core.errors import InputError
from lmc_core.figures.fuse.figure import fuse_figure
from lmc_core.figures.fuse.history import history_figure
from lmc_core.figures.path.classes import Classes
from lmc_core.figures.path.figure import path_figure
from lmc_core.figures.path.layers import layers_figure
from lmc_core.figures.path.matching import matching_figure
from lmc_core.fusion import FUSIONS
from lmc_core.fusion.outcome import Outcome, Scores
from lmc_core.methods import METHODS
from lmc_core.options import Option
from lmc_core.paths.profile import Profile
from lmc_core.runs.kinds._options import POINTS
from lmc_core.runs.kinds.compare import CompareResult
from lmc_core.runs.kinds.fuse import FEWEST, FINETUNE, MOST, FuseResult
from lmc_core.runs.kinds.path import PathResult
from lmc_core.runs.library.proofs import PROOFS
from lmc_core.runs.values.card import ModelCard
from lmc_core.runs.values.names import plain_filename
from lmc_core.runs.values.record import Measured
from lmc_core.words.fuse import fuse_finding
from lmc_core.words.path import path_finding

Bundled = PathResult | FuseResult | Measured
"""What a bundle may hold."""


def checked(result: Bundled, name: str) -> Bundled:
    """The result in the bundle `name`, with what we can say of it said by us.

    Raises InputError if its numbers do not belong together, or cannot be drawn.
    """
    if isinstance(result, FuseResult):
        return checked_fusion(result, name)
    if isinstance(result, Measured):
        return checked_analysis(result, name)
    return checked_path(result, name)


def checked_path(result: PathResult, name: str) -> PathResult:
    """The path, with what we can say of it said by us. Raises InputError unless its curves go over one t from 0 to 1,
    its method is known and its clouds can be drawn."""
    profiles, t = (result.naive, result.aligned, *([result.curve.profile] if result.curve else [])), result.naive.t
    if not rising(result.naive) or not all(measured(profile, t) for profile in profiles):
        raise InputError(f"the curves in {name!r} are not losses and accuracies along one path")
    if result.alignment.method not in METHODS:
        raise InputError(f"{name!r} was made by the method {result.alignment.method[:40]!r}, which is not known here")
    title = METHODS[result.alignment.method].title
    try:
        for cloud in result.clouds.values():
            preferred = result.preferred.get(cloud.group)
            inks = None if preferred is None else Classes(preferred, result.data.classes, coloured([preferred]))
            path_figure(result.naive, result.aligned, cloud, method_title=title, classes=inks).to_json()
        for group in result.matching:
            matching_figure(result.matching, group).to_json()
        if result.layers:
            layers_figure(result.layers).to_json()
    except Exception as error:  # drawing is the test: whatever cannot be drawn is not kept
        raise InputError(f"what {name!r} holds cannot be drawn ({type(error).__name__})") from error
    classes = max(len(result.data.classes), 2)
    found = path_finding(result.naive, result.aligned, result.alignment.method, classes, null=result.null)
    return replace(
        result,
        models=(anonymous(result.models[0]), anonymous(result.models[1])),
        alignment=replace(result.alignment, title=title),
        finding=found.text,
        notes=(f"From the bundle {name}; nothing of it was computed on this server.", *result.notes),
    )


def checked_fusion(result: FuseResult, name: str) -> FuseResult:
    """The fusion, with what we can say of it said by us. Raises InputError if its numbers do not belong together."""
    outcome, count = result.outcome, len(result.models)
    each = (outcome.names, outcome.parents, outcome.paths, result.weights, result.parent_groups, result.sources)
    if not FEWEST <= count <= MOST or any(len(part) != count for part in (*each, result.function_errors)):
        raise InputError(f"{name!r} does not say of every one of its networks how it was fused")
    if result.method not in FUSIONS:
        raise InputError(f"{name!r} was made by the method {result.method[:40]!r}, which is not known here")
    if not _plausible(outcome):
        raise InputError(f"the numbers in {name!r} are not losses and accuracies of networks and of paths between them")
    try:
        fuse_figure(outcome).to_json()
        history_figure(result.history, outcome.curve).to_json()
    except Exception as error:  # drawing is the test: whatever cannot be drawn is not kept
        raise InputError(f"what {name!r} holds cannot be drawn ({type(error).__name__})") from error
    cards = tuple(map(anonymous, result.models))
    outcome = replace(outcome, names=tuple(card.name for card in cards))
    return replace(
        result,
        models=cards,
        outcome=outcome,
        finding=fuse_finding(outcome, result.method, max(len(result.data.classes), 2)).text,
        notes=(f"From the bundle {name}; nothing of it was computed on this server.", *result.notes),
    )


def checked_analysis(result: Measured, name: str) -> Measured:
    """The analysis, with what we can say of it said by us. Raises InputError if its numbers do not belong together."""
    if result.method and result.method not in {method.title for method in METHODS.values()}:
        raise InputError(f"{name!r} was made by the method {result.method[:40]!r}, which is not known here")
    if not all(rising(profile) and measured(profile, profile.t) for profile in _profiles(result)):
        raise InputError(f"the curves in {name!r} are not losses and accuracies along one path")
    try:
        found = PROOFS[type(result)](result)
    except Exception as error:  # drawing is the test: whatever cannot be drawn is not kept
        raise InputError(f"what {name!r} holds cannot be drawn ({type(error).__name__})") from error
    notes = (f"From the bundle {name}; nothing of it was computed on this server.", *result.notes)
    kept: Measured = replace(_nameless(result), finding=found, notes=notes)
    return kept


def _profiles(value: Any) -> Iterator[Profile]:
    """Every profile in a result."""
    if isinstance(value, Profile):
        yield value
    elif is_dataclass(value) and not isinstance(value, type):
        for field in fields(value):
            yield from _profiles(getattr(value, field.name))
    elif isinstance(value, (tuple, Mapping)):
        for part in value.values() if isinstance(value, Mapping) else value:
            yield from _profiles(part)


def _nameless(value: Any) -> Any:
    """A result without what only its own server knows of the models."""
    if isinstance(value, ModelCard):
        return anonymous(value)
    if isinstance(value, Measured | CompareResult):
        return replace(value, **{f.name: _nameless(getattr(value, f.name)) for f in fields(value)})
    return tuple(map(_nameless, value)) if isinstance(value, tuple) else value


def _plausible(outcome: Outcome) -> bool:
    more = (scores for scores in (outcome.average, outcome.ensemble) if scores is not None)
    scores = (*outcome.parents, outcome.fused, *more, *outcome.curve)
    paths = (*outcome.average_paths, *(path for path in outcome.paths if path is not None))
    if len(outcome.average_paths) not in (0, len(outcome.parents)) or not in_range(
        FINETUNE, max(len(outcome.curve) - 1, 0)
    ):
        return False
    return all(map(_scored, scores)) and all(rising(path) and measured(path, path.t) for path in paths)


def _scored(scores: Scores) -> bool:
    return set(scores) == {"train", "test"} and all(
        set(found) == {"loss", "accuracy"} and 0 <= found["accuracy"] <= 1 for found in scores.values()
    )


def in_range(option: Option, value: int) -> bool:
    """True if a number is one that can be asked for."""
    try:
        return bool(option.check(value) == value)
    except InputError:
        return False


def rising(profile: Profile) -> bool:
    """True if t goes from 0 to 1 in as many points as a run may have."""
    t = profile.t
    fine = t.ndim == 1 and in_range(POINTS, len(t)) and t[0] == 0 and t[-1] == 1
    return fine and bool((np.diff(t) > 0).all())


def measured(profile: Profile, t: Any) -> bool:
    """True if a profile has both numbers on test examples, at exactly these t."""
    named = set(profile.values) <= {"train", "test"} and "test" in profile.values
    whole = all(set(metrics) == {"loss", "accuracy"} for metrics in profile.values.values())
    shaped = all(y.shape == t.shape for metrics in profile.values.values() for y in metrics.values())
    counted = all(split in profile.examples for split in profile.values)
    return named and whole and shaped and counted and bool(np.array_equal(profile.t, t))


def anonymous(card: ModelCard) -> ModelCard:
    """A card without what only its own server knows. Raises InputError if a command took its name for an option."""
    if card.title.startswith("-"):
        raise InputError(f"a model here is called {card.title[:40]!r}; a name that is read must not begin with a dash")
    if card.filename and (card.filename.startswith("-") or plain_filename(card.filename) != card.filename):
        raise InputError(f"a model here came from a file {card.filename[:40]!r}, which is not the name of a file")
    return replace(card, path="", listed=False, recipe={})
