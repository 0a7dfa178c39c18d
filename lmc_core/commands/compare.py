"""`compare A B [C…]`: every method that applies to a pair, or to every pair of several models, in one table."""

from __future__ import annotations

import argparse
from collections.abc import Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

from lmc_core.commands.arguments import Answer, add_reading, read_models, table
from lmc_core.commands.files import add_files
from lmc_core.commands.spelling import OPTION, add_request, asked
from lmc_core.errors import InputError, SettingError
from lmc_core.report import Report
from lmc_core.runs.kinds import KINDS
from lmc_core.runs.kinds._comparison import ComparisonResult
from lmc_core.runs.kinds._options import counted
from lmc_core.runs.summary import summary
from lmc_core.words.compare import compare_finding
from lmc_core.words.models import assumed

if TYPE_CHECKING:
    from lmc_core.data.dataset import Dataset
    from lmc_core.networks.network import Network
    from lmc_core.runs.kinds.compare import CompareResult, MethodRow
    from lmc_core.runs.values.card import ModelCard


KIND = KINDS["compare"]
OBJECTIVE = (
    "objective",
    "Σ <A, B aligned> over the weights, the same for all methods that leave A as it is; larger is more alike",
)


def configure(parser: argparse.ArgumentParser) -> None:
    add_request(parser, KIND)
    add_reading(parser)
    add_files(parser)


def run(args: argparse.Namespace, report: Report) -> Answer:
    request = asked(args, KIND)
    names = getattr(args, f"{OPTION}models")  # also one that is named twice
    if len(names) < 2:
        raise SettingError("compare takes two models, or more of which every pair is compared")
    how = {
        option.name: request[option.name] for option in KIND.options if option.name not in ("models", "data", "task")
    }
    report("reading the networks", 0, 0)
    from lmc_core.data.registry import dataset
    from lmc_core.runs.work.compare import compare
    from lmc_core.runs.work.device import pick_device

    data, device = dataset(request["data"], task=request["task"]), pick_device(request["device"])
    networks, cards = read_models(names, args, data)
    if len(networks) > 2:
        return _several(networks, cards, data, how, report, device)
    a, b = networks
    examples = {name: counted(how[name]) for name in ("train_examples", "test_examples")}
    result = compare(a, b, data, **how | examples | {"device": device}, models=(cards[0], cards[1]), report=report)
    kept = {
        "kind": KIND.name,
        "models": [card.id for card in cards],
        "data": data.name,
        "task": data.task,
        **how,
        "device": device,
    }
    return Answer(result.json, _text(result), partial(summary, KIND.name, ComparisonResult.of(result, kept)))


def _several(
    networks: Sequence[Network],
    cards: Sequence[ModelCard],
    data: Dataset,
    how: Mapping[str, Any],
    report: Report,
    device: str,
) -> Answer:
    """Every pair of the models, each opened once, as the page compares them."""
    from lmc_core.runs.work.compare import every_pair
    from lmc_core.runs.work.device import on_device
    from lmc_core.runs.work.pair import Pair

    known = {card.fingerprint: on_device(network, device) for card, network in zip(cards, networks, strict=True)}

    def opened(pair: tuple[ModelCard, ModelCard], report: Report) -> Pair:
        return Pair(known[pair[0].fingerprint], known[pair[1].fingerprint], data, pair, ())

    request = {
        "kind": "compare",
        "models": [card.id for card in cards],
        "data": data.name,
        "task": data.task,
        **how,
        "device": device,
    }
    result = every_pair(cards, opened, request, report, device)
    if not any(pair.seconds for pair in result.pairs):  # not one could be begun
        raise InputError(result.pairs[0].rows[0].why)
    return Answer(result.json, _text_of_several(result), partial(summary, KIND.name, result))


def _kept(cards: Sequence[ModelCard], data: Dataset, how: Mapping[str, Any], device: str) -> dict[str, Any]:
    """What was asked, as it is kept with the result."""
    models = [card.id for card in cards]
    return {"kind": KIND.name, "models": models, "data": data.name, "task": data.task, **how, "device": device}


def _text(result: CompareResult) -> str:
    heading = ("method", "barrier", "midpoint", "accuracy", "objective", "seconds", "")
    rows = [heading, *(_cells(row) for row in result.rows)]
    facts = [
        ("barrier", "of the test loss, smallest first; midpoint: test loss and accuracy at t = ½"),
        OBJECTIVE,
        ("recalibration", result.recalibrate or "none"),
        ("seconds", ", ".join(f"{stage} {spent:.2f}" for stage, spent in result.seconds.items())),
        ("device", f"{result.device}, seed {result.seed}"),
        *assumed(result.models),
        *(("note", note) for note in result.notes),
        *((row.method, note) for row in result.rows for note in row.notes),
    ]
    finding = compare_finding([result.profiles]).text
    return "\n\n".join([f"{result.title} on {result.data}", finding, table(rows), table(facts, "")])


def _text_of_several(result: ComparisonResult) -> str:
    rows: list[tuple[str, ...]] = [("method", "barrier", "largest", "midpoint", "accuracy", "objective", "seconds", "")]
    rows += [_mean_cells(row, len(result.pairs)) for row in result.means]
    pairs = [("pair", "best method", "barrier", "identity"), *map(_pair_cells, result.pairs)]
    facts = [
        ("barrier", "of the test loss, its mean over the pairs and the largest of them"),
        ("midpoint", "test loss and accuracy at t = ½, means over the pairs"),
        OBJECTIVE,
        ("recalibration", ", ".join(sorted({pair.recalibrate or "none" for pair in result.pairs}))),
        ("seconds", f"total {result.seconds['total']:.2f}; of a method: mean over the pairs"),
        ("device", f"{result.device}, seed {result.request['seed']}"),
        *assumed(result.models),
        *(("note", note) for note in result.notes),
        *dict.fromkeys((row.method, note) for pair in result.pairs for row in pair.rows for note in row.notes),
    ]
    heading = f"{len(result.models)} models, {len(result.pairs)} pairs on {result.data}"
    return "\n\n".join([heading, result.finding, table(rows), table(pairs), table(facts, "")])


def _mean_cells(row: Mapping[str, Any], pairs: int) -> tuple[str, ...]:
    if not row["pairs"]:
        return (row["method"], "—", "—", "—", "—", "—", "—", "; ".join(row["errors"]))
    said = [] if row["converged"] else ["did not always converge"]
    if (changed := row["largest_function_error"] or 0) > 1e-3:
        said.append(f"changes B's function by up to {changed:.1%}")
    if row["pairs"] < pairs:
        said.append(f"on {row['pairs']} of {pairs} pairs: {'; '.join(row['errors'])}")
    middle = row["midpoint"]["test"]
    return (
        row["method"],
        f"{row['barrier']['test']['loss']:.4f}",
        f"{row['largest_barrier']:.4f}",
        f"{middle['loss']:.4f}",
        f"{middle['accuracy']:.4f}",
        _objective(row["objective"]),
        f"{row['seconds']:.2f}",
        "; ".join(said),
    )


def _objective(value: float | None) -> str:
    return "—" if value is None else f"{value:.5g}"


def _pair_cells(pair: CompareResult) -> tuple[str, ...]:
    best, barriers = pair.rows[0], {name: f"{profile.barrier():.4f}" for name, profile in pair.profiles.items()}
    if best.profile is None:
        return (pair.title, "—", "—", best.why or "")
    return (pair.title, best.method, barriers[best.method], barriers.get("identity", "—"))


def _cells(row: MethodRow) -> tuple[str, ...]:
    if row.profile is None:
        return (row.method, "—", "—", "—", "—", "—", row.why or "")
    said = [] if row.converged else ["did not converge"]
    if row.function_error is not None and row.function_error > 1e-3:
        said.append(f"changes B's function by {row.function_error:.1%}")
    return (
        row.method,
        f"{row.profile.barrier('test', 'loss'):.4f}",
        f"{row.profile.midpoint('test', 'loss'):.4f}",
        f"{row.profile.midpoint('test', 'accuracy'):.4f}",
        _objective(row.objective),
        f"{row.seconds:.2f}",
        "; ".join(said),
    )
