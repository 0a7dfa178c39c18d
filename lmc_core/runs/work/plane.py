"""The plane through A, B and a third network, measured."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from lmc_core.errors import SettingError
from lmc_core.methods import METHODS
from lmc_core.networks.network import Network
from lmc_core.paths.evaluate import evaluate, evaluate_many
from lmc_core.paths.path import LinearPath
from lmc_core.paths.plane import Plane, evaluate_plane
from lmc_core.paths.recalibrate import default_recalibration
from lmc_core.paths.surface import Trajectory
from lmc_core.report import Report
from lmc_core.runs.kinds._options import counted
from lmc_core.runs.kinds.plane import STAGES, PlaneResult
from lmc_core.runs.kinds.request import Request
from lmc_core.runs.work.device import device_name
from lmc_core.runs.work.facts import versions
from lmc_core.runs.work.pair import Opening, Pair, opening
from lmc_core.runs.work.shown import CELL_EXAMPLES, CELLS, first_plane
from lmc_core.runs.work.stages import Clock, within
from lmc_core.words.plane import plane_finding

MARGIN = 0.25
READ, ALIGN, PATHS, MEASURE = STAGES


def work(request: Request, report: Report, folder: Path, device: str) -> PlaneResult:
    """The plane of a request from the queue."""
    return measure(request, opening(request, device), report, device)


def measure(request: Request, opened: Opening, report: Report, device: str) -> PlaneResult:
    """Find the third network, evaluate the straight paths, then the grid around all three."""
    clock = Clock()
    pair = opened(request["a"], request["b"], report, READ)
    with clock("align"):
        pair, third, key, cards = _third(pair, request, opened, report)
    used: dict[str, Any] = {
        "recalibrate": default_recalibration(pair.a),
        "train_examples": counted(request["train_examples"]),
        "test_examples": counted(request["test_examples"]),
        "seed": request["seed"],
    }
    with clock("evaluate"):
        lines = [LinearPath(pair.a, pair.b), LinearPath(pair.a, third)]
        if key == "c":
            lines.append(LinearPath(pair.b, third))
        naive, after, *side = evaluate_many(lines, pair.data, **used, report=within(report, PATHS, details=False))
        across = side[0] if side else None
    with clock("plane"):
        inner = within(report, MEASURE, details=False)
        plane = Plane.through(pair.a, pair.b, third)
        corners = {"a": (0.0, 0.0), "b": (plane.length, 0.0), key: plane.foot}
        walked, checkpoints = _walked(plane, request, opened, used, report)
        around = [] if walked is None else list(zip(walked.x.tolist(), walked.y.tolist(), strict=True))
        if show := getattr(report, "partial", None):
            few = {**used, "train_examples": CELL_EXAMPLES, "test_examples": CELL_EXAMPLES}
            coarse = evaluate_plane(
                plane, pair.data, points=min(CELLS, request["grid"]), margin=MARGIN, around=around, **few
            )
            named = dict(zip(("naive", "aligned", "across"), (naive, after, *side), strict=False))
            show({"plane": first_plane(replace(coarse, corners=corners), named)})
        surface = evaluate_plane(
            plane, pair.data, points=request["grid"], margin=MARGIN, around=around, **used, report=inner
        )
    surface = replace(surface, corners=corners, trajectory=walked)
    title = METHODS[request["method"]].title if request["method"] else ""
    return PlaneResult(
        request={"kind": "plane", **request.options},
        models=cards,
        data=pair.data.name,
        method=title,
        surface=surface,
        naive=naive,
        aligned=after,
        across=across,
        checkpoints=checkpoints,
        seconds=clock.seconds,
        versions=versions(),
        device=device_name(device),
        finding=plane_finding(surface, naive, after, title, across=across).text,
        notes=(*pair.notes, *surface.notes),
    )


def _walked(
    plane: Plane, request: Request, opened: Opening, used: dict[str, Any], report: Report
) -> tuple[Trajectory | None, tuple[Any, ...]]:
    """The checkpoints of the training run as the plane sees them, each measured as it is, and their cards."""
    places, scores, cards = [], [], []
    for name in request["training"] or ():
        pair = opened(request["a"], name, report, READ)
        network = replace(pair.b, module=plane.a.module)
        places.append(plane.seen(network.state))
        scores.append(evaluate(LinearPath(network, network), pair.data, points=2, **used).values)
        cards.append(pair.cards[1])
    if not places:
        return None, ()
    values = {
        split: {metric: np.array([one[split][metric][0] for one in scores]) for metric in metrics}
        for split, metrics in scores[0].items()
    }
    x, y, off = (np.array(column) for column in zip(*places, strict=True))
    return Trajectory(x, y, off, values, tuple(card.name for card in cards)), tuple(cards)


def _third(pair: Pair, request: Request, opened: Opening, report: Report) -> tuple[Pair, Network, str, tuple[Any, ...]]:
    """The pair as it is drawn, the third network, the name of its corner, and the cards of all models."""
    if request["third"]:
        other = opened(request["a"], request["third"], report, READ)
        return pair, replace(other.b, module=pair.a.module), "c", (*pair.cards, other.cards[1])
    found = pair.aligned(request["method"], request["settings"], request["seed"], within(report, ALIGN))
    if request["training"] and found.alignment.canonical:
        raise SettingError(
            f"{METHODS[request['method']].title} compares networks in canonical form, where no checkpoint of a "
            "training run lies; choose another method, or a third network"
        )
    return replace(pair, a=found.a, b=found.b), found.moved, "aligned", pair.cards
