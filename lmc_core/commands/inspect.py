"""`inspect MODEL`: what a network is, and which of its units may be re-ordered."""

from __future__ import annotations

import argparse
from collections.abc import Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

from lmc_core.commands.arguments import Answer, add_reading, check_output, read_model, table, title, write
from lmc_core.commands.files import add_files
from lmc_core.errors import SettingError
from lmc_core.report import Report
from lmc_core.runs.summary import summary
from lmc_core.words.inspect import CLASSES
from lmc_core.words.models import assumption

if TYPE_CHECKING:
    from lmc_core.operators import Kind
    from lmc_core.runs.kinds.inspect import InspectResult
    from lmc_core.runs.values.facts import FormRow


def configure(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("model", metavar="MODEL", help="a checkpoint file, or the name of a shipped network")
    add_reading(parser)
    parser.add_argument("--data", help="measure its accuracy on these data")
    parser.add_argument(
        "--canonical", action="store_true", help="list what its canonical form folds, and what it refuses"
    )
    parser.add_argument("--out", metavar="FILE", help="write the canonical form, .safetensors, .pth or .pt2")
    add_files(parser)


def run(args: argparse.Namespace, report: Report) -> Answer:
    if args.out and not args.canonical:
        raise SettingError(f"--out {args.out} names a file for the canonical form; add --canonical")
    check_output(args.out, ".safetensors", ".pth", ".pt2")
    report("reading the network", 0, 0)
    from lmc_core.data.registry import dataset
    from lmc_core.networks.reading import decided
    from lmc_core.runs.work.inspect import inspect_network

    data = dataset(args.data) if args.data else None
    network = read_model(args.model, args, data=data)
    if data is not None:
        (network,) = decided([network], data)
    result = inspect_network(network, data, title=title(args.model), device=args.device, report=report)
    if not args.canonical:
        return Answer(result.json, _text(result), partial(summary, "inspect", result))
    report("finding the canonical form", 0, 0)
    from lmc_core.runs.work.facts import form_rows
    from lmc_core.symmetry.canonical.canonical import canonical

    form = canonical(network)
    rows = form_rows({"": form})
    if args.out:
        write(form.network, args.out)
    kinds = {name: group.kind for name, group in form.symmetry.groups.items()}
    found = {"error": form.error, "classes": kinds, **_json(rows), "out": args.out}
    said = [_text(result), _form_text(form.error, kinds, rows, args.out)]
    return Answer({**result.json, "canonical": found}, "\n\n".join(said), partial(summary, "inspect", result))


def _json(rows: Sequence[FormRow]) -> dict[str, Any]:
    return {
        "folded": [{"tensor": r.tensor, "part": r.part, "into": list(r.into)} for r in rows if r.settled],
        "refused": [{"tensor": r.tensor, "part": r.part, "why": r.said} for r in rows if not r.settled],
    }


def _form_text(error: float, kinds: Mapping[str, Kind], rows: Sequence[FormRow], out: str | None) -> str:
    parts = [f"canonical form: the same function to {error:.1e}, relative"]
    for settled, heading in ((True, "settled"), (False, "left as it is")):
        if chosen := [(row.tensor, row.part, row.said) for row in rows if row.settled == settled]:
            parts.append(f"{heading}: tensor or group, part, what became of it\n{table(chosen)}")
    if not rows:
        parts.append("nothing was open: no gains, scales or frames to settle")
    parts.append("groups after it: what may be done to them\n" + table((n, CLASSES[k]) for n, k in kinds.items()))
    return "\n\n".join([*parts, *([f"written: {out}"] if out else [])])


def _text(result: InspectResult) -> str:
    model, symmetry = result.model, result.symmetry
    parts = [result.finding]
    if model.assumptions:
        parts.append("assumed\n" + table((f"{o}={assumption(o, v)}", why) for o, v, why in model.assumptions))
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
