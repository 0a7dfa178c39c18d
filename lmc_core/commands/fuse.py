"""`fuse A B [C…]`: make one network of several, of their widths or of others."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from lmc_core.commands.arguments import (
    Answer,
    add_options,
    add_reading,
    add_settings,
    check_output,
    given_options,
    given_settings,
    pairs,
    read_model,
    table,
    title,
    write,
)
from lmc_core.errors import SettingError
from lmc_core.fusion import FUSIONS
from lmc_core.report import Report
from lmc_core.runs.kinds._options import DATA, FUSION, counted
from lmc_core.runs.kinds.fuse import FUSE
from lmc_core.words.models import assumed

if TYPE_CHECKING:
    from lmc_core.fusion.outcome import Scores
    from lmc_core.runs.kinds.fuse import FuseResult

DONE = tuple(FUSE.options[name] for name in ("recalibrate", "temperature", "finetune", "rate", "points"))
DONE += tuple(FUSE.options[name] for name in ("train_examples", "test_examples"))


def configure(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("models", nargs="+", metavar="MODEL", help="two or more checkpoint files or shipped networks")
    add_reading(parser)
    parser.add_argument("--data", default=DATA.default, help="digits, mnist, fashion-mnist, cifar10 or an .npz file")
    parser.add_argument("--method", default=FUSION.default, help=f"one of {', '.join(FUSIONS)}")
    parser.add_argument("--weights", metavar="L1,L2,…", help="of the networks, of sum 1 (default: equal)")
    parser.add_argument(
        "--widths",
        metavar="N|GROUP=N,…",
        help="of all hidden layers, or by group (default: those of the first network)",
    )
    add_options(parser, DONE)
    parser.add_argument("--out", metavar="FILE", help="write the fused network, .safetensors or .pt2")
    add_settings(parser, FUSIONS.values())


def run(args: argparse.Namespace, report: Report) -> Answer:
    check_output(args.out, ".safetensors", ".pt2")
    if args.method not in FUSIONS:
        raise SettingError(f"there is no fusion method {args.method!r}; there are {', '.join(FUSIONS)}")
    done = given_options(args, DONE)
    settings = FUSIONS[args.method].settings(given_settings(args))
    weights, widths = read_weights(args.weights), read_widths(args.widths)

    report("reading the networks", 0, 0)
    from lmc_core.data.registry import dataset
    from lmc_core.runs.work.facts import card_of
    from lmc_core.runs.work.fuse import fuse_run

    data = dataset(args.data)
    first = read_model(args.models[0], args)
    networks = [first, *(read_model(text, args, like=first) for text in args.models[1:])]
    result, network = fuse_run(
        networks,
        data,
        method=args.method,
        settings=settings,
        weights=weights,
        widths=widths,
        **{name: done[name] for name in ("recalibrate", "temperature", "finetune", "rate", "points")},
        seed=args.seed,
        train_examples=counted(done["train_examples"]),
        test_examples=counted(done["test_examples"]),
        device=args.device,
        models=[card_of(net, title=title(text)) for net, text in zip(networks, args.models, strict=True)],
        report=report,
    )
    if args.out:
        write(network, args.out)
    return Answer({**result.json, "out": args.out}, _text(result, args.out))


def read_weights(text: str | None) -> tuple[float, ...] | None:
    """ ".5,.5" as numbers. Raises SettingError."""
    if text is None:
        return None
    try:
        return tuple(float(part) for part in text.split(","))
    except ValueError:
        raise SettingError(f"--weights {text!r} is not a list of numbers such as .5,.5") from None


def read_widths(text: str | None) -> int | dict[str, int] | None:
    """ "384" or "fc1=200,fc2=100". Raises SettingError."""
    if text is None:
        return None
    try:
        if "=" not in text:
            return int(text)
        return {name: int(size) for name, size in pairs(text.split(","), "--widths").items()}
    except ValueError:
        raise SettingError(f"--widths {text!r} is neither a number nor group=number, …") from None


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
        ("barriers", ", ".join("-" if p is None else f"{p.barrier():.4f}" for p in outcome.paths) + " on the way"),
        ("seconds", ", ".join(f"{stage} {spent:.2f}" for stage, spent in result.seconds.items())),
        ("device", f"{result.device}, seed {result.seed}"),
        *assumed(result.models),
        *(("note", note) for note in result.notes),
        *((("written", out),) if out else ()),
    ]
    heading = f"{len(result.models)} networks fused on {result.data.name}"
    return "\n\n".join([heading, result.finding, table(rows), table(facts, "")])


def _scores(scores: Scores) -> tuple[str, str, str]:
    test, train = scores["test"], scores["train"]
    return f"{test['accuracy']:.4f}", f"{test['loss']:.4f}", f"{train['accuracy']:.4f}"


def _units(groups: dict[str, int] | Any) -> str:
    return ", ".join(f"{name} {size}" for name, size in groups.items())
