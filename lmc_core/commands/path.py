"""`path A B`: align B to A and evaluate the line between them, before and after, and a curve if one is asked for."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any

from lmc_core.commands.arguments import (
    Answer,
    add_reading,
    check_output,
    known_as,
    read_model,
    read_models,
    table,
    write,
)
from lmc_core.commands.files import add_files, wanted
from lmc_core.commands.spelling import add_request, asked, said
from lmc_core.errors import SettingError
from lmc_core.report import Report
from lmc_core.runs.kinds import KINDS
from lmc_core.runs.kinds._options import counted
from lmc_core.runs.summary import summary
from lmc_core.words.measures import measures
from lmc_core.words.models import assumed
from lmc_core.words.path import LATER

if TYPE_CHECKING:
    from lmc_core.networks.network import Network
    from lmc_core.paths.profile import Metric, Profile, Split
    from lmc_core.runs.kinds.path import PathResult

KIND = KINDS["path"]


def configure(parser: argparse.ArgumentParser) -> None:
    add_request(parser, KIND, taken=("out", "out_reference", "arch", "normalize", "through"))
    add_reading(parser)
    add_files(parser)
    thorough = "compare all layers for these files; else of large networks only the first is drawn"
    parser.add_argument("--thorough", action="store_true", help=thorough)
    parser.add_argument("--out", metavar="FILE", help="write B aligned to A, .safetensors, .pth or .pt2")
    parser.add_argument("--out-reference", metavar="FILE", help="write A as the path starts at it, likewise")


def run(args: argparse.Namespace, report: Report) -> Answer:
    for path in (args.out, args.out_reference):
        check_output(path, ".safetensors", ".pth", ".pt2")
    if args.thorough and not wanted(args):
        raise SettingError(
            "--thorough compares the layers for a file: name one with --report FILE.html, or leave it out"
        )
    request = asked(args, KIND)
    report("reading the networks", 0, 0)
    from lmc_core.data.registry import dataset
    from lmc_core.runs.work.path import path_run

    data = dataset(request["data"], task=request["task"])
    (a, b), (card_a, card_b) = read_models((request["a"], request["b"]), args, data)
    curve, waypoint = _through(request["curve"], a, args)
    chosen = said(args, "method") or said(args, "settings")
    result, ends = path_run(
        a,
        b,
        data,
        **({"method": request["method"], "settings": request["settings"]} if chosen else {}),
        **{name: request[name] for name in ("points", "recalibrate", "seed", "device")},
        train_examples=counted(request["train_examples"]),
        test_examples=counted(request["test_examples"]),
        precision=request["precision"] or None,
        curve=curve,
        waypoint=waypoint,
        diagnosed=(True if args.thorough else None) if wanted(args) else False,
        models=(card_a, card_b),
        report=report,
    )
    written = [
        (path, network) for path, network in ((args.out, ends.moved), (args.out_reference, ends.a)) if path is not None
    ]
    for path, network in written:
        write(network.to("cpu"), path)
    files = {"out": args.out, "out_reference": args.out_reference}
    text = _text(result, [path for path, _ in written])
    return Answer({**result.json, **files}, text, partial(summary, KIND.name, result))


def _through(
    curve: dict[str, Any] | None, a: Network, args: argparse.Namespace
) -> tuple[dict[str, Any] | None, Network | None]:
    """The curve as a request has it, and the network it leads through if there is one."""
    if curve is None or curve["kind"] != "through":
        return curve, None
    waypoint = replace(read_model(curve["model"], args, like=a), normalize=a.normalize)
    waypoint = replace(waypoint, source=known_as(curve["model"], waypoint))
    return {**curve, "model": waypoint.source, "fingerprint": waypoint.fingerprint}, waypoint


def _text(result: PathResult, written: Sequence[str]) -> str:
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
        ("examples", ", ".join(_measured(result.aligned, split) for split in result.aligned.examples)),
        *((("training", f"of the curve: {_falling(curve.history)}"),) if curve and curve.history else ()),
        ("seconds", ", ".join(f"{stage} {spent:.2f}" for stage, spent in result.seconds.items())),
        ("device", f"{result.device}, seed {result.alignment.seed}"),
        *assumed(result.models),
        *(("note", note) for note in (*result.alignment.notes, *result.notes, *([LATER] if result.later else []))),
        *(("written", path) for path in written),
    ]
    heading = f"{result.title} on {result.data.name}"
    tables = (f"{name}\n{table(_rows(*profiles))}" for name, profiles in (lines, *bent))
    return "\n\n".join([heading, result.finding, *tables, table(facts, "")])


def _rows(*profiles: Profile) -> list[tuple[str, ...]]:
    """Barrier and midpoint of paths in turn, where the last one is highest, and its ends."""
    last, named = profiles[-1], measures(profiles)
    rows: list[tuple[str, ...]] = [("", "", "barrier", "", "midpoint", "", "ends")]
    splits: tuple[Split, ...] = ("test", "train")
    metrics: tuple[Metric, ...] = ("loss", "accuracy")
    for split in splits:
        for metric in metrics:
            barrier = " → ".join(_barrier(profile, split, metric) for profile in profiles)
            middle = " → ".join(f"{profile.midpoint(split, metric):.4f}" for profile in profiles)
            y = last.values[split][metric]
            peak, ends = f"at t={last.peak(split, metric):.2f}", f"{y[0]:.4f}, {y[-1]:.4f}"
            rows.append((split, named.name(metric), barrier, peak, middle, "", ends))
    return rows


def _measured(profile: Profile, split: str) -> str:
    of = f" of {profile.population[split]}" if split in profile.population else ""
    return f"{profile.examples[split]}{of} {split}"


def _barrier(profile: Profile, split: Split, metric: Metric) -> str:
    around = f" ± {profile.uncertainty(split, metric):.4f}" if profile.sampled(split) else ""
    return f"{profile.barrier(split, metric):.4f}{around}"


def _falling(history: tuple[float, ...]) -> str:
    return f"mean loss {history[0]:.4f} in the first epoch, {history[-1]:.4f} in the last of {len(history)}"


def _number(value: float | None) -> str:
    return "not measured" if value is None else f"{value:.1e}"
