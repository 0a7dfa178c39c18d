"""`inspect MODEL`: what a network is, and which of its units may be re-ordered."""

from __future__ import annotations

import argparse
from functools import partial
from typing import TYPE_CHECKING

from lmc_core.commands.arguments import Answer, add_reading, read_model, table, title
from lmc_core.commands.files import add_files
from lmc_core.report import Report
from lmc_core.runs.summary import summary
from lmc_core.words.inspect import CLASSES

if TYPE_CHECKING:
    from lmc_core.runs.kinds.inspect import InspectResult


def configure(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("model", metavar="MODEL", help="a checkpoint file, or the name of a shipped network")
    add_reading(parser)
    parser.add_argument("--data", help="measure its accuracy on these data")
    add_files(parser)


def run(args: argparse.Namespace, report: Report) -> Answer:
    report("reading the network", 0, 0)
    from lmc_core.data.registry import dataset
    from lmc_core.networks.reading import decided
    from lmc_core.runs.work.inspect import inspect_network

    network = read_model(args.model, args)
    data = dataset(args.data) if args.data else None
    if data is not None:
        (network,) = decided([network], data)
    result = inspect_network(network, data, title=title(args.model), device=args.device, report=report)
    return Answer(result.json, _text(result), partial(summary, "inspect", result))


def _text(result: InspectResult) -> str:
    model, symmetry = result.model, result.symmetry
    parts = [result.finding]
    if model.assumptions:
        parts.append("assumed\n" + table((f"{o}={v}", why) for o, v, why in model.assumptions))
    if symmetry.groups:
        rows = (
            (g.name, f"{g.size}{f' within {g.within}' if g.within else ''}", CLASSES[g.kind], next(iter(g.written), ""))
            for g in symmetry.groups
        )
        parts.append("groups: units, what may be done to them, first written by\n" + table(rows))
    parts.append(
        "tensors: shape, axes\n" + table((t.name, t.shape, f"({', '.join(t.axes)})") for t in symmetry.tensors)
    )
    pinned = {(p.tensor, p.axis): p.why for p in symmetry.pinned}
    if pinned:
        parts.append("pinned\n" + table((f"{tensor}[{axis}]", why) for (tensor, axis), why in pinned.items()))
    facts = []
    if symmetry.unknown_ops:
        facts.append(("operations without a rule", ", ".join(symmetry.unknown_ops)))
    if symmetry.unused:
        facts.append(("tensors the network never reads", ", ".join(symmetry.unused)))
    error = "not measured" if symmetry.error is None else f"{symmetry.error:.1e}, relative"
    facts.append(("error under random re-ordering", error))
    facts += [("note", note) for note in result.notes]
    return "\n\n".join([*parts, table(facts, "")])
