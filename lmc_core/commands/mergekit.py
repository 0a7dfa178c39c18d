"""`mergekit A B --out FOLDER`: B aligned to A as a folder of its form, and a recipe by which mergekit merges both."""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import TYPE_CHECKING

from lmc_core.commands.arguments import Answer
from lmc_core.errors import SettingError
from lmc_core.report import Report

if TYPE_CHECKING:
    from lmc_core.networks.network import Network

MERGES = ("linear", "slerp", "ties", "dare_ties")
"""mergekit's own methods that need no more than two networks, or these and a base."""
ALIGNED, RECIPE = "aligned", "merge.yaml"


def configure(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("a", metavar="A", help="a folder with config.json, or owner/name on the Hugging Face Hub")
    parser.add_argument("b", metavar="B", help="another one of the same architecture")
    parser.add_argument("--out", required=True, metavar="FOLDER", help="where aligned B and the recipe go")
    parser.add_argument("--merge", choices=MERGES, default="linear", help="mergekit's method (default: linear)")
    parser.add_argument("--weight", type=float, default=0.5, metavar="W", help="share of B, 0 to 1 (default: 0.5)")
    parser.add_argument("--base", metavar="FOLDER", help="what A and B were trained from, for ties and dare_ties")
    parser.add_argument("--method", default="weight-matching", help="alignment method that needs no data")


def run(args: argparse.Namespace, report: Report) -> Answer:
    if not 0 <= args.weight <= 1:
        raise SettingError(f"--weight {args.weight:g} is no share; give a number from 0 to 1")
    based = args.merge in ("ties", "dare_ties")
    if based and not args.base:
        raise SettingError(f"--merge {args.merge} merges what A and B have learned since a common base; give --base")
    report("reading the networks", 0, 0)
    from lmc_core.methods.align import align
    from lmc_core.networks.checkpoint import load
    from lmc_core.networks.pretrained import save_folder

    a, b = load(args.a), load(args.b)
    report("aligning", 0, 0)
    alignment = align(a, b, args.method, seed=args.seed, report=report)
    moved = alignment.transport(b)
    out = Path(args.out)
    save_folder(moved, out / ALIGNED)
    recipe = _recipe(args, a, out / ALIGNED)
    (out / RECIPE).write_text(recipe)
    answer = {
        "out": args.out,
        "recipe": str(out / RECIPE),
        "method": args.method,
        "groups": {name: group.size for name, group in alignment.symmetry.groups.items()},
        "function_error": alignment.function_error,
        "notes": list(alignment.notes),
        "seconds": alignment.seconds,
        "seed": args.seed,
    }
    notes = "".join(f"\nnote: {note}" for note in alignment.notes)
    text = (
        f"{out / ALIGNED}: B aligned to A by {args.method}, outputs changed by {alignment.function_error:.1e}\n"
        f"mergekit-yaml {out / RECIPE} {out / 'merged'}{notes}"
    )
    return Answer(answer, text)


def _recipe(args: argparse.Namespace, a: Network, aligned: Path) -> str:
    """The recipe as YAML; texts are JSON strings, which YAML reads too."""
    kinds = set((a.metadata.get("types") or {}).values())
    shares = ((args.a, 1 - args.weight), (str(aligned), args.weight))
    lines = [f"merge_method: {args.merge}"]
    if args.merge == "slerp":
        lines += [f"base_model: {json.dumps(args.a)}", "models:", *(f"  - model: {json.dumps(m)}" for m, _ in shares)]
        lines += ["parameters:", f"  t: {args.weight:g}"]
    else:
        lines += [f"base_model: {json.dumps(args.base)}"] if args.base else []
        lines += ["models:"]
        for model, share in shares:
            lines += [f"  - model: {json.dumps(model)}", "    parameters:", f"      weight: {share:g}"]
    lines += [f"dtype: {kinds.pop() if len(kinds) == 1 else 'float32'}"]
    return "\n".join(lines) + "\n"
