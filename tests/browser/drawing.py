"""Every figure of the pages, drawn from real runs of a shipped pair, for a board that shows them in a browser."""

import json
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch

from lmc_core.data.dataset import Asked, Dataset
from lmc_core.data.registry import dataset
from lmc_core.diagnostics.diagnose import diagnose
from lmc_core.diagnostics.preferred import coloured
from lmc_core.figures.compare import barriers_figure, compare_figure
from lmc_core.figures.fuse.figure import fuse_figure
from lmc_core.figures.fuse.history import history_figure
from lmc_core.figures.inspect import groups_figure
from lmc_core.figures.measurements import exponent_figure
from lmc_core.figures.path.classes import Classes
from lmc_core.figures.path.figure import path_figure
from lmc_core.figures.path.layers import layers_figure
from lmc_core.figures.path.matching import matching_figure
from lmc_core.figures.path.progress import progress_figure
from lmc_core.figures.path.units import units_figure
from lmc_core.figures.plane.maps import plane_figure
from lmc_core.figures.theory import theory_figure
from lmc_core.figures.width import width_figure
from lmc_core.methods import METHODS
from lmc_core.methods.align import align
from lmc_core.networks.families import architecture, build, example_inputs
from lmc_core.networks.network import network
from lmc_core.report import silent
from lmc_core.runs.keep import units
from lmc_core.runs.kinds.request import Request
from lmc_core.runs.library import models as library
from lmc_core.runs.library.entry import bind
from lmc_core.runs.summary import plane, theory, width
from lmc_core.runs.work.facts import symmetry_facts
from lmc_core.runs.work.run import run
from lmc_core.symmetry.infer import symmetry

DEEP = {
    "resnet-20": (architecture("resnet", blocks=(3, 3, 3), widths=(8, 16, 32)), "cifar10"),
    "transformer": (
        architecture("transformer", width=32, depth=6, input_shape=(1, 8, 8), patch=2, token="mean", classes=10),
        "digits",
    ),
}
"""Networks with many layers, and the data that they read."""
LAYOUTS = ("wide", "narrow")
EXAMPLES = 60

Draw = Callable[..., Any]


def figures(family: str, data: str, folder: Path) -> Mapping[str, Draw]:
    """Name → what draws the figure in a layout: all kinds of runs of the first two seeds of a shipped family."""
    folder.mkdir(parents=True, exist_ok=True)
    a, b, *more = sorted(card.id for card in library.shipped() if card.id.startswith(f"{family}/"))
    return dict(_figures({"a": a, "b": b, "data": data}, more[0] if more else None, folder))


def deep(name: str) -> Mapping[str, Draw]:
    """The figures of the tabs of a deep network and another one, as they are before they learn anything."""
    shape, data = DEEP[name]
    pair = []
    for seed in range(2):
        torch.manual_seed(seed)
        pair.append(network(build(shape).eval(), example_inputs(shape), architecture=shape))
    a, b = pair
    found = symmetry(a, verify=False)
    alignment = align(a, b, "weight-matching", symmetry=found)
    seen = diagnose(a, b, alignment.transport(b), alignment, data=small(data), t=np.linspace(0, 1, 5))
    first, *_, last = seen.matching
    facts, named = symmetry_facts(found), {group: one.label for group, one in seen.matching.items()}
    return {
        f"layers, {last}": partial(layers_figure, seen.layers, last),
        **{f"matching, {group}": partial(matching_figure, seen.matching, group) for group in (first, last)},
        "groups": partial(groups_figure, facts, labels=named),
    }


def write(drawn: Mapping[str, Draw], folder: Path) -> None:
    """The figures of both layouts as files, as the pages would draw them."""
    for layout in LAYOUTS:
        made = {name: json.loads(draw(layout=layout).to_json()) for name, draw in drawn.items()}
        (folder / f"{layout}.json").write_text(json.dumps(made))


def _figures(pair: Mapping[str, str], third: str | None, folder: Path) -> Iterator[tuple[str, Draw]]:
    found: Any = _run("path", folder, **pair, method="activation-matching", points=7)
    paths = dict.fromkeys(METHODS, found.aligned)
    groups = list(dict.fromkeys(group for group, _ in found.clouds))
    for group in dict.fromkeys((groups[0], groups[-1])):
        cloud = next(cloud for (name, _), cloud in found.clouds.items() if name == group)
        alone = partial(path_figure, found.naive, found.aligned, cloud, method_title=found.alignment.title)
        yield f"path, {group}", alone
        preferred = Classes(found.preferred[group], found.data.classes, coloured(found.preferred.values()))
        yield f"path by class, {group}", partial(alone, classes=preferred)
        yield f"path with others, {group}", partial(alone, others=paths, loss_axis="log")
        yield f"matching, {group}", partial(matching_figure, found.matching, group)
        kept = units.read((folder / units.FILE).read_bytes(), group)
        one = next(iter(kept.values()))
        for block in one.blocks:
            yield f"unit, {group}, {block.tensor}", partial(units_figure, one, one.numbers[0], block)
    yield "layers", partial(layers_figure, found.layers)
    labels = {group: cloud.label for (group, _), cloud in found.clouds.items()}
    yield "groups", partial(groups_figure, found.symmetry, labels=labels)
    yield (
        "progress",
        lambda layout: progress_figure(
            *(list(map(float, x)) for x in (found.naive.t, found.naive.loss(), found.aligned.loss()))
        ),
    )
    for number in (1, 3):
        pairs = {f"seeds {k} and {k + 1}": paths for k in range(number)}
        yield f"comparison of {number}", partial(compare_figure, pairs)
        yield f"barriers of {number}", partial(barriers_figure, pairs)
    laid: Any = _run("plane", folder, **pair, method="activation-matching", grid=7)
    yield "plane", partial(plane_figure, *plane.drawn_from(laid))
    if third:
        across: Any = _run("plane", folder, **pair, third=third, grid=7)
        yield "plane of three", partial(plane_figure, *plane.drawn_from(across), across=across.across)
        wide: Any = _run("width", folder, method="activation-matching")
        for seen, scalings in ((True, wide.seen), (False, wide.plain)):
            yield f"widths, {seen}", partial(width_figure, *width.barriers(wide), scalings, seen=seen)
        yield "exponents", partial(exponent_figure, wide.exponents, wide.seen)
    said: Any = _run("theory", folder, **pair, method="activation-matching")
    yield "theory", partial(theory_figure, *theory.drawn_from(said))
    yield from ((one.name, one.make) for one in theory.measured(said))
    models = [pair["a"], pair["b"]]
    fused: Any = _run("fuse", folder, models=models, data=pair["data"], finetune=2)
    yield "fusion", partial(fuse_figure, fused.outcome)
    yield "history", partial(history_figure, fused.history, fused.outcome.curve)


def small(name: str, task: Asked = "auto") -> Dataset:
    """The data of a name with 60 examples of either split; for CIFAR-10 digits of the size of its pictures."""
    data = dataset("digits" if name == "cifar10" else name)
    x_train, x_test = data.x_train[:EXAMPLES], data.x_test[:EXAMPLES]
    if name == "cifar10":
        x_train, x_test = (np.stack([x.repeat(4, 1).repeat(4, 2)] * 3, axis=1) for x in (x_train, x_test))
    y_train, y_test = data.y_train[:EXAMPLES], data.y_test[:EXAMPLES]
    return Dataset(name, x_train, y_train, x_test, y_test, data.classes, task)


def _run(kind: str, folder: Path, **options: Any) -> Any:
    return run(bind(Request.of(kind, **options)), silent, folder, "cpu")
