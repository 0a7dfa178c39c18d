"""Curved paths as a part of a path request: which curve, how it is trained, what came of it. Needs no torch."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from lmc_core.errors import InputError, SettingError
from lmc_core.paths.profile import Profile

if TYPE_CHECKING:
    from lmc_core.data.dataset import Dataset
    from lmc_core.networks.network import Network
    from lmc_core.paths.curves import Curve
    from lmc_core.report import Report

CURVES = {
    "none": "Straight line only",
    "bezier": "And a Bézier curve",
    "chain": "And a polygonal chain",
    "through": "And through a model",
}
TRAINED = ("bezier", "chain")
BENDS, EPOCHS = (1, 5), (1, 200)


@dataclass(frozen=True, eq=False)
class CurveFacts:
    """A curve from A to aligned B.

    kind      "bezier", "chain" or "through";  title: what it is, with its settings
    history   mean training loss of every epoch; empty where nothing was trained
    """

    kind: str
    title: str
    profile: Profile
    history: tuple[float, ...] = field(default=())


def checked(curve: Mapping[str, Any] | None) -> dict[str, Any] | None:
    """The options of a curve with defaults filled in; None for none.

    curve   {"kind": "bezier" or "chain", "bends": 1, "epochs": 20} or {"kind": "through", "model": id}

    Raises SettingError, or InputError for a model that is not here or was replaced.
    """
    from lmc_core.runs.library import models as library
    from lmc_core.runs.values.request import integer, one_of

    given = dict(curve or {})
    kind = one_of("curve", given.pop("kind", "none") or "none", CURVES)
    done: dict[str, Any] | None = None
    if kind == "through":
        card = library.card(str(given.pop("model", "")))
        if given.pop("fingerprint", card.fingerprint) != card.fingerprint:
            raise InputError(f"model {card.id!r} holds other weights now than when the request was made")
        done = {"kind": kind, "model": card.id, "fingerprint": card.fingerprint}
    elif kind != "none":
        bends, epochs = given.pop("bends", 1), given.pop("epochs", 20)
        done = {"kind": kind, "bends": integer("bends", bends, *BENDS), "epochs": integer("epochs", epochs, *EPOCHS)}
    if given:
        raise SettingError(f"a curve of kind {kind} does not have {', '.join(map(str, given))}")
    return done


def title(curve: Mapping[str, Any], model: str = "") -> str:
    """What a curve is called; `model` is the name of the one it leads through."""
    if curve["kind"] == "through":
        return f"Through {model or curve['model']}"
    named = {"bezier": "Bézier curve", "chain": "Polygonal chain"}[curve["kind"]]
    points = "1 free point" if curve["bends"] == 1 else f"{curve['bends']} free points"
    return f"{named}, {points}, {curve['epochs']} epochs"


def waypoint(curve: Mapping[str, Any]) -> Network | None:
    """The model of the library that a curve leads through; None for a trained one. Called in the worker."""
    from lmc_core.runs.library import models as library
    from lmc_core.runs.work.bench import open_model

    if curve["kind"] != "through":
        return None
    card = library.card(curve["model"])
    if card.fingerprint != curve["fingerprint"]:
        raise InputError(f"model {card.id!r} was replaced after this run was asked for; ask again")
    return open_model(card)


def made(
    curve: Mapping[str, Any],
    a: Network,
    b: Network,
    data: Dataset,
    *,
    way: Network | None,
    train_examples: int | None,
    seed: int,
    report: Report,
) -> Curve:
    """The curve between two networks, trained on at most so many examples or led through `way`."""
    from lmc_core.paths.curves import through, train_curve
    from lmc_core.runs.work.bench import on_device

    if way is not None:
        return through(a, on_device(way, str(a.device)), b)
    how = {"kind": curve["kind"], "bends": curve["bends"], "epochs": curve["epochs"], "seed": seed}
    return train_curve(a, b, data, examples=train_examples or 0, report=report, **how)
