"""`path A B`: align B to A and evaluate the line between them, before and after, and a curve if one is asked for."""

from __future__ import annotations

import argparse
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from lmc_core.commands.arguments import (
    Answer,
    add_options,
    add_reading,
    add_settings,
    check_output,
    given_options,
    given_settings,
    known_as,
    read_model,
    table,
    title,
    write,
)
from lmc_core.errors import SettingError
from lmc_core.methods import METHODS
from lmc_core.report import Report
from lmc_core.runs.kinds._curve import CURVE, TRAINED
from lmc_core.runs.kinds._options import (
    DATA,
    METHOD,
    POINTS,
    RECALIBRATE,
    TEST_EXAMPLES,
    TRAIN_EXAMPLES,
    counted,
)
from lmc_core.words.models import assumed

if TYPE_CHECKING:
    from lmc_core.networks.network import Network
    from lmc_core.paths.profile import Profile
    from lmc_core.runs.kinds.path import PathResult

MEASURED = (POINTS, RECALIBRATE, TRAIN_EXAMPLES, TEST_EXAMPLES)
TAKEN = frozenset(("curve", "through", "data", "method", "out", "seed", "device", *(o.name for o in MEASURED)))
"""Options of the command itself, which no setting of a method can be."""


def configure(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("a", metavar="A", help="the reference: a checkpoint file, or the name of a shipped network")
    parser.add_argument("b", metavar="B", help="the network that is aligned to A")
    add_reading(parser)
    parser.add_argument("--data", default=DATA.default, help="digits, mnist, fashion-mnist, cifar10 or an .npz file")
    parser.add_argument("--method", default=METHOD.default, help=f"one of {', '.join(METHODS)}")
    add_options(parser, MEASURED)
    parser.add_argument(
        "--curve",
        default="none",
        choices=("none", *TRAINED),
        help="train and measure a curve from A to aligned B too; with --method identity, to B as it is (default: none)",
    )
    parser.add_argument("--curve-epochs", type=int, help="epochs of training a curve (default: 20)")
    parser.add_argument("--curve-bends", type=int, help="free points between the ends of a curve (default: 1)")
    parser.add_argument(
        "--through", metavar="FILE", help="measure the way through this network too, such as a fused one"
    )
    parser.add_argument("--out", metavar="FILE", help="write B aligned to A, .safetensors or .pt2")
    add_settings(parser, METHODS.values(), TAKEN)


def run(args: argparse.Namespace, report: Report) -> Answer:
    check_output(args.out, ".safetensors", ".pt2")
    measured = given_options(args, MEASURED)
    settings = given_settings(args)
    if (chosen := METHODS.get(args.method)) is not None:
        settings = chosen.settings(settings)

    report("reading the networks", 0, 0)
    from lmc_core.data.registry import dataset
    from lmc_core.runs.work.facts import card_of
    from lmc_core.runs.work.path import path_run

    data = dataset(args.data)
    a = read_model(args.a, args)
    b = read_model(args.b, args, like=a)
    curve, waypoint = _curve(args, a)
    result, aligned = path_run(
        a,
        b,
        data,
        method=args.method,
        settings=settings,
        points=measured["points"],
        recalibrate=measured["recalibrate"],
        seed=args.seed,
        train_examples=counted(measured["train_examples"]),
        test_examples=counted(measured["test_examples"]),
        device=args.device,
        curve=curve,
        waypoint=waypoint,
        diagnosed=False,
        models=(card_of(a, title=title(args.a)), card_of(b, title=title(args.b))),
        report=report,
    )
    if args.out:
        write(aligned.to("cpu"), args.out)
    return Answer({**result.json, "out": args.out}, _text(result, args.out))


def _curve(args: argparse.Namespace, a: Network) -> tuple[dict[str, Any] | None, Network | None]:
    """The curve that is asked for, as a request has it, and the network it leads through."""
    given = {"bends": args.curve_bends, "epochs": args.curve_epochs}
    asked = CURVE.check({"kind": args.curve, **{name: value for name, value in given.items() if value is not None}})
    if args.through is None:
        return asked, None
    if asked is not None:
        raise SettingError(f"--through leads straight to a network and on; leave out --curve {args.curve}")
    waypoint = read_model(args.through, args, like=a)
    waypoint = replace(waypoint, source=known_as(args.through, waypoint))
    return {"kind": "through", "model": waypoint.source, "fingerprint": waypoint.fingerprint}, waypoint


def _text(result: PathResult, out: str | None) -> str:
    curve = result.curve
    lines = ("before → after alignment", (result.naive, result.aligned))
    end = "B" if result.alignment.method == "identity" else "aligned B"
    bent = [(f"{curve.title}, from A to {end}", (curve.profile,))] if curve else []
    groups = ", ".join(f"{row.name} {row.size}" for row in result.symmetry.groups) or "none"
    facts = [
        ("method", result.alignment.title),
        ("settings", ", ".join(f"{k}={v}" for k, v in result.alignment.settings.items()) or "none"),
        ("recalibration", result.aligned.recalibrate or "none"),
        ("groups", groups),
        ("symmetry", f"relative error {_number(result.symmetry.error)} under random re-ordering"),
        ("function", f"B aligned differs from B by {_number(result.alignment.function_error)}, relative"),
        ("examples", ", ".join(f"{n} {split}" for split, n in result.aligned.examples.items())),
        *((("training", f"of the curve: {_falling(curve.history)}"),) if curve and curve.history else ()),
        ("seconds", ", ".join(f"{stage} {spent:.2f}" for stage, spent in result.seconds.items())),
        ("device", f"{result.device}, seed {result.alignment.seed}"),
        *assumed(result.models),
        *(("note", note) for note in (*result.alignment.notes, *result.notes)),
        *((("written", out),) if out else ()),
    ]
    heading = f"{result.title} on {result.data.name}"
    tables = (f"{name}\n{table(_rows(*profiles))}" for name, profiles in (lines, *bent))
    return "\n\n".join([heading, result.finding, *tables, table(facts, "")])


def _rows(*profiles: Profile) -> list[tuple[str, ...]]:
    """Barrier and midpoint of paths in turn, where the last one is highest, and its ends."""
    last = profiles[-1]
    rows: list[tuple[str, ...]] = [("", "", "barrier", "", "midpoint", "", "ends")]
    for split in ("test", "train"):
        for metric in ("loss", "accuracy"):
            barrier = " → ".join(f"{profile.barrier(split, metric):.4f}" for profile in profiles)
            middle = " → ".join(f"{profile.midpoint(split, metric):.4f}" for profile in profiles)
            y = last.values[split][metric]
            peak, ends = f"at t={last.peak(split, metric):.2f}", f"{y[0]:.4f}, {y[-1]:.4f}"
            rows.append((split, metric, barrier, peak, middle, "", ends))
    return rows


def _falling(history: tuple[float, ...]) -> str:
    return f"mean loss {history[0]:.4f} in the first epoch, {history[-1]:.4f} in the last of {len(history)}"


def _number(value: float | None) -> str:
    return "not measured" if value is None else f"{value:.1e}"
