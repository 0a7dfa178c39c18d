"""`fuse A B [C…]`: make one network of several, of their widths or of others."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

from lmc_core.commands.arguments import Answer, add_reading, check_output, read_models, table, write
from lmc_core.commands.files import add_files
from lmc_core.commands.spelling import add_request, asked
from lmc_core.report import Report
from lmc_core.runs.kinds import KINDS
from lmc_core.runs.summary import summary
from lmc_core.words.models import assumed

if TYPE_CHECKING:
    from lmc_core.fusion.outcome import Outcome, Scores
    from lmc_core.runs.kinds.fuse import FuseResult

KIND = KINDS["fuse"]


def configure(parser: argparse.ArgumentParser) -> None:
    add_request(parser, KIND, taken=("out", "arch", "normalize"))
    add_reading(parser)
    add_files(parser)
    parser.add_argument("--out", metavar="FILE", help="write the fused network, .safetensors, .pth or .pt2")


def run(args: argparse.Namespace, report: Report) -> Answer:
    check_output(args.out, ".safetensors", ".pth", ".pt2")
    request = asked(args, KIND)
    report("reading the networks", 0, 0)
    from lmc_core.data.registry import dataset
    from lmc_core.runs.work.fuse import fuse_run, how

    data = dataset(request["data"], task=request["task"])
    networks, cards = read_models(request["models"], args, data)
    result, network = fuse_run(networks, data, **how(request), device=request["device"], models=cards, report=report)
    if args.out:
        write(network, args.out)
    return Answer({**result.json, "out": args.out}, _text(result, args.out), partial(summary, KIND.name, result))


def _text(result: FuseResult, out: str | None) -> str:
    outcome = result.outcome
    rows: list[Sequence[object]] = [("network", "test accuracy", "test loss", "train accuracy", "units")]
    for name, scores, groups in zip(outcome.names, outcome.parents, result.parent_groups, strict=True):
        rows.append((name, *_scores(scores), _units(groups)))
    if outcome.ensemble is not None:
        rows.append(("ensemble", *_scores(outcome.ensemble), "all of them, their predictions averaged"))
    if outcome.average is not None:
        rows.append(("plain average", *_scores(outcome.average), ""))
    rows.append(("fused", *_scores(outcome.fused), _units(result.groups)))
    rows += [(f"  epoch {epoch}", *_scores(scores), "") for epoch, scores in enumerate(outcome.curve) if epoch]
    facts = [
        ("method", result.method_title),
        ("settings", ", ".join(f"{k}={v}" for k, v in result.settings.items()) or "none"),
        ("weights", ", ".join(f"{w:g}" for w in result.weights)),
        ("recalibration", result.recalibrate or "none"),
        *((("temperature", f"{result.temperature:.3g}"),) if result.temperature is not None else ()),
        ("function", ", ".join(f"{e:.1e}" for e in result.function_errors) + " lost by the couplings, relative"),
        *((("barriers", _barriers(outcome)),) if outcome.paths else ()),
        ("seconds", ", ".join(f"{stage} {spent:.2f}" for stage, spent in result.seconds.items())),
        ("device", f"{result.device}, seed {result.seed}"),
        *assumed(result.models),
        *(("note", note) for note in result.notes),
        *((("written", out),) if out else ()),
    ]
    heading = f"{len(result.models)} networks fused on {result.data.name}"
    return "\n\n".join([heading, result.finding, table(rows), table(facts, "")])


def _barriers(outcome: Outcome) -> str:
    return ", ".join("-" if path is None else f"{path.barrier():.4f}" for path in outcome.paths) + " on the way"


def _scores(scores: Scores) -> tuple[str, str, str]:
    test, train = scores["test"], scores["train"]
    return f"{test['accuracy']:.4f}", f"{test['loss']:.4f}", f"{train['accuracy']:.4f}"


def _units(groups: dict[str, int] | Any) -> str:
    return ", ".join(f"{name} {size}" for name, size in groups.items())
