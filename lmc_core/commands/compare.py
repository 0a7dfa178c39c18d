"""`compare A B [C…]`: every method that applies to a pair, or to every pair of several models, in one table."""

from __future__ import annotations

import argparse
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from lmc_core.commands.arguments import (
    Answer,
    add_options,
    add_reading,
    given_options,
    pairs,
    read_model,
    table,
    title,
)
from lmc_core.errors import InputError, SettingError
from lmc_core.methods import METHODS
from lmc_core.report import Report
from lmc_core.runs.kinds._options import DATA, counted
from lmc_core.runs.kinds.compare import COMPARE
from lmc_core.words.models import assumed

if TYPE_CHECKING:
    from lmc_core.data.dataset import Dataset
    from lmc_core.networks.network import Network
    from lmc_core.runs.kinds.compare import CompareResult, ComparisonResult, MethodRow
    from lmc_core.runs.values.card import ModelCard


MEASURED = tuple(COMPARE.options[name] for name in ("points", "recalibrate", "train_examples", "test_examples"))
OBJECTIVE = ("objective", "Σ <A, B aligned> over the weights, the same for all methods; larger is more alike")


def configure(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "models",
        nargs="+",
        metavar="MODEL",
        help="checkpoint files or names of shipped networks: A and B, which is aligned to A, or more, of which every "
        "two of one shape are a pair, the earlier one as A",
    )
    add_reading(parser)
    parser.add_argument("--data", default=DATA.default, help="digits, mnist, fashion-mnist, cifar10 or an .npz file")
    parser.add_argument("--methods", default="", metavar="M,N,…", help=f"some of {', '.join(METHODS)} (default: all)")
    parser.add_argument(
        "--set",
        action="append",
        default=[],
        metavar="[METHOD.]KEY=VALUE",
        help="a setting, of one method or of all that have it",
    )
    add_options(parser, MEASURED)


def run(args: argparse.Namespace, report: Report) -> Answer:
    if len(args.models) < 2:
        raise SettingError("compare takes two models, or more of which every pair is compared")
    chosen = [name.strip() for name in args.methods.split(",") if name.strip()] or list(METHODS)
    if unknown := [name for name in chosen if name not in METHODS]:
        raise SettingError(f"there is no alignment method {unknown[0]!r}; there are {', '.join(METHODS)}")
    given = _settings(args.set, chosen)
    asked: dict[str, Any] = {
        "methods": chosen,
        "settings": {name: METHODS[name].settings(given.get(name, {})) for name in chosen},
        **given_options(args, MEASURED),
        "seed": args.seed,
    }
    report("reading the networks", 0, 0)
    from lmc_core.data.registry import dataset
    from lmc_core.runs.work.compare import compare
    from lmc_core.runs.work.device import pick_device
    from lmc_core.runs.work.facts import card_of

    data, device = dataset(args.data), pick_device(args.device)
    networks = [read_model(args.models[0], args)]
    networks += [read_model(text, args, like=networks[0]) for text in args.models[1:]]
    cards = [card_of(network, title=title(text)) for network, text in zip(networks, args.models, strict=True)]
    if len(networks) > 2:
        return _several(networks, cards, data, asked, report, device)
    a, b = networks
    examples = {name: counted(asked[name]) for name in ("train_examples", "test_examples")}
    result = compare(a, b, data, **asked | examples, device=device, models=(cards[0], cards[1]), report=report)
    return Answer(result.json, _text(result))


def _several(
    networks: Sequence[Network],
    cards: Sequence[ModelCard],
    data: Dataset,
    asked: Mapping[str, Any],
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

    request = {"kind": "compare", "models": [card.id for card in cards], "data": data.name, **asked, "device": device}
    result = every_pair(cards, opened, request, report, device)
    if not any(pair.seconds for pair in result.pairs):  # not one could be begun
        raise InputError(result.pairs[0].rows[0].why)
    return Answer(result.json, _text_of_several(result))


def _settings(words: list[str], chosen: list[str]) -> dict[str, dict[str, str]]:
    """Method → settings; a key without a method goes to every chosen method that has it."""
    found: dict[str, dict[str, str]] = {}
    for key, value in pairs(words, "--set").items():
        method, dot, name = key.rpartition(".")
        owners = [method] if dot else [m for m in chosen if any(p.name == key for p in METHODS[m].parameters)]
        if not owners or any(owner not in chosen for owner in owners):
            raise SettingError(f"--set {key}={value}: none of {', '.join(chosen)} has it")
        for owner in owners:
            found.setdefault(owner, {})[name] = value
    return found


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
    return "\n\n".join([f"{result.title} on {result.data}", table(rows), table(facts, "")])


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
        f"{row['objective']:.5g}",
        f"{row['seconds']:.2f}",
        "; ".join(said),
    )


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
        f"{row.objective:.5g}",
        f"{row.seconds:.2f}",
        "; ".join(said),
    )
