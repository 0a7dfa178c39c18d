"""`compare A B`: every method that applies to a pair, in one table."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

from lmc_core.commands.arguments import RECALIBRATE, Answer, add_reading, pairs, read_model, table, title
from lmc_core.errors import SettingError
from lmc_core.methods import METHODS
from lmc_core.report import Report

if TYPE_CHECKING:
    from lmc_core.runs.comparison import CompareResult, MethodRow


def configure(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("a", metavar="A", help="the reference: a checkpoint file, or the name of a shipped network")
    parser.add_argument("b", metavar="B", help="the network that is aligned to A")
    add_reading(parser)
    parser.add_argument("--data", default="digits", help="digits, mnist, fashion-mnist, cifar10 or an .npz file")
    parser.add_argument("--methods", default="", metavar="M,N,…", help=f"some of {', '.join(METHODS)} (default: all)")
    parser.add_argument(
        "--set",
        action="append",
        default=[],
        metavar="[METHOD.]KEY=VALUE",
        help="a setting, of one method or of all that have it",
    )
    parser.add_argument("--points", type=int, default=25, help="values of t, both ends included (default: 25)")
    parser.add_argument(
        "--recalibrate",
        default="auto",
        choices=RECALIBRATE,
        help="statistics of the points between; auto = bn-reset where there is BatchNorm (default: auto)",
    )
    parser.add_argument(
        "--train-examples", type=int, default=10_000, help="training examples used; 0 = all (default: 10000)"
    )


def run(args: argparse.Namespace, report: Report) -> Answer:
    chosen = [name.strip() for name in args.methods.split(",") if name.strip()]
    if unknown := [name for name in chosen if name not in METHODS]:
        raise SettingError(f"there is no alignment method {unknown[0]!r}; there are {', '.join(METHODS)}")
    settings = _settings(args.set, chosen or list(METHODS))
    report("reading the networks", 0, 0)
    from lmc_core.data.registry import dataset
    from lmc_core.runs.compare import compare
    from lmc_core.runs.facts import card_of

    data = dataset(args.data)
    a = read_model(args.a, args)
    b = read_model(args.b, args, like=a)
    result = compare(
        a,
        b,
        data,
        methods=chosen,
        settings=settings,
        points=args.points,
        recalibrate=None if args.recalibrate == "none" else args.recalibrate,
        seed=args.seed,
        train_examples=args.train_examples or None,
        device=args.device,
        models=(card_of(a, title=title(args.a)), card_of(b, title=title(args.b))),
        report=report,
    )
    return Answer(result.json, _text(result))


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
        ("objective", "Σ <A, B aligned> over the weights, the same for all methods; larger is more alike"),
        ("recalibration", result.recalibrate or "none"),
        ("seconds", ", ".join(f"{stage} {spent:.2f}" for stage, spent in result.seconds.items())),
        ("device", f"{result.device}, seed {result.seed}"),
        *(("note", note) for note in result.notes),
        *((row.method, note) for row in result.rows for note in row.notes),
    ]
    return "\n\n".join([f"{result.title} on {result.data}", table(rows), table(facts, "")])


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
