"""`path A B`: align B to A and evaluate the line between them, before and after."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING, Any

from lmc_core.commands.arguments import (
    RECALIBRATE,
    Answer,
    add_reading,
    add_settings,
    check_output,
    given_settings,
    read_model,
    table,
    title,
    write,
)
from lmc_core.errors import SettingError
from lmc_core.methods import METHODS
from lmc_core.report import Report

if TYPE_CHECKING:
    from lmc_core.data.dataset import Dataset
    from lmc_core.networks.network import Network
    from lmc_core.runs.result import PathResult

CURVES = ("line", "bezier", "chain")
TAKEN = frozenset(
    ("curve", "through", "data", "method", "points", "recalibrate", "train_examples", "out", "seed", "device")
)
"""Options of the command itself, which no setting of a method can be."""


def configure(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("a", metavar="A", help="the reference: a checkpoint file, or the name of a shipped network")
    parser.add_argument("b", metavar="B", help="the network that is aligned to A")
    add_reading(parser)
    parser.add_argument("--data", default="digits", help="digits, mnist, fashion-mnist, cifar10 or an .npz file")
    parser.add_argument("--method", default="weight-matching", help=f"one of {', '.join(METHODS)}")
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
    parser.add_argument(
        "--curve",
        default="line",
        choices=CURVES,
        help="the path: a straight line, or a curve trained between the ends (default: line)",
    )
    parser.add_argument("--curve-epochs", type=int, default=20, help="epochs of training a curve (default: 20)")
    parser.add_argument(
        "--curve-bends", type=int, default=1, help="free points between the ends of a curve (default: 1)"
    )
    parser.add_argument("--through", metavar="FILE", help="lead the path through this network, such as a fused one")
    parser.add_argument("--out", metavar="FILE", help="write B aligned to A, .safetensors or .pt2")
    add_settings(parser, METHODS.values(), TAKEN)


def run(args: argparse.Namespace, report: Report) -> Answer:
    check_output(args.out, ".safetensors", ".pt2")
    settings = given_settings(args)
    if (chosen := METHODS.get(args.method)) is not None:
        settings = chosen.settings(settings)

    report("reading the networks", 0, 0)
    from lmc_core.data.registry import dataset
    from lmc_core.paths.recalibrate import default_recalibration
    from lmc_core.runs.facts import card_of
    from lmc_core.runs.work import path_run

    data = dataset(args.data)
    a = read_model(args.a, args)
    b = read_model(args.b, args, like=a)
    between, about = _between(args, a, data)
    recalibrate = {"auto": default_recalibration(a), "none": None}.get(args.recalibrate, args.recalibrate)
    result, aligned = path_run(
        a,
        b,
        data,
        method=args.method,
        settings=settings,
        points=args.points,
        recalibrate=recalibrate,
        seed=args.seed,
        train_examples=args.train_examples or None,
        device=args.device,
        models=(card_of(a, title=title(args.a)), card_of(b, title=title(args.b))),
        notes=(about,) if about else (),
        between=between,
        report=report,
    )
    if args.out:
        write(aligned.to("cpu"), args.out)
    answer = {**result.json, "curve": args.curve, "through": args.through, "out": args.out}
    return Answer(answer, _text(result, args.out))


def _between(args: argparse.Namespace, a: Network, data: Dataset) -> tuple[Any, str]:
    """What makes the path between two networks, and a sentence about it; nothing for the straight line."""
    from lmc_core.paths.curves import through, train_curve

    if args.through is not None:
        if args.curve != "line":
            raise SettingError(f"--through leads straight to a network and on; leave out --curve {args.curve}")
        waypoint = read_model(args.through, args, like=a)
        name = title(args.through)
        return lambda x, y, report: through(x, waypoint.to(x.device), y), f"The path is straight from A to {name} to B."
    if args.curve == "line":
        return None, ""
    settings = {"kind": args.curve, "bends": args.curve_bends, "epochs": args.curve_epochs, "seed": args.seed}
    settings["examples"] = args.train_examples
    shape = "Bézier curve" if args.curve == "bezier" else "polygonal chain"
    note = f"The path is a {shape} with {args.curve_bends} free points, trained for {args.curve_epochs} epochs."
    return lambda x, y, report: train_curve(x, y, data, report=report, **settings), note.replace(
        "1 free points", "1 free point"
    )


def _text(result: PathResult, out: str | None) -> str:
    naive, aligned = result.naive, result.aligned
    rows: list[tuple[object, ...]] = [("", "", "barrier", "", "midpoint", "", "ends")]
    for split in ("test", "train"):
        for metric in ("loss", "accuracy"):
            y = aligned.values[split][metric]
            rows.append(
                (
                    split,
                    metric,
                    f"{naive.barrier(split, metric):.4f} → {aligned.barrier(split, metric):.4f}",
                    f"at t={aligned.peak(split, metric):.2f}",
                    f"{naive.midpoint(split, metric):.4f} → {aligned.midpoint(split, metric):.4f}",
                    "",
                    f"{y[0]:.4f}, {y[-1]:.4f}",
                )
            )
    groups = ", ".join(f"{row.name} {row.size}" for row in result.symmetry.groups) or "none"
    facts = [
        ("method", result.alignment.title),
        ("settings", ", ".join(f"{k}={v}" for k, v in result.alignment.settings.items()) or "none"),
        ("recalibration", aligned.recalibrate or "none"),
        ("groups", groups),
        ("symmetry", f"relative error {_number(result.symmetry.error)} under random re-ordering"),
        ("function", f"B aligned differs from B by {_number(result.alignment.function_error)}, relative"),
        ("examples", ", ".join(f"{n} {split}" for split, n in aligned.examples.items())),
        ("seconds", ", ".join(f"{stage} {spent:.2f}" for stage, spent in result.seconds.items())),
        ("device", f"{result.device}, seed {result.alignment.seed}"),
        *(("note", note) for note in (*result.alignment.notes, *result.notes)),
        *((("written", out),) if out else ()),
    ]
    heading = f"{result.title} on {result.data.name}"
    return "\n\n".join([heading, result.finding, "before → after alignment\n" + table(rows), table(facts, "")])


def _number(value: float | None) -> str:
    return "not measured" if value is None else f"{value:.1e}"
